"""One request and its answer, over HTTP/1.1 or HTTP/2, with the liberty to answer wrongly.

A behaviour (sse_behaviours.py) is given an Exchange and does what it likes: head(), body(), end(), reset(); raw() where
the wire is HTTP/1.1. serve() reads requests from a connection until one side ends it.
"""

import asyncio
import contextlib
import dataclasses
import socket
import struct
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
from loop_thread import cancel

HEAD_SIZE_MAX = 65536


@dataclasses.dataclass(frozen=True)
class Request:
    at: float  # time.monotonic()
    version: str  # "1.1" or "2"
    method: str
    path: str
    fields: dict[str, str]  # lower case
    body: bytes = b""  # whole

    @property
    def last_event_id(self) -> str | None:
        return self.fields.get("last-event-id")


class Connection:
    """What both wires share: a peer whose every byte is sent before the next step, and a reset."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader = reader
        self.writer = writer
        self._ahead = b""
        # drain() waits until the system has it all; with 0 asyncio's TLS would never go on again.
        writer.transport.set_write_buffer_limits(high=1)

    async def send(self, data: bytes):
        if self.writer.transport.is_closing():
            raise ConnectionResetError("the peer has left")
        self.writer.write(data)
        await self.writer.drain()
        await asyncio.sleep(0)  # drain() alone lets nobody else run while the system takes everything

    async def head(self) -> list[str]:
        """The lines of the next request's head, of HTTP/1.1."""
        while b"\r\n\r\n" not in self._ahead:
            if not await self._read():
                raise ConnectionResetError("the peer has left")
        head, _, self._ahead = self._ahead.partition(b"\r\n\r\n")
        return head.decode("latin-1").split("\r\n")

    async def content(self, size: int) -> bytes:
        """The bytes after a head."""
        while len(self._ahead) < size:
            chunk = await self.reader.read(HEAD_SIZE_MAX)
            if not chunk:
                raise ConnectionResetError("the peer has left")
            self._ahead += chunk
        content, self._ahead = self._ahead[:size], self._ahead[size:]
        return content

    async def left(self):
        """Returns once the peer has left; what it sends before is kept for head()."""
        while await self._read():
            pass

    async def _read(self) -> bool:
        chunk = await self.reader.read(HEAD_SIZE_MAX)
        self._ahead += chunk
        return bool(chunk) and len(self._ahead) < HEAD_SIZE_MAX

    def reset(self):
        reset(self.writer)


def reset(writer: asyncio.StreamWriter):
    """A reset on the wire instead of an end; nothing, if the connection has ended."""
    if connection := writer.get_extra_info("socket"):
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Http1Exchange:
    def __init__(self, connection: Connection, request: Request):
        self.request = request
        self.over = False  # the connection can take another request
        self._connection = connection
        self._chunked = False

    async def head(self, status: int, fields: dict[str, str]):
        self._chunked = "content-length" not in fields and status not in (204, 304)
        if self._chunked:
            fields = {**fields, "transfer-encoding": "chunked"}
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in fields.items())]
        await self.raw("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"))

    async def body(self, data: bytes):
        await self.raw(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    async def end(self):
        if self._chunked:
            await self.raw(b"0\r\n\r\n")
        self.over = True

    async def raw(self, data: bytes):
        await self._connection.send(data)

    def reset(self):
        self._connection.reset()


async def serve_http1(connection: Connection, answer):
    """`answer(exchange)` for one request after the other; an exchange that did not end closes the connection."""
    while True:
        head = await connection.head()
        method, path, _ = head[0].split(" ", 2)
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await connection.content(int(fields.get("content-length", 0)))
        exchange = Http1Exchange(connection, Request(time.monotonic(), "1.1", method, path, fields, body))
        left = asyncio.create_task(connection.left())
        answered = asyncio.create_task(answer(exchange))
        try:
            await asyncio.wait((left, answered), return_when=asyncio.FIRST_COMPLETED)
            if answered.done():
                await answered
        finally:
            await cancel([left, answered])
        if not exchange.over:
            return


class Http2Exchange:
    def __init__(self, connection: "Http2Connection", stream: int, request: Request):
        self.request = request
        self._connection = connection
        self._stream = stream

    async def head(self, status: int, fields: dict[str, str]):
        self._connection.h2.send_headers(self._stream, [(":status", str(status)), *fields.items()])
        await self._connection.flush()

    async def body(self, data: bytes):
        while data:
            size = await self._connection.window(self._stream)
            self._connection.h2.send_data(self._stream, data[:size])
            data = data[size:]
            await self._connection.flush()

    async def end(self):
        self._connection.h2.end_stream(self._stream)
        await self._connection.flush()

    def reset(self):
        self._connection.h2.reset_stream(self._stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        self._connection.connection.writer.write(self._connection.h2.data_to_send())


class Http2Connection:
    """python3-h2's machine, told what comes and asked what to send."""

    def __init__(self, connection: Connection):
        self.connection = connection
        # Whatever a behaviour sends as a head goes out as it is.
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=False, header_encoding="latin-1", validate_outbound_headers=False, normalize_outbound_headers=False))
        self._changed = asyncio.Condition()

    async def flush(self):
        await self.connection.send(self.h2.data_to_send())

    async def window(self, stream: int) -> int:
        """How much of a body the peer takes now, once it takes any."""
        def size():
            return min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)

        async with self._changed:
            return await self._changed.wait_for(size)

    async def serve(self, answer):
        """`answer(exchange)` for each stream whose request is whole, all at once; a stream that the peer resets is
        cancelled."""
        self.h2.initiate_connection()
        await self.flush()
        streams: dict[int, asyncio.Task] = {}
        heads: dict[int, dict[str, str]] = {}
        bodies: dict[int, bytes] = {}
        try:
            while data := await self.connection.reader.read(65536):
                for event in self.h2.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        heads[event.stream_id] = dict(event.headers)
                    elif isinstance(event, h2.events.StreamReset):
                        heads.pop(event.stream_id, None)
                        if event.stream_id in streams:
                            streams.pop(event.stream_id).cancel()
                    elif isinstance(event, h2.events.DataReceived):
                        bodies[event.stream_id] = bodies.get(event.stream_id, b"") + event.data
                        self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    elif isinstance(event, h2.events.StreamEnded) and (fields := heads.pop(event.stream_id, None)):
                        request = Request(time.monotonic(), "2", fields[":method"], fields[":path"], fields,
                                          bodies.pop(event.stream_id, b""))
                        exchange = Http2Exchange(self, event.stream_id, request)
                        streams[event.stream_id] = asyncio.create_task(self._answer(answer, exchange))
                async with self._changed:
                    self._changed.notify_all()
                await self.flush()
        finally:
            await cancel(streams.values())

    @staticmethod
    async def _answer(answer, exchange: Http2Exchange):
        with contextlib.suppress(OSError, h2.exceptions.ProtocolError):  # the stream or its connection has ended
            await answer(exchange)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer):
    """One connection, on the wire that TLS agreed on."""
    connection = Connection(reader, writer)
    secure = writer.get_extra_info("ssl_object")
    try:
        if secure and secure.selected_alpn_protocol() == "h2":
            await Http2Connection(connection).serve(answer)
        else:
            await serve_http1(connection, answer)
    except (OSError, h2.exceptions.ProtocolError):
        pass  # the peer has left, or speaks something else
    finally:
        writer.close()
