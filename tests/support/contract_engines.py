"""The engines of the contract suite: Redis, PostgreSQL, NATS, Kafka (its mock), MQTT, servers of event streams. Each says how
it is used and what it promises, in the words of contract.py."""

import json
import shutil
import signal
import subprocess

from case import metric
from contract import ONE_BY_ONE, OVERFLOW, TOO_LARGE, Adapter, WithoutPast
from kafka_mock import KafkaMock
from kept_sse import KeptSse
from mosquitto_broker import MosquittoBroker
from nats_server import NatsServer
from outbox import COLUMNS
from postgres_server import PostgresServer
from redis_server import RedisServer

# --- Redis ---


class RedisStream(Adapter):
    name = "redis stream"
    opens_on_demand = True
    never = {OVERFLOW: ONE_BY_ONE}

    def start_engine(self):
        self.engine = RedisServer().start()

    def keys(self, gateway):
        return f'url = "{self.engine.url}"\nstream = "s:{{topic}}"'

    def publish(self, topic, *data):
        with self.engine.client() as redis:
            redis.xadd(f"s:{topic}", *({"data": each} for each in data))

    def poison(self, topic):
        with self.engine.client() as redis:
            redis.xadd(f"s:{topic}", {"data": b"a\xff\0b"}, {"data": "named", "event": "x\ry"}, {"data": TOO_LARGE},
                       {"data": "posing", "event": "sluice.gap"}, {"data": "good"})
        return 4, ["a\ufffdb", "named", "posing", "good"]

    def trim(self, topic, data):
        with self.engine.client() as redis:
            redis.xtrim(f"s:{topic}", 3)
        return data[-3:]

    def make_anew(self):
        with self.engine.client() as redis:
            redis.delete(*(key.decode() for key in redis.do("KEYS", "s:*")))

    def future(self, position):
        return "99999999999999-0"


class RedisChannel(WithoutPast):
    name = "redis channel"
    never = WithoutPast.never | {OVERFLOW: ONE_BY_ONE}

    def start_engine(self):
        self.engine = RedisServer().start()

    def keys(self, gateway):
        return f'url = "{self.engine.url}"\nchannel = "s:{{topic}}"'

    def publish(self, topic, *data):
        with self.engine.client() as redis:
            redis.pipeline(["PUBLISH", f"s:{topic}", each] for each in data)

    def poison(self, topic):  # a message has no name
        self.publish(topic, b"a\xff\0b", TOO_LARGE, "good")
        return 2, ["a\ufffdb", "good"]


# --- PostgreSQL ---


class PostgresOutbox(Adapter):
    name = "postgres table"

    def start_engine(self):
        self.engine = PostgresServer().start()
        with self.engine.session() as sql:
            sql.run(f"CREATE TABLE outbox ({COLUMNS.replace('data text', 'data bytea')})")
            sql.run("CREATE INDEX ON outbox (xid, id)")
        self.engine.shut_down()
        self._copy(self.engine.data, self.engine.folder / "backup")
        self.engine.start()

    @staticmethod
    def _copy(source, target):
        subprocess.run(["cp", "-a", source, target], check=True)

    def keys(self, gateway):
        return f'url = "{self.engine.url}"\ntable = "outbox"'

    def publish(self, topic, *data):
        self._insert(*(f"('{topic}', NULL, '{each}')" for each in data))

    def _insert(self, *rows):
        with self.engine.session() as sql:
            sql.run(f"INSERT INTO outbox (topic, event, data) VALUES {', '.join(rows)}")

    def poison(self, topic):
        self._insert(*(f"('{topic}', {event}, {data})" for event, data in [
            ("NULL", r"'\x61ff0062'"), (r"E'x\ry'", "'named'"), ("NULL", f"'{TOO_LARGE}'"), ("'sluice.gap'", "'posing'"),
            ("NULL", "'good'")]))
        return 4, ["a\ufffdb", "named", "posing", "good"]

    def trim(self, topic, data):
        with self.engine.session() as sql:
            sql.run("DELETE FROM outbox WHERE id <= (SELECT max(id) - 3 FROM outbox)")
        return data[-3:]

    def make_anew(self):
        """Restored from a backup that was made before anything was written."""
        self.engine.shut_down()
        shutil.rmtree(self.engine.data)
        self._copy(self.engine.folder / "backup", self.engine.data)
        self.engine.start()

    def future(self, position):
        return "99999999999.7"


