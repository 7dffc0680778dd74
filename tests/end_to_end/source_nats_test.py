"""JetStream as a source, against the real nats-server: order, topics, resume from every position, the past by pages, and
what the stream no longer has."""

import shutil
import signal
import time

from case import metric
from nats_case import STREAM, NatsCase
from relay import Relay
from source_case import RECOVERED_SECONDS


class JetStream(NatsCase):
    def test_messages_reach_single_topics_and_wildcards_in_the_streams_order(self):
        server = self.fleet()
        gateway = self.start_on(server, *STREAM)
        view, eu, deep = (self.follow(gateway, path) for path in ("/view", "/fleet/eu", "/fleet/us/west"))
        with server.client() as nats:
            for number in range(100):
                nats.publish_acknowledged("fleet.eu" if number % 3 else "fleet.us.west", str(number))
            nats.publish_acknowledged("fleet.eu", "named", headers={"event": "moved", "key": "car-7"})
        events = view.take(101)
        self.assertEqual([event.data for event in events], [*map(str, range(100)), "named"])
        self.assertEqual(events[-1].type, "moved")
        epochs, sequences = zip(*(event.id.split(".") for event in events))
        self.assertEqual(len(set(epochs)), 1)
        self.assertRegex(epochs[0], "^[0-9a-z]{4}$")
        self.assertEqual(list(map(int, sequences)), list(range(1, 102)))
        self.assert_next(eu, *(str(number) for number in range(100) if number % 3), "named")
        self.assert_next(deep, *(str(number) for number in range(0, 100, 3)))
        self.assertEqual(metric(gateway, "sluice_source_events_total"), 101)
        self.assertEqual(metric(gateway, "sluice_source_lag_events"), 0)

    def test_topics_are_what_the_wildcards_match(self):
        server = self.fleet()
        with server.client() as nats:
            for subject in ("fleet.eu.temp", "fleet.us.temp", "fleet.eu.speed"):
                nats.publish_acknowledged(subject, subject)
        for subject, path, there in (('subject = "fleet.*.temp"', "/fleet/eu", "fleet.eu.temp"),
                                     ('subject = "fleet.eu.speed"', "/fleet", "fleet.eu.speed"),
                                     ("", "/fleet/fleet/us/temp", "fleet.us.temp")):
            with self.subTest(path):
                gateway = self.start_on(server, 'stream = "FLEET"', subject)
                self.assert_next(self.follow(gateway, path, last_event_id="earliest"), there)
                self.assertEqual(self.fetch("/fleet/eu/too/deep/*", gateway=gateway).status, 404)

    def test_a_client_resumes_on_another_gateway_from_every_position(self):
        server = self.fleet()
        first = self.start_on(server, *STREAM)
        reader = self.follow(first)
        with server.client() as nats:
            for number in range(12):
                nats.publish_acknowledged(f"fleet.{'eu' if number % 2 else 'us'}", str(number))
        ids = [reader.open_event.id, *(event.id for event in reader.take(12))]
        second = self.start_on(server, *STREAM)  # its rings begin here: all of that is the past
        for gateway in (first, second):
            for had, position in enumerate(ids):
                resumed = self.follow(gateway, last_event_id=position)
                self.assertEqual(resumed.open_event.id, position)
                self.assert_next(resumed, *map(str, range(had, 12)))
                resumed.close()
            self.assert_next(self.follow(gateway, "/fleet/eu", last_event_id=ids[6]), "7", "9", "11")
        live = self.follow(second, last_event_id=ids[4])
        self.assert_next(live, *map(str, range(4, 12)))
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "live")
        self.assert_next(live, "live")

    def test_the_past_is_read_in_pages_and_joined_to_the_ring(self):
        server = self.fleet()
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", *map(str, range(5_000)))
            nats.publish_acknowledged("fleet.us", "other")
        gateway = self.start_on(server, *STREAM, "history.entries = 50")
        everything = self.follow(gateway, "/all")
        one = self.follow(gateway, "/fleet/us", last_event_id="earliest")
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", *map(str, range(5_000, 6_000)))
        self.assert_next(everything, *map(str, range(5_000)), "other", *map(str, range(5_000, 6_000)))
        self.assert_next(one, "other")
        self.assertGreaterEqual(metric(gateway, "sluice_source_pages_total"), 6)

    def test_since_begins_at_a_time(self):
        server = self.fleet()
        with server.client() as nats:
            # Right behind the beginning of a second: libnats loses the zero of .05.
            fraction = 1.0
            while not 0.01 < fraction < 0.09:
                time.sleep(1.03 - time.time() % 1)  # what is asked for is a time
                before = nats.publish_acknowledged("fleet.eu", "before")[0]
                stored = nats.message("FLEET", before)["time"]  # "2026-11-24T23:47:16.047911419Z"
                fraction = float("0" + stored[19:-1])
            asked = f"{stored[:19]}.0{int(fraction * 100) + 1}Z"
            time.sleep(0.2)  # as above
            nats.publish_acknowledged("fleet.eu", "after")
        gateway = self.start_on(server, *STREAM)
        self.assert_next(self.follow(gateway, f"/view?since={asked}"), "after")
        self.assert_next(self.follow(gateway, "/view?since=2001-01-01T00:00:00Z"), *["before"] * before, "after")

    def test_large_messages_make_pages_of_their_own(self):
        server = self.fleet()
        sizes = [700_000, 600_000, 10, 900_000]
        with server.client() as nats:
            for size in sizes:
                nats.publish_acknowledged("fleet.eu", "x" * size)
        gateway = self.start_on(server, *STREAM)
        self.assertEqual([len(event.data) for event in self.follow(gateway, "/all").take(4)], sizes)


