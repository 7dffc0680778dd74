"""RFC 9113 §3.4 to §6.10 but flow control: what frames may look like, and where they may stand."""

import struct

import raw_h2
from conformance import (OPAQUE, TOPIC, Conformance, Frames, Row, answered, cases, complaints, connection_error, ok, serves,
                         tolerated)
from raw_h2 import (ACK, DATA, END_HEADERS, END_STREAM, FRAME_SIZE_ERROR, HEADERS, NO_ERROR, PING, PRIORITIZED, PRIORITY,
                    PROTOCOL_ERROR, PUSH_PROMISE, RST_STREAM, SETTINGS)

UNKNOWN = 0x16
protocol_error = connection_error(PROTOCOL_ERROR)
size_error = connection_error(FRAME_SIZE_ERROR)


def priority_fields(depends_on=0, weight=255) -> bytes:
    return struct.pack(">IB", depends_on, weight)


FRAMES = [
    # Format, size, header compression.
    Row("4.1", "a frame of an unknown type is ignored on the connection",
        lambda f: raw_h2.frame(UNKNOWN, 0, 0, bytes(8)), tolerated),
    Row("4.1", "a frame of an unknown type is ignored on an idle stream",
        lambda f: raw_h2.frame(UNKNOWN, 0xFF, 9, bytes(8)), tolerated),
    Row("4.1", "an empty frame of an unknown type is ignored", lambda f: raw_h2.frame(0xFF, 0xFF, 0), tolerated),
    Row("4.1", "undefined flags are ignored", lambda f: f.ping(OPAQUE, flags=0x16), tolerated),
    Row("4.1", "undefined flags of HEADERS and DATA are ignored",
        lambda f: f.headers(f.fields(method="POST"), flags=END_HEADERS | 0xC2) + f.data(flags=END_STREAM | 0xF6), answered,
        TOPIC),
    Row("4.1", "the reserved bit of a stream id is ignored",
        lambda f: f.ping(OPAQUE, stream=1 << 31) + f.headers(stream=1 | 1 << 31), ok),
    Row("4.2", "DATA of 16384 bytes is taken", lambda f: f.upload() + f.data(b"x" * 16384), ok, TOPIC),
    Row("4.2", "an unknown frame of 16384 bytes is ignored", lambda f: raw_h2.frame(UNKNOWN, 0, 0, bytes(16384)), tolerated),
    Row("4.2", "DATA above the frame size", lambda f: f.upload() + f.data(b"x" * 16385), size_error, TOPIC),
    Row("4.2", "an unknown frame above the frame size", lambda f: raw_h2.frame(UNKNOWN, 0, 0, bytes(16385)), size_error),
    Row("4.2", "HEADERS above the frame size",
        lambda f: f.get(*((f"x-filler-{number}", "x" * 4000) for number in range(5))), size_error),
    Row("4.3", "a header block that stops inside a field",
        lambda f: raw_h2.frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x40"), connection_error(raw_h2.COMPRESSION_ERROR)),
    Row("4.3", "PRIORITY inside a header block",
        lambda f: f.headers(flags=0) + f.priority() + f.continuation(f.filler()), protocol_error),
    Row("4.3", "HEADERS of another stream inside a header block",
        lambda f: f.headers(flags=0) + f.headers(stream=3) + f.continuation(f.filler()), protocol_error),
    Row("5.5", "an unknown frame inside a header block",
        lambda f: f.headers(flags=END_STREAM) + raw_h2.frame(UNKNOWN, 0, 0, bytes(8)), protocol_error),
    Row("5.5", "an unknown frame of its stream inside a header block",
        lambda f: f.headers(flags=END_STREAM) + raw_h2.frame(UNKNOWN, 0, 1), protocol_error),

    # DATA.
    Row("6.1", "one DATA frame is a body", lambda f: f.upload() + f.data(), ok, TOPIC),
    Row("6.1", "several DATA frames are a body", lambda f: f.upload() + f.data(flags=0) + f.data(), ok, TOPIC),
    Row("6.1", "padded DATA is a body",
        lambda f: f.upload(("content-length", "4")) + f.padded(DATA, END_STREAM, b"test", 6), ok, TOPIC),
    Row("6.1", "DATA of padding alone ends a body",
        lambda f: f.upload(("content-length", "4")) + f.data(flags=0) + f.padded(DATA, END_STREAM, b"", 255), ok, TOPIC),
    Row("6.1", "DATA on stream 0", lambda f: f.data(stream=0), protocol_error),
    Row("6.1", "DATA with as much padding as payload",
        lambda f: f.upload() + f.padded(DATA, END_STREAM, b"", 5, padding=4), protocol_error, TOPIC),
    Row("6.1", "DATA with more padding than payload",
        lambda f: f.upload(("content-length", "4")) + f.padded(DATA, END_STREAM, b"test", 6, padding=0), protocol_error),
    Row("6.1", "padded DATA without a pad length",
        lambda f: f.upload() + raw_h2.frame(DATA, END_STREAM | raw_h2.PADDED, 1), size_error, TOPIC),

    # HEADERS.
    Row("6.2", "HEADERS open a stream", lambda f: f.headers(), ok),
    Row("6.2", "padded HEADERS are taken", lambda f: f.padded(HEADERS, END_HEADERS | END_STREAM, f.block(), 8), ok),
    Row("6.2", "HEADERS with a priority are taken",
        lambda f: raw_h2.frame(HEADERS, END_HEADERS | END_STREAM | PRIORITIZED, 1, priority_fields() + f.block()), ok),
    Row("6.2", "padded HEADERS with a priority are taken",
        lambda f: f.padded(HEADERS, END_HEADERS | END_STREAM | PRIORITIZED, priority_fields(3) + f.block(), 200), ok),
    Row("6.2", "HEADERS on stream 0", lambda f: f.headers(stream=0), protocol_error),
    Row("6.2", "HEADERS with more padding than payload",
        lambda f: f.padded(HEADERS, END_HEADERS | END_STREAM, block := f.block(), len(block) + 1, padding=0), protocol_error),
    Row("6.2", "HEADERS too short for their priority",
        lambda f: raw_h2.frame(HEADERS, END_HEADERS | END_STREAM | PRIORITIZED, 1, bytes(4)), size_error),

    # PRIORITY.
    Row("6.3", "PRIORITY on an idle stream is tolerated", lambda f: f.priority() + f.priority(99), tolerated),
    Row("6.3", "PRIORITY on a half-closed stream is tolerated", lambda f: f.headers() + f.priority(), ok),
    Row("6.3", "PRIORITY on a closed stream is tolerated", lambda f: f.priority(), tolerated, after=lambda f: f.headers()),
    Row("6.3", "PRIORITY on stream 0", lambda f: f.priority(0), protocol_error),
    Row("6.3", "PRIORITY of 4 bytes", lambda f: f.headers() + raw_h2.frame(PRIORITY, 0, 1, bytes(4)), size_error),
    Row("6.3", "PRIORITY of 6 bytes", lambda f: f.headers() + raw_h2.frame(PRIORITY, 0, 1, bytes(6)), size_error),

    # RST_STREAM.
    Row("6.4", "RST_STREAM on a half-closed stream is taken", lambda f: f.headers() + f.reset(), tolerated),
    Row("6.4", "RST_STREAM on a closed stream is ignored", lambda f: f.reset(), tolerated, after=lambda f: f.headers()),
    Row("6.4", "RST_STREAM on stream 0", lambda f: f.reset(0), protocol_error),
    Row("6.4", "RST_STREAM on an idle stream", lambda f: f.reset(), protocol_error),
    Row("6.4", "RST_STREAM of 3 bytes", lambda f: f.headers() + raw_h2.frame(RST_STREAM, 0, 1, bytes(3)), size_error),
    Row("6.4", "RST_STREAM of 5 bytes", lambda f: f.headers() + raw_h2.frame(RST_STREAM, 0, 1, bytes(5)), size_error),
    Row("7", "RST_STREAM with an unknown code is taken", lambda f: f.upload() + f.reset(code=0xFF), tolerated, TOPIC),

    # SETTINGS.
    Row("6.5", "SETTINGS with every value are taken",
        lambda f: raw_h2.settings((1, 4096), (2, 0), (3, 100), (4, 65_535), (5, 16_384), (6, 100)), tolerated),
    Row("6.5", "empty SETTINGS are taken", lambda f: raw_h2.settings(), tolerated),
    Row("6.5", "a SETTINGS acknowledgement with a payload", lambda f: raw_h2.frame(SETTINGS, ACK, 0, bytes(6)), size_error),
    Row("6.5", "SETTINGS on a stream", lambda f: raw_h2.frame(SETTINGS, 0, 1, struct.pack(">HI", 3, 100)), protocol_error),
    Row("6.5", "SETTINGS of 3 bytes", lambda f: raw_h2.frame(SETTINGS, 0, 0, bytes(3)), size_error),
    Row("6.5", "SETTINGS of 7 bytes", lambda f: raw_h2.frame(SETTINGS, 0, 0, bytes(7)), size_error),
    Row("6.5.2", "ENABLE_PUSH of 0 and 1 is taken", lambda f: raw_h2.settings((2, 1), (2, 0)), tolerated),
    Row("6.5.2", "ENABLE_PUSH of 2", lambda f: raw_h2.settings((2, 2)), protocol_error),
    Row("6.5.2", "INITIAL_WINDOW_SIZE above the maximum", lambda f: raw_h2.settings((4, 1 << 31)),
        connection_error(raw_h2.FLOW_CONTROL_ERROR)),
    Row("6.5.2", "MAX_FRAME_SIZE below the least", lambda f: raw_h2.settings((5, 16_383)), protocol_error),
    Row("6.5.2", "MAX_FRAME_SIZE above the maximum", lambda f: raw_h2.settings((5, 1 << 24)), protocol_error),
    Row("6.5.2", "MAX_FRAME_SIZE of the maximum is taken", lambda f: raw_h2.settings((5, (1 << 24) - 1)) + f.headers(), ok),
    Row("6.5.2", "an unknown setting is ignored", lambda f: raw_h2.settings((0xFF, 1), (0, 1)), tolerated),
    Row("9218-2.1", "NO_RFC7540_PRIORITIES of 2", lambda f: raw_h2.settings((9, 2)), protocol_error),
    Row("8.4", "PUSH_PROMISE from a client",
        lambda f: raw_h2.frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 3) + f.block()), protocol_error),
    Row("8.4", "PUSH_PROMISE on an open stream",
        lambda f: f.headers() + raw_h2.frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2) + f.block()), protocol_error),

    # PING, GOAWAY.
    Row("6.7", "PING on a stream", lambda f: f.ping(stream=1), protocol_error),
    Row("6.7", "PING of 6 bytes on a stream", lambda f: f.ping(bytes(6), stream=1), size_error),
    Row("6.7", "PING of no bytes", lambda f: f.ping(b""), size_error),
    Row("6.7", "PING of 9 bytes", lambda f: f.ping(bytes(9)), size_error),
    Row("6.7", "a PING acknowledgement of 7 bytes", lambda f: f.ping(bytes(7), flags=ACK), size_error),
    Row("6.8", "GOAWAY on a stream", lambda f: f.headers() + f.goaway(stream=1), protocol_error),
    Row("6.8", "GOAWAY of 4 bytes", lambda f: raw_h2.frame(raw_h2.GOAWAY, 0, 0, bytes(4)), size_error),

    # CONTINUATION.
    Row("6.10", "a header block in three frames is one",
        lambda f: f.headers(flags=END_STREAM) + f.continuation(f.filler(), flags=0) + f.continuation(f.filler()), ok),
    Row("6.10", "empty pieces of a header block are taken",
        lambda f: raw_h2.frame(HEADERS, END_STREAM, 1) + f.continuation(b"", flags=0) + f.continuation(f.block()), ok),
    Row("6.10", "a field may be cut anywhere",
        lambda f: raw_h2.frame(HEADERS, END_STREAM, 1, (block := f.block())[:1]) + f.continuation(block[1:2], flags=0)
        + f.continuation(block[2:]), ok),
    Row("6.10", "DATA inside a header block",
        lambda f: f.upload(flags=0) + f.continuation(f.filler(), flags=0) + f.data(), protocol_error),
    Row("6.10", "SETTINGS inside a header block", lambda f: f.headers(flags=END_STREAM) + raw_h2.settings(), protocol_error),
    Row("6.10", "WINDOW_UPDATE inside a header block",
        lambda f: f.headers(flags=END_STREAM) + f.window(1, stream=0), protocol_error),
    Row("6.10", "RST_STREAM inside its own header block", lambda f: f.headers(flags=END_STREAM) + f.reset(), protocol_error),
    Row("6.10", "CONTINUATION on stream 0",
        lambda f: f.headers(flags=END_STREAM) + f.continuation(f.filler(), stream=0), protocol_error),
    Row("6.10", "CONTINUATION of another stream",
        lambda f: f.headers(flags=END_STREAM) + f.continuation(f.filler(), stream=3), protocol_error),
    Row("6.10", "CONTINUATION after a finished block of HEADERS",
        lambda f: f.headers() + f.continuation(f.filler()), protocol_error),
    Row("6.10", "CONTINUATION after a finished block of CONTINUATION",
        lambda f: f.headers(flags=END_STREAM) + f.continuation(f.filler()) + f.continuation(f.filler()), protocol_error),
    Row("6.10", "CONTINUATION after DATA",
        lambda f: f.upload() + f.data(flags=0) + f.continuation(f.filler(), flags=0), protocol_error, TOPIC),
    Row("6.10", "CONTINUATION out of the blue", lambda f: f.continuation(f.block()), protocol_error),
]