class PostgresListen(WithoutPast):
    name = "postgres channel"
    burst = [f"{number} {'y' * 7_900}" for number in range(190)]  # a payload has at most 7999 bytes

    def start_engine(self):
        self.engine = PostgresServer().start()

    def keys(self, gateway):
        return f'url = "{self.engine.url}"\nchannel = "s"\nmap = {{ topic = "/topic", event = "/event", data = "/data" }}'

    def publish(self, topic, *data):
        self._notify(*({"topic": topic, "data": each} for each in data))

    def _notify(self, *payloads):
        texts = [json.dumps(payload).replace("'", "''") for payload in payloads]
        with self.engine.session() as sql:
            sql.run("SELECT " + ", ".join(f"pg_notify('s', '{text}')" for text in texts))

    def poison(self, topic):  # PostgreSQL lets no bytes pass that are not UTF-8, nor a large payload
        self._notify({"topic": topic, "data": "a\0b"}, {"topic": topic, "data": "named", "event": "x\ry"},
                     {"topic": topic, "data": "posing", "event": "sluice.gap"}, {"topic": topic, "data": "good"})
        return 3, ["ab", "named", "posing", "good"]


# --- NATS ---


class JetStream(Adapter):
    name = "jetstream"
    recreated_reasons = ("recreated", "unknown_epoch")  # who followed, and who comes with an old id

    def start_engine(self):
        self.engine = NatsServer().start()
        with self.engine.client() as nats:
            nats.create_stream("S", "s.>")

    def keys(self, gateway):
        return f'url = "{self.engine.url}"\nstream = "S"\nsubject = "s.>"'

    def publish(self, topic, *data):
        with self.engine.client() as nats:
            nats.publish_acknowledged(f"s.{topic}", *data)

    def poison(self, topic):
        with self.engine.client() as nats:
            for data, headers in NATS_POISON:
                nats.publish_acknowledged(f"s.{topic}", data, headers=headers)
        return 4, ["a\ufffdb", "named", "posing", "good"]

    def trim(self, topic, data):
        with self.engine.client() as nats:
            nats.purge("S", keep=3)
        return data[-3:]

    def make_anew(self):
        with self.engine.client() as nats:
            nats.delete_stream("S")
            nats.create_stream("S", "s.>")

    def future(self, position):
        return position.split(".")[0] + ".999999"


# A line end would end a header.
NATS_POISON = [(b"a\xff\0b", None), ("named", {"event": "n" * 300}), (TOO_LARGE, None), ("posing", {"event": "sluice.gap"}),
               ("good", None)]


class CoreNats(WithoutPast):
    name = "core nats"

    def start_engine(self):
        self.engine = NatsServer(jetstream=False).start()

    def keys(self, gateway):
        return f'url = "{self.engine.url}"\nsubject = "s.>"'

    def publish(self, topic, *data):
        with self.engine.client() as nats:
            for each in data:
                nats.publish(f"s.{topic}", each)
            nats.flush()

    def poison(self, topic):
        with self.engine.client() as nats:
            for data, headers in NATS_POISON:
                nats.publish(f"s.{topic}", data, headers=headers)
            nats.flush()
        return 4, ["a\ufffdb", "named", "posing", "good"]


# --- Kafka ---


