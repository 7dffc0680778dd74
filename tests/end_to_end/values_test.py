"""Streams by value: a snapshot for who is new, over every kind of source; a round for who is slow; and topics that are
not flushed for each event. The stories in memory are in gateway/serve/values_story_test.cc."""

import json
import tempfile
import time
import unittest

import case
import raw_h2
from case import metric
from contract import RECOVERED_SECONDS
from contract_engines import JetStream, Kafka, Mqtt, PostgresOutbox, RedisStream
from contract_local import Publish, PublishOnDisk
from event_stream import Parser


class Snapshot(case.Case):
    """The newest event of a topic, which is the topic's value where no key is mapped."""

    adapter = None
    survives = True  # what came before the gateway's start is known

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(cls.adapter.close)
        cls.adapter.start()

    def read_snapshot(self, topic, gateway, values, complete=True):
        """The position at which it was taken, and the reader behind it."""
        reader = self.subscribe(f"/s/{topic}", gateway=gateway)
        opened = reader.opened(RECOVERED_SECONDS)
        self.assertEqual(opened.id, "", "a cut inside a snapshot begins it anew")
        events = [reader.next(RECOVERED_SECONDS) for _ in range(len(values) + 1)]
        self.assertEqual([(event.type, event.data, event.id) for event in events[:-1]],
                         [("message", value, "") for value in values])
        self.assertEqual(events[-1].type, "sluice.snapshot")
        self.assertEqual(json.loads(events[-1].data), {"topic": f"s/{topic}", "events": len(values), "complete": complete})
        return events[-1].id, reader


def newest_value_first(case):
    adapter = case.adapter
    if adapter.opens_on_demand or not case.survives:
        case.subscribe("/s/value", gateway=adapter.one).opened(RECOVERED_SECONDS)
    adapter.publish("value", "1", "2", "3")
    adapter.wait_metric(adapter.one, "sluice_source_events_total", lambda now: now >= 3)
    if case.survives:
        adapter.one.kill()
        adapter.after_kill()
        adapter.one.restart()
        adapter.wait_up(adapter.one)
    position, reader = case.read_snapshot("value", adapter.one, ["3"], complete=not isinstance(adapter, Mqtt))
    adapter.publish("value", "4")
    following = reader.next(RECOVERED_SECONDS)
    case.assertEqual((following.type, following.data), ("message", "4"))
    resumed = case.subscribe("/s/value", gateway=adapter.two if adapter.everywhere else adapter.one, last_event_id=position)
    resumed.opened(RECOVERED_SECONDS)
    event = resumed.next(RECOVERED_SECONDS)
    case.assertEqual((event.data, event.id), ("4", following.id))


def empty_snapshot(case):
    case.read_snapshot("nothing", case.adapter.one, [], complete=not isinstance(case.adapter, Mqtt))


ROWS = {
    "test_a new subscriber gets the newest value, then what comes": newest_value_first,
    "test_a topic that never had an event has an empty snapshot": empty_snapshot,
}


def load_tests(_loader, _tests, _pattern):
    """A class for each adapter, over a source with snapshots."""
    suite = unittest.TestSuite()
    for kind in (RedisStream, PostgresOutbox, JetStream, Kafka, PublishOnDisk, Publish, Mqtt):
        adapter = type(kind.__name__, (kind,), {"history": f"{kind.history}\nsnapshot = true"})()
        survives = kind not in (Publish, Mqtt)
        rows = {name.replace("test_", f"test_{kind.name}: ", 1): row for name, row in ROWS.items()}
        cases = type(f"SnapshotOf{kind.__name__}", (Snapshot,), {"adapter": adapter, "survives": survives, **rows})
        suite.addTests(cases(name) for name in rows)
    for others in (Slow, Resumed):
        suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(others))
    return suite


