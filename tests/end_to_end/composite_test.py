"""One stream over topics of different engines: Redis, JetStream, PostgreSQL and the gateway's own publishing. Its id has
a part for each, and resumes all of them."""

import json
import time

import case
from case import metric
from nats_server import NatsServer
from outbox import COLUMNS
from postgres_server import PostgresServer
from redis_server import RedisServer

CONFIG = """
access = {{ publish_secret = "{secret}" }}
[source.orders]
url = "{redis}"
stream = "orders:{{region}}"
history.entries = 3
[source.fleet]
url = "{nats}"
stream = "FLEET"
subject = "fleet.>"
history.entries = 3
[source.audit]
url = "{postgres}"
table = "outbox"
history.entries = 3
[source.notes]
url = "publish:"
[[route]]
path = "/stream"
topics = ["orders/**", "fleet/**", "audit", "notes"]
[[route]]
path = "/notes"
source = "notes"
"""
TOPICS = ("orders/eu", "fleet/eu", "audit", "notes")
OF_ENGINES = TOPICS[:3]
RECOVERED_SECONDS = 60  # a backoff that has grown, beside other tests


def path(topics=TOPICS) -> str:
    return "/stream?" + "&".join(f"topic={topic}" for topic in topics)


def parts(id: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in id.split(";"))


def joined(parts: dict[str, str]) -> str:
    return ";".join(f"{source}={position}" for source, position in parts.items())