class Kafka(Adapter):
    """One partition: of several, each has its own order (source_kafka_test.py)."""

    name = "kafka"

    def start_engine(self):
        self.engine = KafkaMock().start()
        self.engine.create_topic("s")

    def keys(self, gateway):
        return f'url = "{self.engine.url}"\ntopic = "s"\nmap.topic = "topic"'

    def publish(self, topic, *data):
        self._produce(topic, *data)

    def _produce(self, topic, *data, **headers):
        self.engine.produce("s", *data, headers={"topic": topic, **headers})

    def poison(self, topic):
        self._produce(topic, b"a\xff\0b")
        self._produce(topic, "named", event="x\ry")
        self._produce(topic, TOO_LARGE)
        self._produce(topic, "posing", event="sluice.gap")
        self._produce(topic, "good")
        return 4, ["a\ufffdb", "named", "posing", "good"]

    def trim(self, topic, data):  # the mock keeps 5 MiB; nobody falls so far behind that it loses something unread
        for _ in range(3):
            had = {gateway: metric(gateway, "sluice_source_events_total") for gateway in (self.one, self.two)}
            self._produce("filler", *self.burst)
            for gateway, before in had.items():
                self.wait_metric(gateway, "sluice_source_events_total",
                                 lambda now, before=before: now >= before + len(self.burst))
        if self.engine.watermarks("s")[0] == 0:
            raise AssertionError("the mock cluster has kept everything")
        return []

    def make_anew(self):
        """The mock deletes no topic: another cluster, to which the gateways are sent."""
        self.engine.close()
        self.start_engine()
        for name in ("one", "two"):
            gateway = getattr(self, name)
            gateway.signal(signal.SIGTERM)
            gateway.wait()
            gateway.config = self.config(name)
            gateway.restart()

    def future(self, position):
        return "0.999999"

    def restart(self):  # the mock's log is its memory: its brokers go away and come back
        self.engine.broker_down()
        for gateway in (self.one, self.two):
            self.wait_up(gateway, 0)
        self.engine.broker_up()


# --- MQTT ---


class Mqtt(WithoutPast):
    name = "mqtt"

    def start_engine(self):
        self.engine = MosquittoBroker().start()

    def keys(self, gateway):
        return f'url = "{self.engine.url}"\ntopic = "s/#"\nmap.event = "/event"'

    def publish(self, topic, *data):
        self.engine.publish_lines(f"s/{topic}", data)

    def poison(self, topic):
        for data in (b"a\xff\0b", '{"event":"x\\ry"}', TOO_LARGE, '{"event":"sluice.gap"}', "good"):
            self.engine.publish(f"s/{topic}", data)
        return 4, ["a\ufffdb", '{"event":"x\\ry"}', '{"event":"sluice.gap"}', "good"]


# --- Servers of event streams ---


class SseBackend(Adapter):
    """Over HTTP/2, one that says what it has lost, as a sluice does."""

    name = "sse backend"
    opens_on_demand = True
    never = {OVERFLOW: ONE_BY_ONE}
    future_reason = "unknown_position"
    recreated_reasons = "unknown_epoch"

    def start_engine(self):
        self.engine = KeptSse(h2=True)

    def keys(self, gateway):
        return f'url = "{self.engine.url("/feeds/{topic}")}"\ntls.ca = "{self.engine.ca}"'

    def publish(self, topic, *data):
        self.engine.append(topic, *data)

    def poison(self, topic):  # a CR ends a line here, and a sluice.gap of a backend is one
        self.engine.append_wires(topic, b"data: a\xff\0b\n\n", b"id: a\tb\ndata: named\n\n",
                                 b"data: %b\n\n" % TOO_LARGE.encode(), b"data: good\n\n")
        return 3, ["a\ufffdb", "named", "good"]

    def trim(self, topic, data):
        self.engine.trim(topic, 3)
        return data[-3:]

    def make_anew(self):
        self.engine.make_anew()

    def future(self, position):
        return position.split(".")[0] + ".999999"

    def restart(self):
        self.engine.restart()


UNTOLD = "ids are opaque, and of one that it does not have this server begins at its oldest without a word"


class SilentSseBackend(SseBackend):
    """Over HTTP/1.1, one that counts its events and says nothing else."""

    name = "sse backend that tells nothing"
    recreated_reasons = "recreated"
    tells_old_positions = False
    never = dict.fromkeys(("a position of the future is a gap and then all there is",
                           "a position of somebody else is a gap and then all there is",
                           "what was trimmed is announced once"), UNTOLD) | SseBackend.never

    def start_engine(self):
        self.engine = KeptSse(tells=False)

    def keys(self, gateway):
        return f'url = "{self.engine.url("/feeds/{topic}")}"'
