"""A conformance table made into cases: each row is what a peer says on an open connection and what must come back. Every row
is said whole, a TLS record for each frame, and where it is short one for each byte: the answer depends on the frames alone."""

import dataclasses
import socket
import struct
from collections.abc import Callable

import case
import hpack
import raw_h2
from raw_h2 import (CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, NO_ERROR, PADDED, PING, PRIORITY, RST_STREAM,
                    SETTINGS, WINDOW_UPDATE)

PAGE, EVENTS, TOPIC = "/", "/demo/clock", "/topics/conformance"
SHORT = 600  # bytes that are also said one by one
OPAQUE = b"are you?"


class Frames:
    """The frames of one peer, right and wrong ones, as bytes that a row adds up. Stream 1 unless it says another."""

    def __init__(self, authority: str, path: str = PAGE):
        self._authority = authority
        self._path = path
        self._encoder = hpack.Encoder()

    def fields(self, *more: tuple, without: str = "", **pseudo: str) -> list[tuple]:
        """A request's: fields("te", "trailers"), fields(method="POST"), fields(without=":path")."""
        given = {"method": "GET", "scheme": "https", "authority": self._authority, "path": self._path, **pseudo}
        return [(f":{name}", value) for name, value in given.items() if f":{name}" != without] + list(more)

    def block(self, fields: list[tuple] | None = None, huffman=True) -> bytes:
        return self._encoder.encode(self.fields() if fields is None else fields, huffman=huffman)

    def headers(self, fields: list[tuple] | None = None, stream=1, flags=END_STREAM | END_HEADERS) -> bytes:
        return raw_h2.frame(HEADERS, flags, stream, self.block(fields))

    def get(self, *more: tuple, stream=1, **pseudo: str) -> bytes:
        return self.headers(self.fields(*more, **pseudo), stream)

    def upload(self, *more: tuple, stream=1, flags=END_HEADERS) -> bytes:
        """The head of a request whose body follows."""
        return self.headers(self.fields(*more, method="POST"), stream, flags)

    def trailers(self, *fields: tuple, stream=1, flags=END_STREAM | END_HEADERS) -> bytes:
        return self.headers(list(fields), stream, flags)

    def continuation(self, block: bytes, stream=1, flags=END_HEADERS) -> bytes:
        return raw_h2.frame(CONTINUATION, flags, stream, block)

    def filler(self) -> bytes:
        """A block of one field of 4,000 bytes."""
        return self.block([("x-filler", "x" * 4000)])

    @staticmethod
    def data(body: bytes = b"test", stream=1, flags=END_STREAM) -> bytes:
        return raw_h2.frame(DATA, flags, stream, body)

    @staticmethod
    def padded(kind: int, flags: int, payload: bytes, pad: int, padding: int | None = None) -> bytes:
        """A frame of stream 1 that says `pad` and has `padding` bytes of it."""
        return raw_h2.frame(kind, flags | PADDED, 1, bytes([pad]) + payload + bytes(pad if padding is None else padding))

    @staticmethod
    def priority(stream=1, depends_on=0) -> bytes:
        return raw_h2.frame(PRIORITY, 0, stream, struct.pack(">IB", depends_on, 255))

    @staticmethod
    def reset(stream=1, code=raw_h2.CANCEL) -> bytes:
        return raw_h2.frame(RST_STREAM, 0, stream, struct.pack(">I", code))

    @staticmethod
    def window(increment: int, stream=1) -> bytes:
        return raw_h2.frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))

    @staticmethod
    def ping(payload: bytes = bytes(8), flags=0, stream=0) -> bytes:
        return raw_h2.frame(PING, flags, stream, payload)

    @staticmethod
    def goaway(last=0, code=NO_ERROR, stream=0) -> bytes:
        return raw_h2.frame(GOAWAY, 0, stream, struct.pack(">II", last, code) + b"bye")


def complaints(peer: raw_h2.Peer) -> list[raw_h2.Frame]:
    return [frame for frame in peer.frames if frame.type in (RST_STREAM, GOAWAY)]


# --- What must come back ---

Verdict = Callable[[case.Case, raw_h2.Peer], None]


def connection_error(code: int) -> Verdict:
    """RFC 9113 §5.4.1: GOAWAY with the code, and the end of the connection."""
    def verify(test, peer):
        test.assertEqual(peer.wait_closed(), code)
    return verify


