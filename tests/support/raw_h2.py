"""An HTTP/2 peer made of frames (RFC 9113), for what no well-behaved client does. HPACK is python3-hpack's, the rest is
here. Nothing is sent or answered by itself but the SETTINGS acknowledgement, and that only while `polite`."""

import dataclasses
import socket
import ssl
import struct
import time

import hpack

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 0x1, 0x1, 0x4, 0x8, 0x20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = range(1, 7)
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, \
    REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM = range(12)
WAIT = 15


@dataclasses.dataclass(frozen=True)
class Frame:
    type: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """The error code of a RST_STREAM or GOAWAY."""
        return struct.unpack_from(">I", self.payload, 4 if self.type == GOAWAY else 0)[0]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(*values: tuple[int, int]) -> bytes:
    """A SETTINGS frame with these in this order."""
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", key, value) for key, value in values))


def tls_context(gateway, alpn=("h2",)) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=gateway.ca)
    context.set_alpn_protocols(list(alpn))
    return context


class Peer:
    """with Peer(gateway) as peer: peer.get("/demo/clock"). `hello=False`: TLS is up, not a byte of HTTP/2 is sent.
    `connection`: TLS that is up already."""

    def __init__(self, gateway, hello=True, settings: dict[int, int] | None = None, receive_buffer: int | None = None,
                 connection: ssl.SSLSocket | None = None):
        self.polite = hello  # an acknowledgement before the preface would be an error
        self.frames: list[Frame] = []  # all that came
        self.closed = False
        self.authority = gateway.authority
        self._buffer = b""
        self._next_stream = 1
        self._encoder = hpack.Encoder()
        self._decoder = hpack.Decoder()
        self.socket = connection or self._connect(gateway, receive_buffer)
        if hello:
            self.hello(settings or {})

    @staticmethod
    def _connect(gateway, receive_buffer: int | None) -> ssl.SSLSocket:
        raw = socket.socket()
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.settimeout(WAIT)
        raw.connect(("127.0.0.1", gateway.port))
        return tls_context(gateway).wrap_socket(raw, server_hostname="localhost")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # --- Sending ---

    def send(self, wire: bytes) -> bool:
        """False when the gateway has closed: a flood may end before it is all sent."""
        try:
            self.socket.sendall(wire)
            return True
        except OSError:
            self.closed = True
            return False

    def frame(self, kind: int, flags: int, stream: int, payload: bytes = b"") -> bool:
        return self.send(frame(kind, flags, stream, payload))

    def hello(self, values: dict[int, int]):
        """Windows that no test fills by accident, unless `values` say otherwise."""
        self.send(PREFACE + settings(*{INITIAL_WINDOW_SIZE: 1 << 24, **values}.items())
                  + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))

    def block(self, method: str, path: str, fields=()) -> bytes:
        """A header block, without Huffman or indexing, so that its size is what it says."""
        return self._encoder.encode([(":method", method), (":scheme", "https"), (":authority", self.authority), (":path", path),
                                     *fields], huffman=False)

    def request(self, method: str, path: str, fields=(), end=True) -> int:
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        block = self.block(method, path, fields)
        pieces = [block[at:at + 16384] for at in range(0, len(block), 16384)]
        wire = b""
        for index, piece in enumerate(pieces):
            flags = (END_HEADERS if index == len(pieces) - 1 else 0) | (END_STREAM if end and index == 0 else 0)
            wire += frame(CONTINUATION if index else HEADERS, flags, stream, piece)
        self.send(wire)
        return stream

    def get(self, path: str, **fields: str) -> int:
        return self.request("GET", path, [(name.replace("_", "-"), value) for name, value in fields.items()])

    def post(self, path: str, body: bytes, *fields: tuple[str, str]) -> int:
        """A body that fits into the first window and one frame."""
        stream = self.request("POST", path, fields, end=False)
        self.frame(DATA, END_STREAM, stream, body)
        return stream

    def reset(self, stream: int, code: int = CANCEL) -> bool:
        return self.frame(RST_STREAM, 0, stream, struct.pack(">I", code))

    def give_window(self, stream: int, count: int) -> bool:
        return self.frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", count))

    # --- Receiving ---

    def _receive(self, deadline: float) -> bool:
        """Reads once; False at the end of the connection."""
        self.socket.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            chunk = self.socket.recv(65536)
        except TimeoutError:
            raise
        except OSError:  # reset, or closed without close_notify
            chunk = b""
        if not chunk:
            self.closed = True
            return False
        self._buffer += chunk
        while len(self._buffer) >= 9 and len(self._buffer) >= 9 + (size := int.from_bytes(self._buffer[:3], "big")):
            kind, flags, stream = struct.unpack_from(">BBI", self._buffer, 3)
            arrived = Frame(kind, flags, stream & 0x7FFFFFFF, self._buffer[9:9 + size])
            self._buffer = self._buffer[9 + size:]
            self.frames.append(arrived)
            if arrived.type == SETTINGS and not arrived.flags & ACK and self.polite:
                self.frame(SETTINGS, ACK, 0)
        return True

    def receive(self, timeout: float) -> list[Frame]:
        """What comes within the time; the frames are forgotten then: for streams that go on for long."""
        try:
            self._receive(time.monotonic() + timeout)
        except TimeoutError:
            pass
        arrived, self.frames = self.frames, []
        return arrived

    def wait(self, wanted, what="a frame", timeout=WAIT) -> Frame:
        """The first frame of all that came, or come in time, for which wanted(frame) holds."""
        seen = 0
        deadline = time.monotonic() + timeout
        while True:
            for arrived in self.frames[seen:]:
                if wanted(arrived):
                    return arrived
            seen = len(self.frames)
            try:
                if not self.closed and self._receive(deadline):
                    continue
            except TimeoutError:
                pass
            said = [(frame.type, frame.flags, frame.stream, frame.payload[:80]) for frame in self.frames[-5:]]
            raise AssertionError(f"{what} did not come{' before the end' if self.closed else ''}; the last frames: {said}")

    def wait_closed(self, timeout=WAIT) -> int | None:
        """Reads to the end of the connection; the code of its GOAWAY, if it sent one."""
        deadline = time.monotonic() + timeout
        while not self.closed:
            try:
                self._receive(deadline)
            except TimeoutError:
                raise AssertionError(f"the gateway keeps the connection open for {timeout} s") from None
        return next((arrived.code for arrived in self.frames if arrived.type == GOAWAY), None)

    def fields(self, stream: int) -> dict[str, str]:
        """The response's head. Call in the order in which heads come: HPACK has one state."""
        head = self.wait(lambda arrived: arrived.type == HEADERS and arrived.stream == stream, f"the head of stream {stream}")
        return dict(self._decoder.decode(head.payload))

    def status(self, stream: int) -> int:
        return int(self.fields(stream)[":status"])

    def body(self, stream: int) -> bytes:
        """What has come of a body so far."""
        return b"".join(arrived.payload for arrived in self.frames if arrived.type == DATA and arrived.stream == stream)

    def wait_body(self, stream: int, text: bytes, timeout=WAIT):
        self.wait(lambda arrived: arrived.stream == stream and text in self.body(stream), f"{text!r} on stream {stream}", timeout)

    def wait_end(self, stream: int):
        self.wait(lambda arrived: arrived.stream == stream and arrived.type in (HEADERS, DATA) and arrived.flags & END_STREAM,
                  f"the end of stream {stream}")

    def wait_reset(self, stream: int) -> int:
        return self.wait(lambda arrived: arrived.type == RST_STREAM and arrived.stream == stream, f"a reset of {stream}").code

    def answered(self) -> bool:
        """Whether the connection still serves: a PING comes back."""
        opaque = struct.pack(">d", time.monotonic())
        self.frame(PING, 0, 0, opaque)
        return self.wait(lambda arrived: arrived.type == PING and arrived.flags & ACK and arrived.payload == opaque) is not None
