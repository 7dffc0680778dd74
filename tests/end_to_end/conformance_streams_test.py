"""RFC 9113 §5 and §6.9: the states of streams, their ids and number, and flow control."""

import struct

import raw_h2
from conformance import (EVENTS, PAGE, TOPIC, Conformance, Frames, Row, answered, cases, complaints, connection_error, ok,
                         serves, stream_error, tolerated)
from raw_h2 import (DATA, END_HEADERS, END_STREAM, FLOW_CONTROL_ERROR, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, NO_ERROR,
                    PRIORITIZED, PROTOCOL_ERROR, REFUSED_STREAM, RST_STREAM, SETTINGS, STREAM_CLOSED)

WINDOW_MAX = 0x7FFFFFFF
protocol_error = connection_error(PROTOCOL_ERROR)
closed = connection_error(STREAM_CLOSED)

STREAMS = [
    # Idle.
    Row("5.1", "DATA on an idle stream", lambda f: f.data(), protocol_error),
    Row("5.1", "RST_STREAM on an idle stream", lambda f: f.reset(), protocol_error),
    Row("5.1", "WINDOW_UPDATE on an idle stream", lambda f: f.window(100), protocol_error),
    Row("5.1", "CONTINUATION on an idle stream", lambda f: f.continuation(f.block()), protocol_error),
    Row("5.1", "DATA on an idle stream above an open one", lambda f: f.upload() + f.data(stream=3), protocol_error, TOPIC),
    Row("5.1", "WINDOW_UPDATE on an idle stream of ours", lambda f: f.window(100, stream=2), protocol_error),
    # Half-closed (remote).
    *(row for path, target in ((PAGE, "a page"), (EVENTS, "an event stream")) for row in (
        Row("5.1", f"DATA after END_STREAM on {target}", lambda f: f.headers() + f.data(), closed, path),
        Row("5.1", f"HEADERS after END_STREAM on {target}", lambda f: f.headers() + f.headers(), closed, path),
        Row("5.1", f"trailers after END_STREAM on {target}", lambda f: f.headers() + f.trailers(("x", "1")), closed, path),
        Row("5.1", f"CONTINUATION after END_STREAM on {target}",
            lambda f: f.headers() + f.continuation(f.filler()), protocol_error, path),
        Row("5.1", f"RST_STREAM after END_STREAM on {target} is taken", lambda f: f.headers() + f.reset(), tolerated, path),
        Row("5.1", f"DATA after RST_STREAM on {target}",
            lambda f: f.headers(flags=END_HEADERS) + f.reset() + f.data(), closed, path),
        Row("5.1", f"HEADERS after RST_STREAM on {target}",
            lambda f: f.headers(flags=END_HEADERS) + f.reset() + f.headers(), closed, path),
        Row("5.1", f"CONTINUATION after RST_STREAM on {target}",
            lambda f: f.headers(flags=END_HEADERS) + f.reset() + f.continuation(f.filler()), protocol_error, path),
        Row("5.1", f"RST_STREAM, WINDOW_UPDATE and PRIORITY after RST_STREAM on {target} are ignored",
            lambda f: f.headers(flags=END_HEADERS) + f.reset() + f.window(5) + f.reset() + f.priority(), tolerated, path),
    )),
    Row("5.1", "WINDOW_UPDATE and PRIORITY on a half-closed stream are taken",
        lambda f: f.headers() + f.window(1) + f.priority(), answered, EVENTS),
    Row("6.1", "DATA after END_STREAM on a POST", lambda f: f.headers(f.fields(method="POST")) + f.data(), closed, TOPIC),
    Row("6.1", "DATA after the end of a body", lambda f: f.upload() + f.data() + f.data(), closed, TOPIC),
    Row("6.1", "DATA after trailers", lambda f: f.upload() + f.data(flags=0) + f.trailers(("x", "1")) + f.data(), closed, TOPIC),
    # Closed.
    Row("5.1", "DATA on a stream that both have ended", lambda f: f.data(), closed, after=lambda f: f.headers()),
    Row("5.1", "HEADERS on a stream that both have ended", lambda f: f.headers(), closed, after=lambda f: f.headers()),
    Row("5.1", "CONTINUATION on a stream that both have ended", lambda f: f.continuation(f.filler()), protocol_error,
        after=lambda f: f.headers()),
    Row("5.1", "WINDOW_UPDATE on a stream that both have ended is ignored", lambda f: f.window(1), tolerated,
        after=lambda f: f.headers()),
    # Ids.
    Row("5.1.1", "a stream with an even id", lambda f: f.headers(stream=2), protocol_error),
    Row("5.1.1", "a stream id that falls", lambda f: f.headers(stream=5) + f.headers(stream=3), protocol_error),
    Row("5.1.1", "a stream id that falls behind an event stream", lambda f: f.headers(stream=5) + f.headers(stream=3),
        protocol_error, EVENTS),
    Row("5.1.1", "a stream id that falls by a POST", lambda f: f.upload(stream=5) + f.upload(stream=1), protocol_error, TOPIC),
    Row("5.1.1", "DATA on an id that was passed over", lambda f: f.headers(stream=5) + f.data(stream=3), protocol_error),
    Row("5.1.1", "stream ids may be passed over", lambda f: f.headers(stream=1) + f.headers(stream=51), ok),
    # Dependencies.
    Row("7540-5.3.1", "HEADERS that depend on themselves",
        lambda f: raw_h2.frame(HEADERS, END_HEADERS | END_STREAM | PRIORITIZED, 1, struct.pack(">IB", 1, 255) + f.block()),
        protocol_error),
    Row("7540-5.3.1", "PRIORITY of an idle stream that depends on itself", lambda f: f.priority(1, 1), protocol_error),
    Row("7540-5.3.1", "PRIORITY of an open stream that depends on itself", lambda f: f.headers() + f.priority(1, 1),
        protocol_error, EVENTS),

    # Flow control.
    Row("6.9", "WINDOW_UPDATE of the connection is taken", lambda f: f.window(1, stream=0), tolerated),
    Row("6.9", "the reserved bit of an increment is ignored", lambda f: f.window(1 << 31 | 1, stream=0), tolerated),
    Row("6.9", "WINDOW_UPDATE of 0 on the connection", lambda f: f.window(0, stream=0), protocol_error),
    Row("6.9", "WINDOW_UPDATE of the reserved bit alone", lambda f: f.window(1 << 31, stream=0), protocol_error),
    Row("6.9", "WINDOW_UPDATE of 0 on an event stream", lambda f: f.headers() + f.window(0), stream_error(PROTOCOL_ERROR),
        EVENTS),
    Row("6.9", "WINDOW_UPDATE of 0 on a request that is not complete", lambda f: f.headers(flags=END_HEADERS) + f.window(0),
        stream_error(PROTOCOL_ERROR)),
    Row("6.9", "WINDOW_UPDATE of 0 on a body", lambda f: f.upload() + f.data(flags=0) + f.window(0),
        stream_error(PROTOCOL_ERROR), TOPIC),
    Row("6.9", "WINDOW_UPDATE of 3 bytes", lambda f: raw_h2.frame(raw_h2.WINDOW_UPDATE, 0, 0, b"\0\0\1"),
        connection_error(raw_h2.FRAME_SIZE_ERROR)),
    Row("6.9", "WINDOW_UPDATE of 5 bytes on a stream",
        lambda f: f.headers() + raw_h2.frame(raw_h2.WINDOW_UPDATE, 0, 1, b"\0\0\0\1\0"),
        connection_error(raw_h2.FRAME_SIZE_ERROR), EVENTS),
    Row("6.9.1", "a connection window above the maximum", lambda f: f.window(WINDOW_MAX, stream=0) * 2,
        connection_error(FLOW_CONTROL_ERROR)),
    Row("6.9.1", "a stream window above the maximum", lambda f: f.headers() + f.window(WINDOW_MAX) * 2,
        stream_error(FLOW_CONTROL_ERROR), EVENTS),
    Row("6.9.1", "a window above the maximum on a request that is not complete",
        lambda f: f.headers(flags=END_HEADERS) + f.window(WINDOW_MAX) * 2, stream_error(FLOW_CONTROL_ERROR)),
    Row("6.9.2", "INITIAL_WINDOW_SIZE that lifts a window above the maximum",
        lambda f: f.headers() + f.window(WINDOW_MAX - 65_535) + raw_h2.settings((INITIAL_WINDOW_SIZE, WINDOW_MAX)),
        connection_error(FLOW_CONTROL_ERROR), EVENTS),
    Row("6.9.2", "INITIAL_WINDOW_SIZE of the maximum is taken",
        lambda f: raw_h2.settings((INITIAL_WINDOW_SIZE, WINDOW_MAX)) + f.get(), ok, EVENTS),
]


