"""A server of event streams that relays what is posted to it and lies, by dice with a seed, counting every lie.

    with LyingServer(Lies(drop=0.01), h2=True) as server:
        ...                       # GET /topics/a is a stream of what is POSTed to /topics/a
        server.told().dropped     # or GET /told, as JSON

A stream's events have ids of their own, "<stream>.<index>", so that who comes again is known by its Last-Event-ID and
goes on exactly where it was. Streams live on the thread of MisbehavingSse.
"""

import asyncio
import contextlib
import dataclasses
import json
import random
import time

from lies import Lies, Told, fate
from misbehaving_sse import MisbehavingSse
from sse_behaviours import STREAM, no_content, unavailable, wrong_type

SWAP_SECONDS = 0.5  # how long an event waits for the next, to be sent after it; then it goes honestly
NUMBERS = 33  # bytes of the data that a load client counts by: two numbers of 16 digits
ANSWERS = {"503": unavailable, "204": no_content, "html": wrong_type}


@dataclasses.dataclass(frozen=True)
class Published:
    at: float  # time.monotonic()
    data: bytes

    @property
    def due(self) -> float:
        """Seconds of the client's clock, which began with its run; 0 of data that is not a load client's."""
        number = self.data[17:NUMBERS]
        return int(number) / 1e9 if number.isdigit() else 0.0


@dataclasses.dataclass
class Stream:
    serial: int
    topic: str
    position: int  # the index in its topic's log of what it gets next
    last_id: str = ""
    lives_left: int = 1  # cuts that are still to come
    cut_at: float = 0


