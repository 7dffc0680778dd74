"""The engines that the tests of the sources stand on: what is true of them here may be relied on there."""

import pathlib
import subprocess
import unittest

from engine import Engine, EngineError
from kafka_mock import PRODUCE, KafkaMock
from mosquitto_broker import MosquittoBroker
from nats_server import NatsServer
from postgres_server import PostgresServer
from redis_server import RedisServer

PASSWORD = 'sp ace/"@:quote'
VARIANTS = [{}, {"password": PASSWORD}, {"tls": True}, {"tls": True, "password": PASSWORD}]


class EngineCase(unittest.TestCase):
    def start(self, kind: type[Engine], **variant) -> Engine:
        engine = kind(**variant)
        self.addCleanup(engine.close)
        return engine.start()

    def assert_kept(self, engine, write, read):
        """Writing, kill -9, a new start on the same port: what was acknowledged is there."""
        port = engine.port
        wrote = write()
        engine.kill()
        self.assertFalse(engine.running)
        with self.assertRaises(ConnectionRefusedError):
            engine.connect()
        engine.start()
        self.assertEqual(engine.port, port)
        self.assertEqual(read(), wrote)

    def assert_hangs_and_goes_on(self, engine, ask):
        """SIGSTOP: nothing is refused, nothing answered; SIGCONT: as if nothing had been."""
        engine.stop_process()
        engine.connect().close()
        with self.assertRaises(TimeoutError):
            ask(0.3)
        engine.cont()
        ask(15)


class AnyEngine(EngineCase):
    def test_engines_leave_no_process_and_no_folder(self):
        for kind in (RedisServer, NatsServer, PostgresServer, MosquittoBroker, KafkaMock):
            with self.subTest(kind.__name__):
                with kind() as engine:
                    pids = engine.pids()
                    self.assertIn(engine.process.pid, pids)  # its children come and go: PostgreSQL has one for each session
                    self.assertTrue(self.runs(engine.process.pid))
                self.assertFalse([pid for pid in pids if self.runs(pid)])
                self.assertFalse(engine.folder.exists())

    @staticmethod
    def runs(pid: int) -> bool:
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0] != "Z"
        except OSError:
            return False

    def test_engines_that_cannot_start_say_why(self):
        engine = RedisServer()
        self.addCleanup(engine.close)
        engine.command = lambda: ["redis-server", "--no-such-setting", "1"]
        with self.assertRaisesRegex(AssertionError, "(?s)ended at its start.*no-such-setting"):
            engine.start()


class Redis(EngineCase):
    def test_redis_takes_and_returns_entries_with_and_without_password_and_tls(self):
        for variant in VARIANTS:
            with self.subTest(variant), RedisServer(**variant) as server, server.client() as redis:
                self.assertEqual(redis.xadd("orders", {"data": "1"}, {"data": b"\xff\0"}, id="7-*"), ["7-0", "7-1"])
                self.assertEqual(redis.do("XRANGE", "orders", "-", "+"),
                                 [[b"7-0", [b"data", b"1"]], [b"7-1", [b"data", b"\xff\0"]]])
                self.assertEqual(redis.xtrim("orders", 1), 1)
                self.assertEqual(redis.delete("orders"), 1)
                self.assertEqual({name: count for name, count in redis.command_counts().items() if name.startswith("x")},
                                 {"xadd": 2, "xrange": 1, "xtrim": 1})

    def test_redis_named_user_and_default_user_have_the_password(self):
        server = self.start(RedisServer, password=PASSWORD)
        with server.client() as redis:
            self.assertEqual(redis.do("AUTH", "sluice", PASSWORD), "OK")
            with self.assertRaisesRegex(EngineError, "WRONGPASS"):
                redis.do("AUTH", "wrong")
        server.password = None
        with server.client() as redis, self.assertRaisesRegex(EngineError, "NOAUTH"):
            redis.do("PING")

    def test_redis_keeps_what_it_acknowledged_through_kill_minus_nine(self):
        server = self.start(RedisServer)

        def write():
            with server.client() as redis:
                return [id.encode() for id in redis.xadd("orders", *({"n": number} for number in range(100)))]

        def read():
            with server.client() as redis:
                return [id for id, _ in redis.do("XRANGE", "orders", "-", "+")]

        self.assert_kept(server, write, read)
        with server.client() as redis:
            redis.do("PING")
            server.kill()
            with self.assertRaises(ConnectionError):
                redis.do("PING")

    def test_redis_stopped_hangs_and_goes_on(self):
        server = self.start(RedisServer)

        def ask(timeout):
            with server.client(timeout) as redis:
                redis.do("PING")

        self.assert_hangs_and_goes_on(server, ask)

    def test_redis_channels_reach_a_subscribed_client(self):
        server = self.start(RedisServer)
        with server.client() as reader, server.client() as writer:
            self.assertEqual(reader.do("SUBSCRIBE", "news"), [b"subscribe", b"news", 1])
            self.assertEqual(writer.do("PUBLISH", "news", "x"), 1)
            self.assertEqual(reader.read(), [b"message", b"news", b"x"])