@cases(STREAMS)
class StatesAndWindows(Conformance):
    def lengths(self, peer, stream=1) -> list[int]:
        return [len(frame.payload) for frame in peer.frames if frame.type == DATA and frame.stream == stream]

    def wait_bytes(self, peer, count: int, stream=1):
        peer.wait(lambda _: sum(self.lengths(peer, stream)) >= count, f"{count} bytes of body")
        self.assertEqual(sum(self.lengths(peer, stream)), count)

    def assert_silent(self, peer, count: int, stream=1):
        """Nothing has come beyond so many bytes, though all that was said is answered."""
        self.assertTrue(peer.answered())
        self.assertEqual(sum(self.lengths(peer, stream)), count)

    def test_5_1_2_more_streams_than_announced_are_refused(self):
        peer = self.shaken(settings={INITIAL_WINDOW_SIZE: 0})
        announced = next(frame.payload for frame in peer.frames if frame.type == SETTINGS)
        most = dict(struct.iter_unpack(">HI", announced))[raw_h2.MAX_CONCURRENT_STREAMS]
        frames = Frames(peer.authority)
        peer.send(b"".join(frames.headers(stream=stream) for stream in range(1, 2 * most + 3, 2)))
        refused = peer.wait(lambda frame: frame.type in (RST_STREAM, GOAWAY), "a refusal")
        self.assertIn(refused.code, (PROTOCOL_ERROR, REFUSED_STREAM))

    def test_5_4_1_a_connection_error_is_told_and_closes_the_connection(self):
        peer = self.shaken()
        peer.send(Frames.ping(stream=3))
        self.assertEqual(peer.wait_closed(), PROTOCOL_ERROR)
        self.assertEqual([frame.type for frame in complaints(peer)], [GOAWAY], "one goodbye is enough")

    def test_6_9_a_window_of_1_is_filled_byte_by_byte(self):
        for path in (PAGE, EVENTS):
            with self.subTest(path):
                peer = self.shaken(settings={INITIAL_WINDOW_SIZE: 1})
                peer.send(Frames(peer.authority, path).headers())
                self.wait_bytes(peer, 1)
                for count in range(2, 20):
                    self.assert_silent(peer, count - 1)
                    peer.give_window(1, 1)
                    self.wait_bytes(peer, count)

    def test_6_9_1_a_stream_that_waits_for_the_connection_goes_on_with_its_window(self):
        peer = self.peer(hello=False)
        peer.polite = True
        peer.send(raw_h2.PREFACE + raw_h2.settings((INITIAL_WINDOW_SIZE, 1 << 20)))
        first, second = peer.get("/topics/windows"), peer.get("/topics/windows")
        for stream in (first, second):
            peer.wait_body(stream, b"sluice.open")
        self.publish("/topics/windows", "x" * 200_000)
        both = lambda: sum(self.lengths(peer, first)) + sum(self.lengths(peer, second))
        peer.wait(lambda _: both() >= 65_535, "the connection's window")
        self.assertTrue(peer.answered())
        self.assertEqual(both(), 65_535)
        peer.give_window(0, 5)
        peer.wait(lambda _: both() >= 65_540, "five bytes more")
        self.assertTrue(peer.answered())
        self.assertEqual(both(), 65_540)
        peer.give_window(0, 1 << 20)
        for stream in (first, second):
            peer.wait_body(stream, b"x\n\n")

    def test_6_9_2_a_larger_initial_window_opens_the_streams_that_wait(self):
        for path in (PAGE, EVENTS):
            with self.subTest(path):
                peer = self.shaken(settings={INITIAL_WINDOW_SIZE: 0})
                peer.send(Frames(peer.authority, path).headers())
                self.assertEqual(peer.status(1), 200)
                self.assert_silent(peer, 0)
                peer.send(raw_h2.settings((INITIAL_WINDOW_SIZE, 1)))
                self.wait_bytes(peer, 1)

    def test_6_9_2_a_window_that_SETTINGS_made_negative_lets_nothing_through(self):
        for path in (PAGE, EVENTS):
            with self.subTest(path):
                peer = self.shaken(settings={INITIAL_WINDOW_SIZE: 3})
                peer.send(Frames(peer.authority, path).headers())
                self.wait_bytes(peer, 3)
                peer.send(raw_h2.settings((INITIAL_WINDOW_SIZE, 2)))
                self.assert_silent(peer, 3)
                peer.give_window(1, 1)
                self.assert_silent(peer, 3)
                peer.give_window(1, 1)
                self.wait_bytes(peer, 4)

    def test_6_5_3_values_are_taken_in_the_order_in_which_they_come(self):
        peer = self.shaken()
        peer.send(raw_h2.settings((INITIAL_WINDOW_SIZE, 100), (INITIAL_WINDOW_SIZE, 1)))
        peer.send(Frames(peer.authority).headers())
        self.wait_bytes(peer, 1)

    def test_6_9_a_head_needs_no_window(self):
        peer = self.shaken(settings={INITIAL_WINDOW_SIZE: 0})
        frames = Frames(peer.authority)
        peer.send(frames.get(method="HEAD") + frames.get(stream=3, path="/nowhere"))
        self.assertEqual([peer.status(1), peer.status(3)], [200, 404])
        peer.wait_end(1)

    def test_6_9_an_answer_that_fits_the_window_needs_none_back(self):
        # A peer may wait with WINDOW_UPDATE until nothing is left. The answer names 4,500 ids: nearly 64 KiB.
        peer = self.shaken(settings={INITIAL_WINDOW_SIZE: 65_535})
        frames = Frames(peer.authority, "/topics/answer")
        body = b'{"data":"x"}\n' * 4_500
        peer.send(frames.upload(("content-type", "application/x-ndjson")) + b"".join(
            frames.data(body[at:at + 16_000], flags=END_STREAM if at + 16_000 >= len(body) else 0)
            for at in range(0, len(body), 16_000)))
        self.assertEqual(peer.status(1), 200)
        peer.wait_end(1)
        self.assertIn(sum(self.lengths(peer)), range(49_152, 65_536))

    def test_6_9_1_padding_gives_its_window_back(self):
        peer = self.shaken()
        rounds = 4_000  # of 356 bytes: over the window of the connection, and many times that of the stream
        peer.send(Frames(peer.authority, TOPIC).upload(("content-length", str(100 * rounds))))
        piece = Frames.padded(DATA, 0, b"x" * 100, 255)
        sent = 0
        for _ in range(rounds):
            while min(self.window_of(peer, 0), self.window_of(peer, 1)) - sent < len(piece) - 9:
                known = len(peer.frames)
                peer.wait(lambda _: len(peer.frames) > known, "window")
            peer.send(piece)
            sent += len(piece) - 9
        peer.send(Frames.data(b""))
        self.assertEqual(peer.status(1), 200)

    def window_of(self, peer, stream: int) -> int:
        """What the gateway has given so far."""
        values = dict(struct.iter_unpack(">HI", next(frame.payload for frame in peer.frames if frame.type == SETTINGS)))
        given = sum(struct.unpack(">I", frame.payload)[0] for frame in peer.frames
                    if frame.type == raw_h2.WINDOW_UPDATE and frame.stream == stream)
        return given + (65_535 if stream == 0 else values[INITIAL_WINDOW_SIZE])

    def test_5_1_what_arrives_for_a_stream_that_we_have_reset_is_ignored(self):
        peer = self.shaken()
        frames = Frames(peer.authority, TOPIC)
        peer.send(frames.upload(("content-length", "1")) + frames.data(b"too long", flags=0))
        self.assertEqual(peer.wait_reset(1), PROTOCOL_ERROR)
        peer.send(frames.data(b"in flight", flags=0) + frames.window(1) + frames.trailers(("x", "1"))
                  + frames.reset(code=NO_ERROR))
        serves(self, peer, 1)