class Losses(NatsCase):
    def test_what_was_purged_is_announced_before_the_next_event(self):
        server = self.fleet()
        gateway = self.start_on(server, *STREAM)
        reader = self.follow(gateway, "/fleet/eu")
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", *map(str, range(10)))
            ids = [event.id for event in reader.take(10)]
            nats.purge("FLEET", keep=3)
        another = self.start_on(server, *STREAM)
        resumed = self.follow(another, "/fleet/eu", last_event_id=ids[1])
        gap = self.assert_gap(resumed, "trimmed")
        self.assertEqual((gap["topic"], gap["from"], gap["to"]), ("fleet/eu", ids[1], ids[6]))
        self.assert_next(resumed, "7", "8", "9")
        self.assert_next(self.follow(another, "/fleet/eu", last_event_id=ids[6]), "7", "8", "9")  # told once
        with server.client() as nats:
            nats.purge("FLEET")
            fresh = self.start_on(server, *STREAM)  # the other one still has the page that it read
            emptied = self.follow(fresh, "/fleet/eu", last_event_id=ids[1])
            self.assertEqual(self.assert_gap(emptied, "trimmed")["to"], ids[9])
            nats.publish_acknowledged("fleet.eu", "new")
        self.assert_next(emptied, "new")

    def test_what_retention_took_while_the_gateway_was_away_is_announced(self):
        server = self.fleet()
        relay = Relay(server.port)
        self.addCleanup(relay.close)
        gateway = self.start_on(server, *STREAM, url=server.url_at(relay.port))
        reader = self.follow(gateway, "/fleet/eu")
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "0")
            self.assert_next(reader, "0")
            relay.refuse()
            relay.cut()
            self.wait_up(gateway, 0)
            nats.publish_acknowledged("fleet.eu", *map(str, range(1, 10)))
            nats.purge("FLEET", keep=2)
        relay.go_on()
        self.assertRegex(self.assert_gap(reader, "trimmed")["to"], r"\.8$")
        self.assert_next(reader, "8", "9")
        self.assertEqual(metric(gateway, "sluice_source_reconnects_total"), 1)

    def test_what_retention_took_while_the_gateway_was_slow_is_announced(self):
        """The server goes as far ahead as flow control lets it, then waits; what it had not sent is gone meanwhile."""
        server = self.serve()
        body = "x" * 1_000
        with server.client() as nats:
            nats.create_stream("FLEET", "fleet.>", max_msgs=100)
            gateway = self.start_on(server, *STREAM)
            reader = self.follow(gateway, "/fleet/eu")
            gateway.signal(signal.SIGSTOP)
            for start in range(0, 20_000, 1_000):
                nats.publish_acknowledged("fleet.eu", *(f"{number} {body}" for number in range(start, start + 1_000)))
            gateway.signal(signal.SIGCONT)
        expected, gaps = 0, 0
        while expected != 20_000:
            event = reader.next()
            if event.type == "sluice.gap":
                self.assertEqual(self.gap(event)["reason"], "trimmed")
                gaps += 1
                expected = int(event.id.split(".")[1])  # sequences begin at 1
            else:
                self.assertEqual(int(event.data.split()[0]), expected)
                expected += 1
        self.assertGreaterEqual(gaps, 1)
        self.assertEqual(metric(gateway, "sluice_source_reconnects_total"), 0)

    def test_a_stream_made_anew_is_announced_and_read_from_its_beginning(self):
        server = self.fleet()
        gateway = self.start_on(server, *STREAM)
        reader = self.follow(gateway, "/fleet/eu")
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "a", "b", "c")
            old = reader.take(3)[-1].id
            nats.delete_stream("FLEET")
            nats.create_stream("FLEET", "fleet.>")
            nats.publish_acknowledged("fleet.eu", "new 1", "new 2")
        gap = self.gap(reader.next(RECOVERED_SECONDS))
        self.assertEqual(gap["reason"], "recreated")
        self.assertNotEqual(gap["to"].split(".")[0], old.split(".")[0])
        self.assert_next(reader, "new 1", "new 2")
        resumed = self.follow(gateway, "/fleet/eu", last_event_id=old)
        self.assert_gap(resumed, "unknown_epoch")
        self.assert_next(resumed, "new 1", "new 2")

    def test_a_stream_that_lost_its_end_is_announced(self):
        """Restored from a copy: the creation time is the same, the newest messages are not there."""
        server = self.fleet()
        store = server.folder / "jetstream"
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "kept")
        server.shut_down()
        shutil.copytree(store, server.folder / "copy")
        server.start()
        gateway = self.start_on(server, *STREAM)
        reader = self.follow(gateway, "/fleet/eu")
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "lost 1", "lost 2")
        lost = reader.take(2)[-1].id
        server.shut_down()
        shutil.rmtree(store)
        (server.folder / "copy").rename(store)
        server.start()
        self.assertEqual(self.gap(reader.next(RECOVERED_SECONDS))["reason"], "recreated")
        resumed = self.follow(gateway, "/fleet/eu", last_event_id=lost)
        self.assert_gap(resumed, "recreated")
        self.assert_next(resumed, "kept")
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "new")
        self.assert_next(reader, "new")
        self.assert_next(resumed, "new")

    def test_ids_that_the_stream_never_gave_get_a_gap_and_the_oldest(self):
        server = self.fleet()
        gateway = self.start_on(server, *STREAM)
        reader = self.follow(gateway)
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "a", "b")
        own = reader.take(2)[-1].id.split(".")[0]
        foreign = "zzzz" if own != "zzzz" else "yyyy"
        for position, reason in ((f"{own}.99", "recreated"), (f"{foreign}.1", "unknown_epoch"),
                                 ("1795332250205-0", "unknown_position"), (f"{own}.01", "unknown_position")):
            with self.subTest(position):
                resumed = self.follow(gateway, "/fleet/eu", last_event_id=position)
                self.assert_gap(resumed, reason)
                self.assert_next(resumed, "a", "b")
