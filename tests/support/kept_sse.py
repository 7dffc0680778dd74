"""A server of event streams that keeps what it was given, topic by topic (`/feeds/<topic>`): the engine behind an SSE
backend. By `Last-Event-ID` it sends what follows; without one it begins now, and says where that is.

`tells`: an id that it does not have is answered with a gap, as a sluice does, and its ids name their beginning
(`<beginning>.<number>`). Without, it counts from 1 and begins at its oldest without a word, as most servers do.
"""

import dataclasses

from misbehaving_sse import MisbehavingSse
from sse_behaviours import STREAM


@dataclasses.dataclass
class Log:
    wires: list[bytes] = dataclasses.field(default_factory=list)
    dropped: int = 0  # of its oldest

    @property
    def count(self) -> int:
        """Of all that it was ever given."""
        return self.dropped + len(self.wires)


class KeptSse(MisbehavingSse):
    def __init__(self, tells=True, **wire):
        self._tells = tells
        self._beginning = 1
        self._logs: dict[str, Log] = {}
        super().__init__(**wire)
        self.otherwise = KeptSse._serve_topic

    # --- Commands ---

    def append(self, topic: str, *data: str):
        """Each of one line."""
        self.append_wires(topic, *(b"data: %b\n\n" % each.encode() for each in data))

    def append_wires(self, topic: str, *wires: bytes):
        """Whole events; one that does not begin with an `id:` of its own gets the next."""
        self._thread.run(self._append(topic, wires))

    def trim(self, topic: str, keep: int):
        self._thread.call(self._trim, topic, keep)

    def restart(self):
        """With all that it has."""
        self.refuse()
        self.listen()

    def make_anew(self):
        """Without."""
        self.refuse()
        self._thread.call(self._forget)
        self.listen()

    # --- On its own thread ---

    def _id(self, number: int) -> str:
        return f"{self._beginning}.{number}" if self._tells else str(number)

    async def _append(self, topic: str, wires):
        async with self._changed:
            log = self._logs.setdefault(topic, Log())
            for wire in wires:
                id = b"" if wire.startswith(b"id:") else b"id: %b\n" % self._id(log.count + 1).encode()
                log.wires.append(id + wire)
            self._changed.notify_all()

    def _trim(self, topic: str, keep: int):
        log = self._logs[topic]
        surplus = max(len(log.wires) - keep, 0)
        del log.wires[:surplus]
        log.dropped += surplus

    def _forget(self):
        self._logs.clear()
        self._beginning += 1

    def _place(self, log: Log, asked: str) -> tuple[int, str]:
        """How many of the log's events the client has had, and why not what it says (or nothing)."""
        beginning, _, number = asked.rpartition(".")
        if not number.isdigit() or beginning != (str(self._beginning) if self._tells else ""):
            return log.dropped, "unknown_epoch"
        if int(number) > log.count:
            return log.dropped, "unknown_position"
        return max(int(number), log.dropped), "trimmed" if int(number) < log.dropped else ""

    async def _serve_topic(self, exchange):
        log = self._logs.setdefault(exchange.request.path.rpartition("/")[2], Log())
        asked = exchange.request.last_event_id
        had, lost = (log.count, "") if asked is None else self._place(log, asked)
        if self._tells:
            notice = 'event: sluice.gap\ndata: {"reason":"%s"}' % lost if lost else "event: sluice.open\ndata: {}"
            first = f"id: {self._id(had)}\n{notice}\n\n"
        else:
            first = f"id: {self._id(had)}\n\n: open\n\n"
        await exchange.head(200, STREAM)
        await exchange.body(first.encode())
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: log.count > had)
            had = max(had, log.dropped)
            wire = log.wires[had - log.dropped]
            had += 1
            await exchange.body(wire)
