"""A server of event streams that behaves as its script says, request by request, and remembers every request.

    with MisbehavingSse() as server:
        server.publish("a")
        server.answer_with(unavailable, wrong_type)   # then `good`, or whatever server.otherwise is
        ...
        server.wait_requests(3)

It runs on a thread of its own and is commanded from the test's. Behaviours: sse_behaviours.py.
"""

import asyncio
import dataclasses
import pathlib
import shutil
import tempfile
import threading

import http_exchange
from certificates import Certificates
from http_exchange import Request
from loop_thread import LoopThread, cancel
from ports import free_port
from sse_behaviours import good


@dataclasses.dataclass(frozen=True)
class Sent:
    id: str
    type: str
    data: str

    def wire(self) -> bytes:
        name = f"event: {self.type}\n" if self.type else ""
        data = "".join(f"data: {line}\n" for line in self.data.split("\n"))
        return f"id: {self.id}\n{name}{data}\n".encode()


class MisbehavingSse:
    def __init__(self, tls=False, h2=False):
        """`h2`: offered by ALPN beside HTTP/1.1, and therefore over TLS."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-sse-"))
        self.port = free_port()
        self.requests: list[Request] = []
        self.events: list[Sent] = []
        self.otherwise = good  # the behaviour after the script
        self._certificates = Certificates.make(self.folder / "tls") if tls or h2 else None
        alpn = ("h2", "http/1.1") if h2 else ("http/1.1",)
        self._tls = self._certificates.server_context(alpn) if self._certificates else None
        self._script: list = []
        self._arrived = threading.Condition()
        self._connections: set[asyncio.Task] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._ends = 0  # how often end() was called
        self._thread = LoopThread()
        self._changed: asyncio.Condition = self._thread.call(asyncio.Condition)
        self._server: asyncio.Server | None = None
        self.listen()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- Commands ---

    def url(self, path="/events", host="localhost") -> str:
        return self.url_at(self.port, path, host)

    def url_at(self, port: int, path="/events", host="localhost") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{port}{path}"

    @property
    def ca(self) -> str:
        return str(self._certificates.ca)

    def publish(self, data: str, type="", id: str | None = None) -> str:
        """Appends to what `good` sends; the id, by default 1, 2, 3, ..."""
        return self._thread.run(self._publish(data, type, id))

    def answer_with(self, *behaviours):
        """The next requests get these behaviours, in this order."""
        self._thread.call(self._script.extend, behaviours)

    def end(self):
        """Every open `good` stream ends cleanly."""
        self._thread.run(self._end())

    def cut(self) -> int:
        """Resets every connection; how many there were."""
        return self._thread.run(self._cut())

    def refuse(self):
        """The port is closed, and every connection reset."""
        self._thread.run(self._refuse())

    def listen(self):
        """Again, on the same port."""
        self._thread.run(self._listen())

    def close(self):
        if self._thread.closed:
            return
        try:
            self.refuse()
        finally:
            self._thread.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- What it saw ---

    def wait_requests(self, count: int, timeout=15) -> list[Request]:
        """All requests so far, once there are so many."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.requests) >= count, timeout):
                raise AssertionError(f"{len(self.requests)} requests instead of {count} within {timeout} s")
            return list(self.requests)

    def intervals(self) -> list[float]:
        """Seconds between a request and the next: short ones are hammering."""
        times = [request.at for request in self.requests]
        return [later - earlier for earlier, later in zip(times, times[1:])]

    # --- On its own thread ---

    async def _listen(self):
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls, backlog=256)

    async def _refuse(self):
        if self._server:
            self._server.close()
            self._server = None
        await self._cut()

    async def _cut(self) -> int:
        connections, writers = self._connections, self._writers
        self._connections, self._writers = set(), set()
        for writer in writers:
            http_exchange.reset(writer)
        await cancel(connections)
        return len(connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        task = asyncio.current_task()
        self._connections.add(task)
        self._writers.add(writer)
        try:
            await http_exchange.serve(reader, writer, self._answer)
        except asyncio.CancelledError:
            pass  # cut: asyncio's own callback would report it
        finally:
            self._connections.discard(task)
            self._writers.discard(writer)

    async def _answer(self, exchange):
        with self._arrived:
            self.requests.append(exchange.request)
            self._arrived.notify_all()
        await (self._script.pop(0) if self._script else self.otherwise)(self, exchange)

    async def _publish(self, data: str, type: str, id: str | None) -> str:
        sent = Sent(id or str(len(self.events) + 1), type, data)
        async with self._changed:
            self.events.append(sent)
            self._changed.notify_all()
        return sent.id

    async def _end(self):
        async with self._changed:
            self._ends += 1
            self._changed.notify_all()

    async def stream(self, last_event_id: str | None):
        """The events after an id, or all of them when it is unknown, as they come; until end()."""
        known = [sent.id for sent in self.events]
        index = known.index(last_event_id) + 1 if last_event_id in known else 0
        ends = self._ends
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: len(self.events) > index or self._ends > ends)
            if len(self.events) == index:
                return
            yield self.events[index]
            index += 1