def stream_error(code: int, stream=1) -> Verdict:
    """RFC 9113 §5.4.2: RST_STREAM with the code; the connection goes on."""
    def verify(test, peer):
        test.assertEqual(peer.wait_reset(stream), code)
        serves(test, peer, 1)
    return verify


def serves(test: case.Case, peer: raw_h2.Peer, complained=0):
    """A further request is served whole, and no more than this was complained of."""
    later = Frames(peer.authority)
    # Without references to a table that the two sides might by now disagree on.
    block = later.block([(name, value, True) for name, value in later.fields()])
    peer.send(raw_h2.frame(HEADERS, END_HEADERS | END_STREAM, 101, block) + later.ping(OPAQUE))
    peer.wait(lambda frame: frame.type == HEADERS and frame.stream == 101, "the head of a further request")
    peer.wait_end(101)
    peer.wait(lambda frame: frame.type == PING and frame.payload == OPAQUE, "the answer of a PING")
    test.assertEqual(len(complaints(peer)), complained, complaints(peer))


def tolerated(test: case.Case, peer: raw_h2.Peer):
    """Nothing is complained of, and the connection serves."""
    serves(test, peer)


def answered(test: case.Case, peer: raw_h2.Peer):
    """The request gets a response, whatever its status, and nothing is complained of."""
    peer.wait(lambda frame: frame.type == HEADERS and frame.stream == 1, "a response")
    serves(test, peer)


def ok(test: case.Case, peer: raw_h2.Peer):
    """200."""
    test.assertEqual(peer.status(1), 200)
    test.assertEqual(complaints(peer), [])


# --- Rows and cases ---

@dataclasses.dataclass(frozen=True)
class Row:
    section: str  # of RFC 9113, or the number of another RFC and its section
    name: str
    says: Callable[[Frames], bytes]
    hears: Verdict
    path: str = PAGE  # that the requests are for
    after: Callable[[Frames], bytes] | None = None  # said before, and stream 1 heard to its end


def whole(wire: bytes) -> list[bytes]:
    return [wire]


def by_frame(wire: bytes) -> list[bytes]:
    frames = []
    while wire:
        size = 9 + int.from_bytes(wire[:3], "big")
        frames.append(wire[:size])
        wire = wire[size:]
    return frames


def by_byte(wire: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in wire]


def handshake(peer: raw_h2.Peer):
    """Both sides know the other's settings."""
    peer.wait(lambda frame: frame.type == SETTINGS and not frame.flags & raw_h2.ACK, "SETTINGS")
    peer.wait(lambda frame: frame.type == SETTINGS and frame.flags & raw_h2.ACK, "the acknowledgement of SETTINGS")


class Conformance(case.SharedCase):
    """Cases over one gateway; every case has connections of its own."""

    def peer(self, **options) -> raw_h2.Peer:
        peer = raw_h2.Peer(self.gateway, **options)
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a record for each byte is a packet for each
        self.addCleanup(peer.close)
        return peer

    def shaken(self, **options) -> raw_h2.Peer:
        peer = self.peer(**options)
        handshake(peer)
        return peer

    def run_row(self, row: Row, cut: Callable[[bytes], list[bytes]]):
        peer = self.shaken(settings={raw_h2.INITIAL_WINDOW_SIZE: 65_535})
        frames = Frames(peer.authority, row.path)
        if row.after is not None:
            peer.send(row.after(frames))
            peer.wait_end(1)
        for record in cut(row.says(frames)):
            if not peer.send(record):
                break  # the answer came before the end: it is read below
        peer.closed = False
        row.hears(self, peer)


def cases(rows: list[Row]):
    """A case for each row, named by its section and sentence."""
    def decorate(cls):
        for row in rows:
            def run(self, row=row):
                short = len(row.says(Frames(self.gateway.authority, row.path))) <= SHORT
                for cut in (whole, by_frame, by_byte) if short else (whole, by_frame):
                    with self.subTest(cut=cut.__name__):
                        self.run_row(row, cut)
            name = f"test_{row.section}_{row.name.replace(' ', '_')}"
            if hasattr(cls, name):
                raise ValueError(f"two rows of one name: {name}")
            setattr(cls, name, run)
        return cls
    return decorate
