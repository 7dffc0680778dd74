"""Limits of one HTTP/2 connection, crossed with raw frames. Under each attack a well-behaved stream goes on."""

import struct

import case
import raw_h2
from conformance import EVENTS, Frames
from raw_h2 import CONTINUATION, DATA, END_HEADERS, ENHANCE_YOUR_CALM, HEADERS, PING, PRIORITY, SETTINGS

ENDED = (ENHANCE_YOUR_CALM, raw_h2.PROTOCOL_ERROR, None)  # None: closed without a word, its output was full


class Limits(case.Case):
    def attacked(self, **limits) -> raw_h2.Peer:
        """A gateway with these limits, a subscriber that must not notice anything, and the attacker."""
        self.gateway = self.start(settings={f"limits.{key}": value for key, value in limits.items()})
        self.bystander = self.subscribe("/topics/bystander")
        self.bystander.opened()
        self.descriptors = self.gateway.descriptors()
        self.peers: list[raw_h2.Peer] = []
        return self.another()

    def another(self, **options) -> raw_h2.Peer:
        peer = raw_h2.Peer(self.gateway, **options)
        self.addCleanup(peer.close)
        self.peers.append(peer)
        return peer

    def assert_bystander_unharmed(self):
        self.publish("/topics/bystander", "still here")
        self.assertEqual(self.bystander.next().data, "still here")
        self.assertTrue(self.another().answered(), "a new connection is served")
        self.assert_descriptors_back(self.descriptors + sum(not peer.closed for peer in self.peers))

    # --- Streams ---

    def test_more_streams_than_announced_are_refused(self):
        peer = self.attacked(streams_per_connection=4)
        peer.wait(lambda frame: frame.type == SETTINGS and struct.pack(">HI", 3, 4) in frame.payload, "the announced limit")
        with self.counts("too_many_streams"):
            kept = [peer.get("/demo/clock") for _ in range(4)]
            for stream in kept:
                self.assertEqual(peer.status(stream), 200)
            extra = peer.get("/demo/clock")
            refused = peer.wait(lambda frame: frame.type in (raw_h2.RST_STREAM, raw_h2.GOAWAY), "a refusal")
            self.assertIn(refused.code, (raw_h2.REFUSED_STREAM, raw_h2.PROTOCOL_ERROR))
            self.assertEqual(peer.body(extra), b"")
        self.assert_bystander_unharmed()

    def test_a_flood_of_resets_ends_its_connection(self):
        peer = self.attacked(resets_burst=20, resets_rate=1)
        with self.counts("reset_flood"):
            for _ in range(200):
                if not peer.reset(peer.get("/demo/clock")):
                    break
            self.assertIn(peer.wait_closed(), ENDED)
        self.assert_bystander_unharmed()

    def test_resets_that_the_gateway_is_made_to_send_count_too(self):
        self.attacked(resets_burst=20, resets_rate=1)
        provocations = {  # each a stream error that the standard wants answered by RST_STREAM (CVE-2025-8671)
            "a window above the maximum": lambda f, stream: f.get(stream=stream) + f.window(0x7FFFFFFF, stream),
            "an increment of 0": lambda f, stream: f.get(stream=stream) + f.window(0, stream),
            "a body longer than content-length": lambda f, stream: f.upload(("content-length", "1"), stream=stream)
            + f.data(stream=stream),
            "trailers that do not end the request": lambda f, stream: f.upload(stream=stream)
            + f.trailers(("x", "1"), stream=stream, flags=END_HEADERS),
            "a malformed field": lambda f, stream: f.get(("Upper", "case"), stream=stream),
        }
        for name, provoke in provocations.items():
            with self.subTest(name), self.counts("reset_flood"):
                peer = self.another()
                frames = Frames(peer.authority, EVENTS)
                for stream in range(1, 401, 2):
                    if not peer.send(provoke(frames, stream)):
                        break
                self.assertIn(peer.wait_closed(), ENDED)
                self.assertLess(sum(frame.type == raw_h2.RST_STREAM for frame in peer.frames), 40)
        self.assert_bystander_unharmed()

    # --- Header blocks ---

    def refuse_headers(self, peer, path="/demo/clock", fields=()):
        with self.counts("header_too_large"):
            stream = peer.request("GET", path, fields)
            answer = peer.wait(lambda frame: frame.stream == stream and frame.type in (HEADERS, raw_h2.RST_STREAM), "a refusal")
            if answer.type == HEADERS:
                self.assertIn(peer.status(stream), (414, 431))
        self.assertTrue(peer.answered(), "only the stream is refused")
        self.assert_bystander_unharmed()

    def test_header_bytes_are_counted_whether_they_are_kept_or_not(self):
        peer = self.attacked(header_bytes="2KiB")
        self.refuse_headers(peer, fields=[("cookie", "x" * 100) for _ in range(30)])

    def test_header_fields_are_counted(self):
        self.refuse_headers(self.attacked(header_fields=20), fields=[(f"x-{number}", "") for number in range(30)])

    def test_one_field_may_not_be_too_large(self):
        self.refuse_headers(self.attacked(header_field_bytes="512"), fields=[("x-large", "x" * 600)])

    def test_a_path_may_not_be_too_long(self):
        self.refuse_headers(self.attacked(path_bytes="100"), path="/topics/" + "a" * 100)

    # --- Floods ---

    def flood(self, metric: str, peer, wire: bytes, times=400):
        with self.counts(metric):
            for _ in range(times):
                if not peer.send(wire):
                    break
            self.assertIn(peer.wait_closed(), ENDED)
        self.assert_bystander_unharmed()

    def test_broken_manners_add_up_and_end_the_connection(self):
        peer = self.attacked(glitches_burst=10, glitches_rate=1)
        with self.counts("glitch_flood"):
            for _ in range(100):
                stream = peer.request("GET", "/demo/clock", [("x-bad", "a\rb")])
                if peer.closed or not stream:
                    break
            self.assertIn(peer.wait_closed(), ENDED)
        self.assert_bystander_unharmed()

    def test_a_flood_of_empty_data_ends_the_connection(self):
        peer = self.attacked(empty_data=20)
        stream = peer.request("POST", "/topics/empty", end=False)
        self.flood("empty_data", peer, raw_h2.frame(DATA, 0, stream))

    def test_a_flood_of_priorities_ends_the_connection(self):
        peer = self.attacked(priorities_per_stream=20)
        stream = peer.get("/demo/clock")
        self.flood("priority_flood", peer, raw_h2.frame(PRIORITY, 0, stream, struct.pack(">IB", 0, 15)))

    def test_a_flood_of_unknown_frames_ends_the_connection(self):
        self.flood("unknown_frame_flood", self.attacked(unknown_frames_per_minute=20), raw_h2.frame(0xFA, 0, 0, b"?"))

    def test_a_flood_of_resets_of_a_closed_stream_ends_the_connection(self):
        peer = self.attacked(unknown_frames_per_minute=20)
        stream = peer.get("/demo/clock")
        self.flood("unknown_frame_flood", peer, raw_h2.frame(raw_h2.RST_STREAM, 0, stream, struct.pack(">I", 8)))

    def test_a_flood_of_goodbyes_ends_the_connection(self):
        peer = self.attacked(unknown_frames_per_minute=20)
        peer.get("/demo/clock")
        self.flood("unknown_frame_flood", peer, raw_h2.frame(raw_h2.GOAWAY, 0, 0, bytes(8)))

    def test_a_flood_of_window_updates_ends_the_connection(self):
        for name, on_connection in (("of the connection", True), ("of a stream", False)):
            with self.subTest(name):
                peer = self.attacked(window_updates_per_minute=20)
                stream = peer.get("/demo/clock")
                self.flood("window_update_flood", peer,
                           raw_h2.frame(raw_h2.WINDOW_UPDATE, 0, 0 if on_connection else stream, struct.pack(">I", 1)))

    def test_a_flood_of_pings_ends_the_connection(self):
        self.flood("ping_flood", self.attacked(pings_burst=20, pings_per_minute=1), raw_h2.frame(PING, 0, 0, bytes(8)))

    def test_a_flood_of_SETTINGS_ends_the_connection(self):
        self.flood("ping_flood", self.attacked(pings_burst=20, pings_per_minute=1), raw_h2.settings())

    def test_a_header_block_without_end_ends_the_connection(self):
        peer = self.attacked()
        peer.frame(HEADERS, 0, 1, peer.block("GET", "/demo/clock"))
        self.flood("header_too_large", peer, raw_h2.frame(CONTINUATION, 0, 1))

    def test_a_few_bytes_that_decompress_to_megabytes_are_not_kept(self):
        peer = self.attacked()
        self.assertTrue(peer.answered())
        before = self.gateway.memory()
        index = b"\xbe"  # the newest entry of the table: 3,000 bytes
        filled = peer.block("GET", "/demo/clock", [("x-large", "x" * 3000)])
        with self.counts("header_too_large", least=20):
            for stream in range(1, 41, 2):
                peer.frame(HEADERS, END_HEADERS | raw_h2.END_STREAM, stream, filled + index * 13_000)  # 39 MB
                filled = peer.block("GET", "/demo/clock")
            for stream in range(1, 41, 2):
                peer.wait_reset(stream)
        self.assertTrue(peer.answered(), "only the streams are refused")
        self.assertLess(self.gateway.memory() - before, 32 * 1024 * 1024)
        self.assert_bystander_unharmed()

    def test_answers_that_a_peer_does_not_read_are_not_kept_for_it(self):
        self.attacked(control_bytes="4KiB", pings_burst=1_000_000)
        peer = self.another(receive_buffer=4096)
        before = self.gateway.memory()
        with self.counts("control_flood"):
            for _ in range(2000):
                if not peer.send(raw_h2.frame(PING, 0, 0, bytes(8)) * 400):
                    break
            else:
                self.fail("800,000 unread answers, and still connected")
        self.assertLess(self.gateway.memory() - before, 64 * 1024 * 1024)
        self.assert_bystander_unharmed()

    def test_the_receive_window_is_announced(self):
        peer = self.attacked(receive_window="16KiB")
        peer.wait(lambda frame: frame.type == SETTINGS and struct.pack(">HI", raw_h2.INITIAL_WINDOW_SIZE, 16384) in frame.payload,
                  "the announced window")

    def test_streams_with_backlog_take_turns_of_a_quantum(self):
        self.attacked(stream_quantum="1KiB")
        peer = self.another(settings={raw_h2.INITIAL_WINDOW_SIZE: 1000})
        streams = [peer.get("/topics/large") for _ in range(4)]
        for stream in streams:
            peer.wait_body(stream, b"sluice.open")
        self.publish("/topics/large", "x" * 100_000)
        self.assertTrue(peer.answered())
        before = len(peer.frames)
        peer.send(b"".join(raw_h2.frame(raw_h2.WINDOW_UPDATE, 0, stream, struct.pack(">I", 200_000)) for stream in streams))
        for stream in streams:
            peer.wait_body(stream, b"x\n\n")
        data = [frame for frame in peer.frames[before:] if frame.type == DATA]
        first_end = next(index for index, frame in enumerate(data) if frame.payload.endswith(b"\n\n"))
        sent = {stream: sum(len(frame.payload) for frame in data[:first_end + 1] if frame.stream == stream) for stream in streams}
        self.assertLess(max(sent.values()) - min(sent.values()), 8192, "no stream is far ahead of another")

    def test_a_frame_that_breaks_the_protocol_ends_only_its_connection(self):
        cases = [
            ("DATA on stream 0", raw_h2.frame(DATA, 0, 0, b"x")),
            ("SETTINGS of 5 bytes", raw_h2.frame(SETTINGS, 0, 0, b"12345")),
            ("a PING of 7 bytes", raw_h2.frame(PING, 0, 0, b"1234567")),
            ("CONTINUATION of nothing", raw_h2.frame(CONTINUATION, END_HEADERS, 1, b"")),
            ("a header block that is no HPACK", raw_h2.frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff")),
            ("a frame larger than allowed", b"\xff\xff\xff" + struct.pack(">BBI", DATA, 0, 1)),
            ("HTTP/1.1", b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        ]
        self.attacked()
        for name, wire in cases:
            with self.subTest(name), self.counts("protocol_error"):
                peer = self.another(hello=name != "HTTP/1.1")
                peer.send(wire)
                self.assertNotEqual(peer.wait_closed(), raw_h2.NO_ERROR)
        self.assert_bystander_unharmed()