class LyingServer(MisbehavingSse):
    def __init__(self, lies: Lies | None = None, tls=False, h2=False, seed=1):
        self.lies = lies or Lies()
        self._dice = random.Random(seed)
        self._told = Told()
        self._logs: dict[str, list[Published]] = {}
        self._streams: list[Stream] = []
        self._known: dict[str, tuple[Stream, int]] = {}  # by id that was sent
        self._client_began = float("inf")  # on our clock, by the event that came soonest after it was due
        super().__init__(tls, h2)

    def told(self) -> Told:
        return self._thread.call(self._account)

    def _account(self) -> Told:
        return dataclasses.replace(self._told, delays=[delay - self._client_began for delay in self._told.delays])

    async def _answer(self, exchange):
        with self._arrived:
            self.requests.append(exchange.request)
            self._arrived.notify_all()
        if exchange.request.path == "/told":
            await self._say(exchange, 200, dataclasses.asdict(self._account()))
        elif exchange.request.method == "POST":
            await self._publish_body(exchange)
        else:
            await self._subscribe(exchange)

    @staticmethod
    async def _say(exchange, code: int, value):
        body = json.dumps(value).encode()
        await exchange.head(code, {"content-type": "application/json", "content-length": str(len(body))})
        await exchange.body(body)
        await exchange.end()

    async def _publish_body(self, exchange):
        self._told.published += 1
        log = self._logs.setdefault(exchange.request.path, [])
        event = Published(time.monotonic(), exchange.request.body)
        self._client_began = min(self._client_began, event.at - event.due)
        async with self._changed:
            log.append(event)
            self._changed.notify_all()
        await self._say(exchange, 200, {"ids": [str(len(log))]})

    async def _subscribe(self, exchange):
        path = exchange.request.path
        presented = exchange.request.last_event_id
        if presented in self._known:
            stream, index = self._known[presented]
            self._told.returned += 1
            if presented != stream.last_id:
                self._told.wrong_last_event_ids += 1
                stream.position = index + 1
            if stream.cut_at:
                self._told.away.append(exchange.request.at - stream.cut_at)
                stream.cut_at = 0
            if (answers := self.lies.reconnects):
                answer = answers[(self._told.returned - 1) % len(answers)]
                self._told.answers[answer] = self._told.answers.get(answer, 0) + 1
                if answer in ANSWERS:
                    await ANSWERS[answer](self, exchange)
                    return
        else:
            stream = Stream(len(self._streams), path, len(self._logs.setdefault(path, [])))
            self._streams.append(stream)
            self._told.opened += 1
        retry = b"" if self.lies.retry_ms is None else b"retry: %d\n" % self.lies.retry_ms
        await exchange.head(200, STREAM)
        await exchange.body(retry + b": open\n\n")
        await self._relay(exchange, stream)

    async def _relay(self, exchange, stream: Stream):
        """Until the client leaves, or the stream is cut."""
        sent = 0
        while True:
            event = await self._next(stream)
            decided = fate(self.lies, self._dice)
            late_by = event.at + self.lies.delay(self._dice) - time.monotonic()
            if late_by > 0:
                await asyncio.sleep(late_by)
            if stream.lives_left and sent == self.lies.cut_after:
                await self._cut_inside(exchange, stream, event)
                return
            if decided == "swap":
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._next(stream, 1), SWAP_SECONDS)
                    await self._write(exchange, stream, stream.position + 1)
                    await self._write(exchange, stream, stream.position)
                    self._told.swapped += 1
                    stream.position += 2
                    sent += 2
                    continue
                decided = "honest"
            stream.position += 1
            sent += 1
            await self._tell(decided, exchange, stream, stream.position - 1)

    async def _next(self, stream: Stream, ahead=0) -> Published:
        log = self._logs[stream.topic]
        async with self._changed:
            await self._changed.wait_for(lambda: len(log) > stream.position + ahead)
        return log[stream.position + ahead]

    async def _tell(self, decided: str, exchange, stream: Stream, index: int):
        told = self._told
        if decided == "drop":
            told.dropped += 1
            return
        if decided == "forge_id":
            told.ids_forged += 1
            await self._write(exchange, stream, index, f"forged-{told.ids_forged}")
            return
        if decided == "carriage_return":
            told.carriage_returns += 1
            await self._write_carriage_return(exchange, stream, index)
            return
        if decided == "alter":
            told.altered += 1
            await self._write(exchange, stream, index, altered=True)
            return
        await self._write(exchange, stream, index)
        if decided == "repeat":
            told.repeated += 1
            await self._write(exchange, stream, index)
        elif decided == "forge":
            told.forged += 1
            data = self._logs[stream.topic][index].data
            text = b"%016d" % 10**12 + data[16:] if told.forged % 2 else b"nobody has published this"
            await exchange.body(b"data: %s\n\n" % text)

    async def _write(self, exchange, stream: Stream, index: int, id: str | None = None, altered=False):
        """An event as it was published. What is known of the stream is changed before the bytes go: they may wake a
        client that leaves and comes again at once."""
        event = self._logs[stream.topic][index]
        self._know(stream, index, id or f"{stream.serial}.{index}")
        self._told.deliveries += 1
        self._told.delays.append(time.monotonic() - event.due)
        data = event.data[:-1] + b"y" if altered else event.data
        await exchange.body(b"id: %s\ndata: %s\n\n" % (stream.last_id.encode(), data))

    async def _write_carriage_return(self, exchange, stream: Stream, index: int):
        """As long as an honest event, with a line end where none belongs: the rest of the data is the forged id."""
        data = self._logs[stream.topic][index].data
        field = b"\rid: cr-%d-" % self._told.carriage_returns
        wire = data[:NUMBERS] + field + data[NUMBERS + len(field):]
        id = f"{stream.serial}.{index}".encode()
        self._know(stream, index, wire.rpartition(b"\rid: ")[2].decode())
        await exchange.body(b"id: %s\ndata: %s\n\n" % (id, wire))

    def _know(self, stream: Stream, index: int, id: str):
        stream.last_id = id
        self._known[id] = (stream, index)

    async def _cut_inside(self, exchange, stream: Stream, event: Published):
        self._told.cuts += 1
        stream.lives_left -= 1
        stream.cut_at = time.monotonic()
        await exchange.body(b"id: cut\ndata: %s" % event.data[:NUMBERS])
        if exchange.request.version == "2":
            exchange.reset()  # over HTTP/1.1 the answer that did not end closes the connection
