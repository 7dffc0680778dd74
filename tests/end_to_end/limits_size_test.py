"""Limits of sizes and numbers, each crossed with a small configured value and counted."""

import socket
import time

import case
import raw_h2


class Sizes(case.Case):
    def limited(self, config=None, **limits):
        self.gateway = self.start(config, settings={f"limits.{key}": value for key, value in limits.items()})

    def assert_limit(self, limit: str, just_right: tuple[str, str], too_much: tuple[str, str], *statuses: int, headers=None):
        """(path, body) each: the one is taken, the other refused and counted, and the answer names the limit."""
        self.publish(*just_right, headers=headers)
        with self.counts(limit):
            refused = self.fetch(too_much[0], body=too_much[1], headers=headers)
            self.assert_refused(refused, *statuses)
            self.assertIn(limit, refused.text)

    def test_event_size(self):
        self.limited(event_size="1KiB")
        self.assert_limit("event_size", ("/topics/a", "x" * 1024), ("/topics/a", "x" * 1025), 413)

    def test_body_size(self):
        self.limited(body_size="2KiB", event_size="2KiB")
        self.assert_limit("body_size", ("/topics/a", "x" * 2048), ("/topics/a", "x" * 2049), 413)

    def test_lines_per_event(self):
        self.limited(lines_per_event=10)
        self.assert_limit("lines_per_event", ("/topics/a", "\n" * 9), ("/topics/a", "\n" * 10), 400, 413)

    def test_event_name(self):
        self.limited(event_name=8)
        self.assert_limit("event_name", ("/topics/a?event=12345678", "x"), ("/topics/a?event=123456789", "x"), 400, 413)

    def test_event_id(self):
        self.limited(event_id=8)
        self.assert_limit("event_id", ("/topics/a?id=12345678", "x"), ("/topics/a?id=123456789", "x"), 400, 413)

    def test_event_key(self):
        self.limited(event_key=8)
        self.assert_limit("event_key", ("/topics/a?key=12345678", "x"), ("/topics/a?key=123456789", "x"), 400, 413)

    def test_events_per_body(self):
        self.limited(events_per_body=2)
        event = '{"data":1}\n'
        self.assert_limit("events_per_body", ("/topics/a", event * 2), ("/topics/a", event * 3), 413,
                          headers={"content-type": "application/x-ndjson"})

    def test_bodies(self):
        self.limited(event_size="2KiB", body_size="4KiB", bodies="4KiB")
        with raw_h2.Peer(self.gateway) as holder:
            with self.counts("sluice_body_bytes", least=3000):
                stream = holder.request("POST", "/topics/a", end=False)
                holder.frame(raw_h2.DATA, 0, stream, b"x" * 3000)
            with self.counts("bodies"):
                refused = self.fetch("/topics/b", body="x" * 2000)
                self.assert_refused(refused, 503)
                self.assertEqual(refused.fields["retry-after"], "1")
            self.publish("/topics/b", "x" * 1000)
            holder.frame(raw_h2.DATA, raw_h2.END_STREAM, stream)
            self.assertEqual(holder.status(stream), 413)  # 3000 bytes of data are over limits.event_size
        self.publish("/topics/b", "x" * 2000)

    def test_topic_name(self):
        self.limited(topic_name=32)
        self.assert_limit("topic_name", ("/topics/" + "a" * 10, "x"), ("/topics/" + "a" * 40, "x"), 400, 404, 414)

    def test_topics_with_state(self):
        self.limited(case.STREAMS.replace('url = "demo:"', 'url = "demo:"\nrate = 1'), topics=20)
        with self.counts("topics"):
            answers = [self.fetch(f"/topics/{number}", body="x", headers=case.BEARER) for number in range(40)]
            refused = [answer for answer in answers if answer.status not in (200, 201)]
            self.assertTrue(refused)
            for answer in refused:
                self.assert_refused(answer, 429, 503, 507)
        self.publish("/topics/0", "a topic that exists goes on")

    def test_topics_per_stream(self):
        self.limited(case.STREAMS, topics_per_stream=2)
        self.assertEqual(self.subscribe("/stream?topic=notes/1&topic=notes/2").status, 200)
        with self.counts("topics_per_stream"):
            self.assert_refused(self.fetch("/stream?topic=notes/1&topic=notes/2&topic=notes/3"), 400)

    def test_last_event_id(self):
        self.limited(last_event_id="64")
        with self.counts("last_event_id"):
            reader = self.subscribe("/topics/a", last_event_id="x" * 65)
            self.assertEqual(reader.status, 200, "an EventSource that is refused never comes back")
            reader.opened()
            self.gap(reader.next())


