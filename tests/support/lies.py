"""What a server that lies may do to the events which it relays, with the dice that decide and the count of what was done.

A lie is told of one delivery: one event to one stream. Each delivery has one fate at most, so that the counts can be
compared with what a client has found.
"""

import dataclasses
import random
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Lies:
    """Shares of the deliveries, 0 to 1."""

    drop: float = 0
    repeat: float = 0
    swap: float = 0  # with the next of the same stream
    forge: float = 0  # after it comes an event that nobody published: text, or one of ours with a number from the future
    forge_id: float = 0  # with an id that belongs to no event
    carriage_return: float = 0  # bare, inside the data, and after it the field of a forged id
    alter: float = 0  # one byte of the data that is no number
    delay: Callable[[random.Random], float] = lambda _: 0.0  # seconds, of every delivery
    retry_ms: int | None = 500  # sent at the start of a stream; None: not at all
    cut_after: int | None = None  # events of a stream before half a one and a cut, once for each stream
    reconnects: tuple[str, ...] = ()  # how those who come again are answered, in turn: "503", "204", "html", "good"


@dataclasses.dataclass
class Told:
    """What was done, and what was asked, over all streams."""

    published: int = 0
    deliveries: int = 0  # events written whole, repeated ones too; forged ones not
    dropped: int = 0
    repeated: int = 0
    swapped: int = 0
    forged: int = 0
    ids_forged: int = 0
    carriage_returns: int = 0
    altered: int = 0
    cuts: int = 0
    opened: int = 0  # requests for a stream, the first time
    returned: int = 0  # requests with the Last-Event-ID of a stream
    wrong_last_event_ids: int = 0  # of these, with another id than the stream's last
    answers: dict[str, int] = dataclasses.field(default_factory=dict)  # to those who returned
    # Seconds from when an event was due, by its data, until it was written: as they were, on a busy machine too.
    delays: list[float] = dataclasses.field(default_factory=list)
    away: list[float] = dataclasses.field(default_factory=list)  # seconds from a cut to the stream's return


FATES = ("drop", "repeat", "swap", "forge", "forge_id", "carriage_return", "alter")


def fate(lies: Lies, dice: random.Random) -> str:
    """One of FATES, or "honest"."""
    thrown = dice.random()
    for name in FATES:
        thrown -= getattr(lies, name)
        if thrown < 0:
            return name
    return "honest"


def fixed(*shares: tuple[float, float]) -> Callable[[random.Random], float]:
    """`(share, seconds)` for each of the delays; the shares make 1."""
    def delay(dice: random.Random) -> float:
        thrown = dice.random()
        for share, seconds in shares:
            thrown -= share
            if thrown < 0:
                return seconds
        return shares[-1][1]
    return delay


def uniform(shortest: float, longest: float) -> Callable[[random.Random], float]:
    return lambda dice: dice.uniform(shortest, longest)
