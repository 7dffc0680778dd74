"""Fairness between the streams of one connection: 50 of them, one of which nobody reads. Its client gives window back for
all others, and for that one none, neither of the stream nor of the connection, as a browser does."""

import collections
import json
import struct
import time

import case
import raw_h2
from event_stream import Parser
from raw_h2 import CANCEL, DATA, GOAWAY, RST_STREAM, SETTINGS, WINDOW_UPDATE

STREAMS = 50
EVENTS = 20
EVENT = 4_000  # bytes of one
SMALL = 65_535  # RFC 9113 §6.5.2
CHROMIUM_STREAM, CHROMIUM_CONNECTION = 6 << 20, 15 << 20
HOG_PATIENCE = 5  # seconds in which a connection's streams may starve
SECONDS = 15


class Client:
    def __init__(self, gateway, stream_window: int, connection_window: int):
        self.peer = raw_h2.Peer(gateway, hello=False)
        self.peer.polite = True
        hello = raw_h2.PREFACE + raw_h2.frame(SETTINGS, 0, 0, struct.pack(">HI", raw_h2.INITIAL_WINDOW_SIZE, stream_window))
        if connection_window > SMALL:
            hello += self.window(0, connection_window - SMALL)
        self.peer.send(hello)
        self.stalled = self.peer.get("/topics/stalled")
        self.parsers = {self.peer.get("/topics/shared"): Parser() for _ in range(STREAMS - 1)}
        self.events = {stream: [] for stream in self.parsers}
        self.unread = 0  # bytes of the stalled stream
        self.reset = None  # the code with which it was ended
        self.least = None  # events of the last when the first had all
        self.read_until(lambda: self.unread and all(self.events.values()), "every stream is open")

    @staticmethod
    def window(stream: int, count: int) -> bytes:
        return raw_h2.frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", count))

    def counts(self) -> list[int]:
        return [len(events) - 1 for events in self.events.values()]  # but sluice.open

    def read_until(self, holds, what: str, seconds=SECONDS):
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline or self.peer.closed:
                raise AssertionError(f"{what}: not within {seconds} s: events {sorted(self.counts())}, unread {self.unread}, "
                                     f"reset {self.reset}, closed {self.peer.closed}")
            self.take(self.peer.receive(0.2))
            if self.least is None and max(self.counts()) == EVENTS:
                self.least = min(self.counts())

    def take(self, frames):
        used = collections.Counter()
        for frame in frames:
            if frame.type == GOAWAY:
                raise AssertionError(f"GOAWAY {frame.code}")
            if frame.type == RST_STREAM:
                if frame.stream != self.stalled:
                    raise AssertionError(f"stream {frame.stream} was reset: {frame.code}")
                self.reset = frame.code
                used[0] += self.unread  # what nobody will read any more is given back
            elif frame.type == DATA and frame.stream == self.stalled:
                self.unread += len(frame.payload)
            elif frame.type == DATA and frame.payload:
                used[0] += len(frame.payload)
                used[frame.stream] += len(frame.payload)
                self.events[frame.stream] += self.parsers[frame.stream].feed(frame.payload)
        if used:
            self.peer.send(b"".join(self.window(stream, count) for stream, count in used.items()))


class Fairness(case.Case):
    def client(self, stream_window: int, connection_window: int) -> Client:
        self.gateway = self.start()
        client = Client(self.gateway, stream_window, connection_window)
        self.addCleanup(client.peer.close)
        return client

    def publish_many(self, path: str, count: int, size: int):
        body = "".join(json.dumps({"data": f"{number} ".ljust(size, "x")}) + "\n" for number in range(count))
        self.publish(path, body, headers={"content-type": "application/x-ndjson"})

    def assert_all_have_all(self, client: Client):
        client.read_until(lambda: min(client.counts()) == EVENTS, "every stream that is read has everything")
        for events in client.events.values():
            self.assertEqual([event.type for event in events], ["sluice.open"] + ["message"] * EVENTS)
            self.assertEqual([int(event.data.split()[0]) for event in events[1:]], list(range(EVENTS)))

    def ended_as_slow(self) -> float:
        return case.metrics(self.gateway)['sluice_streams_ended_total{reason="slow"}']

    def test_windows_of_64_kib_leave_room_beside_a_stream_that_nobody_reads(self):
        client = self.client(SMALL, SMALL)
        self.publish_many("/topics/stalled", EVENTS, EVENT)
        client.read_until(lambda: client.unread > SMALL / 2, "the stalled stream has what it may have")
        self.publish_many("/topics/shared", EVENTS, EVENT)
        self.assert_all_have_all(client)
        self.assertGreaterEqual(client.least, EVENTS // 4, "who is read is served in turn")
        self.assertLessEqual(client.unread, SMALL * 3 // 4 + 1)
        # What is left of the connection's window is full most of the time; where that lasts for 5 s the stalled one goes.
        self.assertIn(client.reset, (None, CANCEL))
        self.assertEqual(self.ended_as_slow(), client.reset is not None)

    def test_a_stream_that_holds_the_connections_whole_window_is_ended_after_5_s_and_the_others_go_on(self):
        client = self.client(CHROMIUM_STREAM, SMALL)
        self.publish_many("/topics/stalled", 2 * EVENTS, EVENT)
        client.read_until(lambda: client.unread == SMALL, "the stalled stream has the whole window")
        self.publish_many("/topics/shared", EVENTS, EVENT)
        starved = time.monotonic()
        client.read_until(lambda: client.reset is not None, "the stalled stream is ended", HOG_PATIENCE + 5)
        self.assertGreater(time.monotonic() - starved, HOG_PATIENCE - 2)
        self.assertEqual(client.reset, CANCEL)
        self.assert_all_have_all(client)
        self.assertEqual(self.ended_as_slow(), 1)

    def test_a_reader_that_returns_window_only_when_it_is_used_up_gets_all(self):
        self.gateway = self.start()
        self.publish_many("/topics/past", 40, 10_000)
        for window in (65_535, 100_000):
            with self.subTest(window), raw_h2.Peer(self.gateway, settings={raw_h2.INITIAL_WINDOW_SIZE: window}) as peer:
                stream = peer.get("/topics/past", last_event_id="earliest")
                got = in_flight = 0
                deadline = time.monotonic() + SECONDS
                while got < 300_000 and time.monotonic() < deadline:
                    arrived = sum(len(frame.payload) for frame in peer.receive(0.2) if frame.type == raw_h2.DATA)
                    got, in_flight = got + arrived, in_flight + arrived
                    if in_flight == window:
                        peer.give_window(stream, in_flight)
                        in_flight = 0
                self.assertGreaterEqual(got, 300_000)

    def test_chromiums_windows_never_starve_beside_a_stream_that_nobody_reads(self):
        client = self.client(CHROMIUM_STREAM, CHROMIUM_CONNECTION)
        self.publish_many("/topics/stalled", 7, 1_000_000)
        client.read_until(lambda: client.unread > CHROMIUM_STREAM / 2, "the stalled stream has what it may have")
        self.publish_many("/topics/shared", EVENTS, EVENT)
        self.assert_all_have_all(client)
        self.assertGreaterEqual(client.least, EVENTS // 4, "who is read is served in turn")
        self.assertLessEqual(client.unread, CHROMIUM_STREAM * 3 // 4 + 1)
        self.assertIsNone(client.reset)
        self.assertEqual(self.ended_as_slow(), 0)