class Nats(EngineCase):
    def test_nats_takes_and_returns_messages_with_and_without_password_and_tls(self):
        for variant in VARIANTS:
            with self.subTest(variant), NatsServer(**variant) as server, server.client() as nats:
                sid = nats.subscribe("fleet.>")
                nats.publish("fleet.eu", b"\xff\0", headers={"event": "moved"})
                message = nats.next(sid)
                self.assertEqual((message.subject, message.data), ("fleet.eu", b"\xff\0"))
                self.assertIn(b"event: moved\r\n", message.headers)
                nats.create_stream("FLEET", "fleet.>")
                self.assertEqual(nats.publish_acknowledged("fleet.eu", *map(str, range(500))), list(range(1, 501)))
                self.assertEqual(nats.message("FLEET", 3)["data"], "Mg==")

    def test_nats_wrong_password_is_refused(self):
        server = self.start(NatsServer, password=PASSWORD)
        server.password = "wrong"
        with self.assertRaisesRegex(EngineError, "Authorization Violation"):
            server.client()

    def test_jetstream_keeps_what_it_acknowledged_through_kill_minus_nine(self):
        server = self.start(NatsServer)
        with server.client() as nats:
            nats.create_stream("FLEET", "fleet.>")

        def write():
            with server.client() as nats:
                return nats.publish_acknowledged("fleet.eu", *map(str, range(1_000)))[-1]

        def read():
            with server.client() as nats:
                return nats.stream_state("FLEET")["last_seq"]

        for _ in range(3):
            self.assert_kept(server, write, read)

    def test_jetstream_purges_and_makes_streams_anew(self):
        with self.start(NatsServer).client() as nats:
            created = nats.create_stream("FLEET", "fleet.>")["created"]
            nats.publish_acknowledged("fleet.eu", *"abcde")
            self.assertEqual(nats.purge("FLEET", keep=2), 3)
            self.assertEqual(nats.stream_state("FLEET")["first_seq"], 4)
            nats.delete_stream("FLEET")
            with self.assertRaisesRegex(EngineError, "stream not found"):
                nats.stream_state("FLEET")
            self.assertNotEqual(nats.create_stream("FLEET", "fleet.>")["created"], created)
            with self.assertRaisesRegex(EngineError, "no responders"):
                nats.request("nobody.is.there")

    def test_nats_stopped_hangs_and_goes_on(self):
        server = self.start(NatsServer, jetstream=False)

        def ask(timeout):
            with server.client(timeout) as nats:
                nats.flush()

        self.assert_hangs_and_goes_on(server, ask)


class Postgres(EngineCase):
    def test_postgres_takes_and_returns_rows_with_and_without_password_and_tls(self):
        for variant in VARIANTS:
            with self.subTest(variant), PostgresServer(**variant) as server, server.session() as sql:
                sql.run("create table outbox (id bigserial primary key, data text); create index on outbox (data)")
                self.assertEqual(sql.run("insert into outbox (data) values (E'two\\nlines'), (null) returning id, data"),
                                 [("1", "two\nlines"), ("2", "")])
                self.assertEqual(sql.run("select 1 where false"), [])
                self.assertEqual(sql.run("select ssl from pg_stat_ssl where pid = pg_backend_pid()"),
                                 [("t" if "tls" in variant else "f",)])

    def test_postgres_errors_are_raised_and_end_the_session(self):
        server = self.start(PostgresServer, password=PASSWORD)
        with server.session() as sql:
            with self.assertRaisesRegex(EngineError, "nonsense"):
                sql.run("select nonsense; select 1")
            with self.assertRaises(EngineError):
                sql.run("select 1")
        server.password = "wrong"
        with server.session() as sql, self.assertRaisesRegex(ConnectionError, "password authentication failed"):
            sql.run("select 1")

    def test_postgres_keeps_what_it_acknowledged_through_kill_minus_nine(self):
        server = self.start(PostgresServer)
        with server.session() as sql:
            sql.run("create table outbox (id bigserial, data text)")

        def write():
            with server.session() as sql:
                for number in range(50):
                    sql.run(f"insert into outbox (data) values ('{number}')")
                return sql.run("select data from outbox order by id")

        def read():
            with server.session() as sql:
                return sql.run("select data from outbox order by id")

        self.assert_kept(server, write, read)
        with server.session() as sql:
            sql.run("select 1")
            server.kill()
            with self.assertRaises(ConnectionError):
                sql.run("select 1")

    def test_postgres_killed_and_closed_leaves_no_shared_memory(self):
        def segments():
            return subprocess.run(["ipcs", "-m"], capture_output=True, text=True, check=True).stdout

        with PostgresServer() as server:
            lines = (server.data / "postmaster.pid").read_text(encoding="ascii").split("\n")
            segment = lines[6].split()[1]
            self.assertIn(f" {segment} ", segments())
            server.kill()
        self.assertNotIn(f" {segment} ", segments())

    def test_postgres_stopped_hangs_and_goes_on_in_open_sessions_too(self):
        server = self.start(PostgresServer)
        with server.session() as sql:
            sql.run("select 1")
            self.assert_hangs_and_goes_on(server, lambda timeout: sql.run("select 1", timeout))