class Numbers(case.Case):
    def peer(self, **options) -> raw_h2.Peer:
        peer = raw_h2.Peer(self.gateway, **options)
        self.addCleanup(peer.close)
        return peer

    def fill(self, room: int, limit: str, reason: str) -> list[raw_h2.Peer]:
        """Those for whom there is room; one more is refused with the reason, and counted."""
        kept = [self.peer() for _ in range(room)]
        for peer in kept:
            self.assertTrue(peer.answered())
        with self.counts(limit):
            surplus = self.peer()
            stream = surplus.get("/topics/after", accept="text/event-stream")
            surplus.wait_body(stream, b'event: sluice.busy\ndata: {"reason":"%b"}\n\n' % reason.encode())
            self.assertEqual(surplus.wait_closed(), raw_h2.NO_ERROR)
        for peer in kept:
            self.assertTrue(peer.answered(), "those who are there stay")
        return kept

    def test_connections(self):
        self.gateway = self.start(settings={"limits.connections": 3})
        kept = self.fill(3, "connections", "limits.connections")
        kept[0].close()
        self.subscribe("/topics/after", "--retry", "20", "--retry-all-errors", "--retry-delay", "1").opened()

    def test_descriptors(self):
        self.gateway = self.start(descriptors_max=240, settings={"workers": 1})
        room = int(self.gateway.wait_for_line(r'fewer connections than limits\.connections.*?"connections":(\d+)')[1])
        self.assertTrue(5 < room < 80, room)
        self.fill(room, "descriptors", "descriptors")
        self.assertEqual(case.metrics(self.gateway)['sluice_busy_total{reason="descriptors"}'], 1)

    def test_an_overfull_gateway_still_answers_its_administrator(self):
        self.gateway = self.start(settings={"limits.connections": 2, "workers": 2})
        kept = [self.peer() for _ in range(2)]
        for peer in kept:
            self.assertTrue(peer.answered())
        self.assertEqual(case.metric(self.gateway, "sluice_connections"), 3)  # and the one that asks

    def test_streams(self):
        self.gateway = self.start(settings={"limits.streams": 2})
        kept = [self.subscribe("/topics/kept") for _ in range(2)]
        for reader in kept:
            reader.opened()
        with self.counts("streams"):
            busy = self.subscribe("/topics/kept", "-H", "accept: text/event-stream")
            self.assertEqual(busy.status, 200, "an EventSource that is refused never comes back")
            self.assertEqual([event.type for event in busy.rest()], ["sluice.busy"])
            self.assertTrue(busy.parser.retries)
        refused = self.fetch("/topics/kept")
        self.assertEqual((refused.status, refused.fields["retry-after"]), (503, "3"))
        self.publish("/topics/kept", "undisturbed")
        self.assertEqual([reader.next().data for reader in kept], ["undisturbed"] * 2)

    def test_handshakes_in_progress(self):
        self.gateway = self.start(settings={"limits.handshakes": 3, "limits.tls_handshake_timeout": "1s"})
        with self.counts("handshakes"):
            silent = [socket.create_connection(("127.0.0.1", self.gateway.port)) for _ in range(10)]
            for connection in silent:
                self.addCleanup(connection.close)
            reader = self.subscribe("/topics/after", "--retry", "20", "--retry-all-errors", "--retry-delay", "1")
            self.assertEqual(reader.status, 200, "once their time is up others are served")

    def test_who_connects_and_says_nothing_keeps_nobody_out(self):
        self.gateway = self.start(settings={"limits.handshakes": 8})
        silent = [socket.create_connection(("127.0.0.1", self.gateway.port)) for _ in range(20)]
        self.addCleanup(lambda: [each.close() for each in silent])
        started = time.monotonic()
        self.assertEqual(self.fetch("/demo/", "-I").status, 404)
        self.assertLess(time.monotonic() - started, 8, "limits.tls_handshake_timeout is 10 s")

    def test_a_storm_of_handshakes_is_taken_in_turns(self):
        self.gateway = self.start(settings={"limits.handshakes_per_turn": 1})
        peers = [self.peer() for _ in range(30)]
        self.assertTrue(all(peer.answered() for peer in peers))

    def test_history_falls_out_by_bytes_and_says_so(self):
        config = case.STREAMS.replace("history = { entries = 3 }", 'history = { bytes = "4KiB" }')
        self.gateway = self.start(config)
        ids = [self.ids(self.publish("/short/bytes", str(number) * 1000))[0] for number in range(10)]
        reader = self.subscribe("/short/bytes", last_event_id=ids[0])
        reader.opened()
        self.assertEqual(self.gap(reader.next())["topic"], "short/bytes")
        oldest = int(reader.next().data[0])
        self.assertIn(oldest, range(6, 10))
        self.assertEqual([event.data[0] for event in reader.take(9 - oldest)], [str(number) for number in range(oldest + 1, 10)])