class Resumed(case.Case):
    """By value, from the past."""

    def publish_values(self, path, values):
        body = "".join(json.dumps({"key": key, "data": f"{path} {key}={value}"}) + "\n" for key, value in values)
        return self.publish(path, body, headers={"content-type": "application/x-ndjson"}).json["ids"]

    def test_the_past_that_a_ring_no_longer_has_comes_by_value_too(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-values-"))
        self.gateway = self.start(f"""
access = {{ publish_secret = "{case.SECRET}" }}
[source.prices]
url = "publish:"
history = {{ store = "disk", path = "{folder}/prices.db", entries = 50 }}
[[route]]
path = "/prices/{{market}}"
source = "prices"
slow = "conflate"
""")
        first = self.publish_values("/prices/eu", [("a", 0)])[0]
        for turn in range(5):
            last = self.publish_values("/prices/eu", [("abc"[number % 3], turn * 500 + number) for number in range(500)])[-1]
        reader = self.subscribe("/prices/eu", last_event_id=first)
        reader.opened()
        newest, count = {}, 0
        while True:
            event = reader.next(RECOVERED_SECONDS)
            if event.type == "message":
                key, value = event.data.split(" ")[1].split("=")
                self.assertGreater(int(value), newest.get(key, -1), "an older value of its key")
                newest[key] = int(value)
                count += 1
            if event.id == last:
                break
        self.assertEqual(newest, {"abc"[number % 3]: 2000 + number for number in range(500)})
        self.assertLess(count, 300)

    def test_a_cut_behind_a_round_of_one_topic_leads_to_no_older_values_of_it(self):
        self.gateway = self.start(f"""
access = {{ publish_secret = "{case.SECRET}" }}
[source.n]
url = "publish:"
[[route]]
path = "/n/{{topic}}"
source = "n"
[[route]]
path = "/stream"
topics = ["n/**"]
slow = "conflate"
""", {"limits.conflate_lag": 20})
        path = "/stream?topic=n/a&topic=n/b"
        with self.subscribe(path) as reader:
            begin = reader.opened().id
        self.publish_values("/n/b", [("k", number) for number in range(25)])
        self.publish_values("/n/a", [("k", 0)])
        self.publish_values("/n/b", [("k", number) for number in range(25, 40)])
        self.publish_values("/n/a", [("k", 1)])
        with self.subscribe(path, last_event_id=begin) as reader:
            reader.opened()
            events = [reader.next()]
            while [event.type for event in events].count("sluice.snapshot") < 2:
                events.append(reader.next())
        self.assertEqual({event.data for event in events if event.type == "message"}, {"/n/a k=1", "/n/b k=39"})
        for cut in range(len(events)):
            had = [event.id for event in events[:cut] if event.id]
            with self.subTest(cut), self.subscribe(path, last_event_id=had[-1] if had else begin) as reader:
                reader.opened()
                self.publish_values("/n/a", [("end", cut)])
                while (event := reader.next()).data != f"/n/a end={cut}":
                    if event.type == "message" and "end=" not in event.data:
                        self.assertIn(event.data, ("/n/a k=1", "/n/b k=39"))

    def test_a_position_that_is_ahead_is_announced_once_and_loses_nothing_behind(self):
        self.gateway = self.start(case.STREAMS)
        epoch = self.ids(self.publish("/topics/z", "z"))[0].split(".")[0]
        path = "/stream?topic=notes/a&topic=notes/b"
        with self.subscribe(path, last_event_id=f"{epoch}.9") as reader:
            reader.opened()
            told = [reader.next(), reader.next()]
        self.assertEqual([self.gap(event)["reason"] for event in told], ["unknown_position"] * 2)
        self.publish("/topics/a", "\n".join(json.dumps({"data": str(number)}) for number in range(12)),
                     headers={"content-type": "application/x-ndjson"})
        reader = self.subscribe(path, last_event_id=told[-1].id)
        reader.opened()
        self.assertEqual([reader.next().data for _ in range(12)], [str(number) for number in range(12)])


class Slow(case.SharedCase):
    config = f"""
access = {{ publish_secret = "{case.SECRET}" }}
[source.prices]
url = "publish:"
history.entries = 500
[source.hot]
url = "publish:"
[[route]]
path = "/prices/{{market}}"
source = "prices"
slow = "conflate"
[[route]]
path = "/strict/{{market}}"
source = "hot"
slow = "disconnect"
[[route]]
path = "/hot/{{topic}}"
source = "hot"
flush_interval = "700ms"
"""

    def publish_values(self, path, values):
        body = "".join(json.dumps({"key": key, "data": f"{key}={value}"}) + "\n" for key, value in values)
        self.publish(path, body, headers={"content-type": "application/x-ndjson"})

    def test_a_slow_reader_gets_the_newest_of_each_key_and_nothing_older(self):
        newest, received, kinds = {}, {}, []
        before = metric(self.gateway, "sluice_events_conflated_total")
        with raw_h2.Peer(self.gateway, settings={raw_h2.INITIAL_WINDOW_SIZE: 2000}) as peer:
            stream = peer.get("/prices/eu")
            parser = Parser()

            def take():
                for frame in peer.receive(0.2):
                    if frame.type != raw_h2.DATA or frame.stream != stream:
                        continue
                    for event in parser.feed(frame.payload):
                        kinds.append(event.type)
                        if event.type != "message":
                            continue
                        key, value = event.data.split("=")
                        self.assertGreater(int(value), received.get(key, -1), "an older value of its key")
                        received[key] = int(value)

            take()
            for turn in range(20):
                values = [(f"key{number % 50}", turn * 500 + number) for number in range(500)]
                newest.update(values)
                self.publish_values("/prices/eu", values)
                peer.give_window(stream, 2000)
                take()
            peer.give_window(0, 10_000_000)
            peer.give_window(stream, 10_000_000)
            deadline = time.monotonic() + RECOVERED_SECONDS
            while received != newest and time.monotonic() < deadline:
                take()
        self.assertEqual(received, newest)
        self.assertNotIn("sluice.gap", kinds)
        self.assertLess(kinds.count("message"), 5_000)
        self.assertGreater(metric(self.gateway, "sluice_events_conflated_total"), before + 5_000)

    def test_disconnect_ends_who_has_lost_something(self):
        with self.counts("slow"), raw_h2.Peer(self.gateway, settings={raw_h2.INITIAL_WINDOW_SIZE: 1000}) as peer:
            stream = peer.get("/strict/eu")
            peer.receive(0.2)
            for _ in range(3):
                self.publish_values("/strict/eu", [("key", number) for number in range(5_000)])
            peer.give_window(stream, 100_000)
            peer.wait(lambda frame: frame.stream == stream and frame.type == raw_h2.DATA and frame.flags & raw_h2.END_STREAM,
                      "the end of the stream", RECOVERED_SECONDS)

    def test_a_flush_interval_holds_the_second_event_not_the_first(self):
        reader = self.subscribe("/hot/topic")
        reader.opened()
        time.sleep(0.8)  # longer than the interval: nothing else says that it has passed
        begun = time.monotonic()
        self.publish("/hot/topic", "first")
        reader.next()
        self.publish("/hot/topic", "second")
        self.publish("/hot/topic", "third")
        self.assertEqual([reader.next().data, reader.next().data], ["second", "third"])
        self.assertGreaterEqual(time.monotonic() - begun, 0.69)