@cases(FRAMES)
class FramesOfAllTypes(Conformance):
    def test_3_4_the_first_frame_is_SETTINGS(self):
        peer = self.peer()
        peer.wait(lambda frame: frame.type == SETTINGS and frame.flags & ACK, "the acknowledgement of our own")
        self.assertEqual((peer.frames[0].type, peer.frames[0].flags, peer.frames[0].stream), (SETTINGS, 0, 0))

    def test_3_4_what_is_no_preface_ends_the_connection(self):
        for garbage in (b"INVALID CONNECTION PREFACE\r\n\r\n", b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n",
                        raw_h2.PREFACE.lower(), b"\0" * 24):
            with self.subTest(garbage):
                peer = self.peer(hello=False)
                peer.send(garbage)
                self.assertIn(peer.wait_closed(), (None, PROTOCOL_ERROR))
                self.assertEqual([frame.type for frame in peer.frames if frame.type in (HEADERS, PING)], [])

    def test_3_4_a_preface_must_be_followed_by_SETTINGS(self):
        for name, wire in (("HEADERS", Frames(self.gateway.authority).headers()), ("PING", Frames.ping()),
                           ("WINDOW_UPDATE", Frames.window(1, stream=0)), ("an acknowledgement", raw_h2.frame(SETTINGS, ACK, 0))):
            with self.subTest(name):
                peer = self.peer(hello=False)
                peer.send(raw_h2.PREFACE + wire)
                self.assertEqual(peer.wait_closed(), PROTOCOL_ERROR)

    def test_6_5_an_acknowledgement_too_many_ends_the_connection(self):
        peer = self.shaken()
        peer.frame(SETTINGS, ACK, 0)
        self.assertEqual(peer.wait_closed(), PROTOCOL_ERROR)

    def test_6_5_3_SETTINGS_are_acknowledged_each(self):
        peer = self.shaken()
        before = len(peer.frames)
        peer.send(raw_h2.settings((raw_h2.ENABLE_PUSH, 0)) * 3)
        self.assertTrue(peer.answered())
        self.assertEqual([(frame.type, frame.flags) for frame in peer.frames[before:]], [(SETTINGS, ACK)] * 3 + [(PING, ACK)])

    def test_6_7_a_PING_comes_back_with_its_bytes_and_an_acknowledgement_does_not(self):
        peer = self.shaken()
        before = len(peer.frames)
        peer.send(Frames.ping(b"invalid!", flags=ACK) + Frames.ping(b"12345678"))
        self.assertTrue(peer.answered())
        pings = [frame for frame in peer.frames[before:] if frame.type == PING]
        self.assertEqual([frame.payload for frame in pings][:-1], [b"12345678"])
        self.assertEqual([frame.flags for frame in pings], [ACK, ACK])

    def test_6_8_a_client_that_says_GOAWAY_and_has_no_stream_is_let_go(self):
        for code in (NO_ERROR, 0xFF):
            with self.subTest(code=code):
                peer = self.shaken()
                peer.send(Frames.goaway(code=code) + Frames.ping())
                self.assertIn(peer.wait_closed(), (None, NO_ERROR))

    def test_6_8_after_a_GOAWAY_the_streams_of_its_sender_go_on(self):
        # What a client names has no meaning for us, who push nothing: 0, its own newest stream (Go's), the largest id.
        for last in (0, 1, 0x7FFFFFFF):
            with self.subTest(last=last):
                peer = self.shaken()
                stream = peer.get(f"/topics/leaving-{last}")
                peer.wait_body(stream, b"sluice.open")
                peer.send(Frames.goaway(last))
                self.assertTrue(peer.answered())
                self.publish(f"/topics/leaving-{last}", "still here")
                peer.wait_body(stream, b"data: still here\n")
                self.assertEqual(complaints(peer), [])
                peer.reset(stream)
                self.assertIn(peer.wait_closed(), (None, NO_ERROR))

    def test_6_8_a_GOAWAY_of_ours_names_the_last_stream_that_was_taken(self):
        peer = self.shaken()
        peer.send(Frames(peer.authority).headers(stream=7) + Frames.ping(b"short"))
        peer.wait_closed()
        last = next(frame for frame in peer.frames if frame.type == raw_h2.GOAWAY)
        self.assertEqual(struct.unpack_from(">II", last.payload), (7, FRAME_SIZE_ERROR))

    def test_a_whole_conversation_may_come_byte_by_byte(self):
        peer = self.peer(hello=False)
        frames = Frames(peer.authority, TOPIC)
        wire = (raw_h2.PREFACE + raw_h2.settings((raw_h2.INITIAL_WINDOW_SIZE, 65_535)) + frames.window(1 << 20, stream=0)
                + frames.upload(("content-length", "4")) + frames.padded(DATA, END_STREAM, b"byte", 7)
                + raw_h2.frame(UNKNOWN, 0xFF, 1, b"ignored"))
        for byte in wire:
            peer.send(bytes([byte]))
        self.assertEqual(peer.status(1), 200)
        peer.wait_end(1)
        peer.polite = True
        peer.frame(SETTINGS, ACK, 0)
        serves(self, peer)