class Mosquitto(EngineCase):
    def test_mosquitto_takes_and_returns_messages_with_and_without_password_and_tls(self):
        for variant in VARIANTS:
            with self.subTest(variant), MosquittoBroker(**variant) as broker:
                broker.publish("rooms/a", b"\xff\0\n", retain=True)
                self.assertEqual(broker.take("rooms/#", 1), [("rooms/a", b"\xff\0\n")])
                broker.register("rooms/b", session="reader")
                broker.publish_lines("rooms/b", range(100))
                self.assertEqual(broker.take("rooms/b", 100, session="reader"),
                                 [("rooms/b", b"%d" % number) for number in range(100)])

    def test_mosquitto_wrong_password_is_refused(self):
        broker = self.start(MosquittoBroker, password=PASSWORD)
        broker.password = "wrong"
        with self.assertRaisesRegex(EngineError, "not authorised"):
            broker.publish("rooms/a", "x")

    def test_mosquitto_keeps_what_it_saved(self):
        broker = self.start(MosquittoBroker, save_every=1)
        broker.publish("rooms/a", "kept", retain=True)
        broker.publish("rooms/b", "saves the one before", retain=True)
        self.assert_kept(broker, lambda: [("rooms/a", b"kept")], lambda: broker.take("rooms/a", 1))
        broker = self.start(MosquittoBroker)
        broker.publish("rooms/a", "kept", retain=True)
        broker.shut_down()
        broker.start()
        self.assertEqual(broker.take("rooms/a", 1), [("rooms/a", b"kept")])

    def test_mosquitto_stopped_hangs_and_goes_on(self):
        broker = self.start(MosquittoBroker)

        def ask(timeout):
            try:
                broker.publish("rooms/a", "x", timeout=timeout)
            except subprocess.TimeoutExpired:
                raise TimeoutError from None

        self.assert_hangs_and_goes_on(broker, ask)


class Kafka(EngineCase):
    def test_kafka_takes_and_returns_messages(self):
        mock = self.start(KafkaMock, brokers=2)
        mock.create_topic("orders", partitions=2)
        mock.produce("orders", "a", "two\nlines", key="k", partition=1, headers={"event": "moved"})
        mock.produce("orders", "b", partition=0)
        found = mock.consume("orders", 2, partition=1)
        self.assertEqual([(each["offset"], each["key"], each["payload"], each["headers"]) for each in found],
                         [(0, "k", "a", ["event", "moved"]), (1, "k", "two\nlines", ["event", "moved"])])
        self.assertEqual([each["payload"] for each in mock.consume("orders", 1, partition=1, offset=1)], ["two\nlines"])
        self.assertEqual(sorted(each["payload"] for each in mock.consume("orders", 3)), ["a", "b", "two\nlines"])
        with self.assertRaisesRegex(EngineError, "no such command"):
            mock.order("nonsense")
        with self.assertRaisesRegex(EngineError, "Broker not available"):
            mock.broker_down(7)

    def test_kafka_brokers_go_down_and_come_back_with_their_log(self):
        mock = self.start(KafkaMock, brokers=2)
        mock.create_topic("orders")
        mock.produce("orders", "a")
        mock.broker_down()
        with self.assertRaisesRegex(EngineError, "refused"):
            mock.produce("orders", "lost", timeout=1)
        mock.broker_up()
        self.assertEqual([each["payload"] for each in mock.consume("orders", 1)], ["a"])
        mock.fail(PRODUCE, -195)  # the connection is cut, kcat tries again
        mock.produce("orders", "b")
        mock.lead("orders", 0, 2)
        mock.produce("orders", "c")
        self.assertEqual([each["payload"] for each in mock.consume("orders", 3)], ["a", "b", "c"])

    def test_kafka_log_loses_its_oldest_beyond_five_mebibytes(self):
        mock = self.start(KafkaMock)
        mock.create_topic("orders")
        for _ in range(6):
            mock.produce("orders", *["x" * 1_000] * 1_000)
        oldest, next_offset = mock.watermarks("orders")
        self.assertGreater(oldest, 0)
        self.assertEqual(next_offset, 6_000)

    def test_kafka_started_again_is_another_cluster(self):
        mock = self.start(KafkaMock)
        mock.create_topic("orders")
        mock.produce("orders", "a")
        mock.kill()
        mock.start()
        mock.create_topic("orders")
        self.assertEqual(mock.watermarks("orders"), (0, 0))