class Composite(case.Case):
    @classmethod
    def setUpClass(cls):
        cls.redis, cls.nats, cls.postgres = RedisServer(), NatsServer(), PostgresServer()
        for engine in (cls.redis, cls.nats, cls.postgres):
            cls.addClassCleanup(engine.close)
            engine.start()

    def setUp(self):
        with self.redis.client() as redis, self.nats.client() as nats, self.postgres.session() as sql:
            redis.delete("orders:eu")
            nats.create_stream("FLEET", "fleet.>")
            sql.run(f"CREATE TABLE outbox ({COLUMNS})")
            sql.run("CREATE INDEX ON outbox (xid, id)")
        self.one, self.two = (self.gateway_over_all() for _ in range(2))

    def tearDown(self):
        with self.nats.client() as nats, self.postgres.session() as sql:
            nats.delete_stream("FLEET")
            sql.run("DROP TABLE outbox")

    def gateway_over_all(self):
        gateway = self.start(CONFIG.format(secret=case.SECRET, redis=self.redis.url, nats=self.nats.url,
                                           postgres=self.postgres.url))
        self.wait_up(gateway)
        return gateway

    def wait_up(self, gateway):
        deadline = time.monotonic() + RECOVERED_SECONDS
        while metric(gateway, "sluice_source_up") != 4:
            self.assertLess(time.monotonic(), deadline, gateway.tail())
            time.sleep(0.05)  # it is scraped, there is no event to await

    def write(self, number: int, topics=TOPICS) -> list[str]:
        """An event in each topic; their data."""
        data = {topic: f"{topic} {number}" for topic in topics}
        with self.redis.client() as redis, self.nats.client() as nats, self.postgres.session() as sql:
            redis.xadd("orders:eu", {"data": data["orders/eu"]})
            nats.publish_acknowledged("fleet.eu", data["fleet/eu"])
            sql.run(f"INSERT INTO outbox (data) VALUES ('{data['audit']}')")
        if "notes" in topics:
            self.publish("/notes", data["notes"], gateway=self.one)
        return list(data.values())

    def follow(self, gateway, topics=TOPICS, last_event_id=None):
        reader = self.subscribe(path(topics), gateway=gateway, last_event_id=last_event_id)
        reader.open_event = reader.opened(RECOVERED_SECONDS)
        return reader

    def take(self, reader, expected, gaps=()) -> list:
        """Just these, each topic's in its order, and gaps of just these (topic, reason); the events."""
        events, told = [], []
        while len(events) != len(expected) or len(told) != len(gaps):
            event = reader.next(RECOVERED_SECONDS)
            if event.type == "sluice.gap":
                gap = self.gap(event)
                told.append((gap["topic"], gap["reason"]))
                self.assertIn(told[-1], gaps)
                self.assertFalse([each for each in events if each.data.startswith(gap["topic"] + " ")],
                                 "a gap comes before its topic's next event")
            else:
                events.append(event)
        self.assertEqual(sorted(told), sorted(gaps))
        for topic in TOPICS:
            self.assertEqual([event.data for event in events if event.data.startswith(topic + " ")],
                             [data for data in expected if data.startswith(topic + " ")])
        return events

    def written(self, topics=TOPICS, rounds=5) -> tuple[list[str], list]:
        """What a subscriber of `one` has had."""
        reader = self.follow(self.one, topics)
        expected = [data for number in range(rounds) for data in self.write(number, topics)]
        events = self.take(reader, expected)
        reader.close()
        return [event.data for event in events], [reader.open_event, *events]

    def test_every_id_has_a_part_for_each_source_and_resumes_all_of_them_on_any_gateway(self):
        data, events = self.written(OF_ENGINES)
        for gateway in (self.one, self.two):
            for had, event in enumerate(events):
                self.assertEqual(set(parts(event.id)), {"orders/eu", "fleet", "audit"})
                reader = self.follow(gateway, OF_ENGINES, event.id)
                self.assertTrue(json.loads(reader.open_event.data)["resumed"])
                self.take(reader, data[had:])
                reader.close()
        live = self.follow(self.two, OF_ENGINES, events[4].id)
        self.take(live, data[4:])
        self.take(live, self.write(99, OF_ENGINES))

    def test_what_a_gateway_holds_alone_is_resumed_there_and_a_gap_elsewhere(self):
        data, events = self.written()
        for had, event in enumerate(events):
            reader = self.follow(self.one, last_event_id=event.id)
            self.take(reader, data[had:])
            reader.close()
        reader = self.follow(self.two, last_event_id=events[8].id)
        rest = [each for each in data[8:] if not each.startswith("notes")]
        self.take(reader, rest, [("notes", "unknown_epoch")])

    def test_the_restart_of_one_engine_costs_nothing(self):
        data, events = self.written(OF_ENGINES)
        readers = [self.follow(self.one, OF_ENGINES, events[-1].id), self.follow(self.two, OF_ENGINES, events[-1].id)]
        for number, engine in enumerate((self.nats, self.redis, self.postgres)):
            engine.kill()
            engine.start()
            more = self.write(100 + number, OF_ENGINES)
            for reader in readers:
                self.take(reader, more)
            data += more
            resumed = self.follow(self.two, OF_ENGINES, events[5].id)
            self.take(resumed, data[5:])
            resumed.close()

    def test_a_topic_whose_part_is_missing_gets_a_gap_and_its_oldest_and_the_others_go_on(self):
        data, events = self.written(OF_ENGINES)
        had = 7
        for source, topic in (("orders/eu", "orders/eu"), ("fleet", "fleet/eu"), ("audit", "audit")):
            with self.subTest(source):
                id = joined({name: position for name, position in parts(events[had].id).items() if name != source})
                expected = [each for at, each in enumerate(data) if at >= had or each.startswith(topic + " ")]
                for gateway in (self.one, self.two):
                    reader = self.follow(gateway, OF_ENGINES, id)
                    last = self.take(reader, expected, [(topic, "no_position")])[-1]
                    self.assertEqual(set(parts(last.id)), {"orders/eu", "fleet", "audit"})
                    reader.close()

    def test_parts_of_sources_that_the_stream_does_not_have_are_ignored(self):
        data, events = self.written(OF_ENGINES)
        had = 7
        mine = parts(events[had].id)
        for id in (joined({"elsewhere": "17", **mine}), joined({**mine, "orders/us": "5-0", "x": "a%3Db"}),
                   joined(dict(reversed(mine.items())))):
            with self.subTest(id):
                reader = self.follow(self.two, OF_ENGINES, id)
                last = self.take(reader, data[had:])[-1]
                self.assertEqual(set(parts(last.id)), {"orders/eu", "fleet", "audit"})
                reader.close()
        reader = self.follow(self.two, ("fleet/eu",), events[had].id)  # of one topic alone, from an id of several
        self.take(reader, [each for each in data[had:] if each.startswith("fleet/eu ")])
