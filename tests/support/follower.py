"""A subscriber that never gives up: one event stream on a thread of its own, over whichever of several gateways answers,
resumed by the last id that it saw, misbehaving when it is told to. It writes down every event that it was given."""

import random
import struct
import threading
import time

import raw_h2
from event_stream import Parser

MISDEEDS = ("reset", "cut", "goaway", "stall", "move")


class Follower:
    """`earliest`: a follower without an id asks for everything that there is."""

    def __init__(self, gateways, path: str, seed: int, earliest=False):
        self.events: list = []  # (id, data) of each event but the gateway's own
        self.gaps: list = []  # (number of events before it, data)
        self.opened = threading.Event()
        self.resumptions = 0
        self._gateways = list(gateways)
        self._path = path
        self._random = random.Random(seed)
        self._id = "earliest" if earliest else ""
        self._misdeed = None
        self._ending = threading.Event()
        self._arrived = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> "Follower":
        self._thread.start()
        return self

    def misbehave(self, how: str):
        self._misdeed = how

    def wait_count(self, count: int, deadline: float) -> bool:
        """False when there are fewer events at the deadline (of the monotonic clock)."""
        with self._arrived:
            while len(self.events) < count:
                if not self._arrived.wait(max(0.0, min(1.0, deadline - time.monotonic()))) and time.monotonic() > deadline:
                    return False
        return True

    def close(self):
        self._ending.set()
        self._thread.join(20)

    # --- Its thread ---

    def _run(self):
        gateway = self._random.choice(self._gateways)
        while not self._ending.is_set():
            try:
                with raw_h2.Peer(gateway, settings={raw_h2.INITIAL_WINDOW_SIZE: 65535}) as peer:
                    self._follow(peer)
            except (OSError, AssertionError):
                self._ending.wait(0.05)
            gateway = self._random.choice(self._gateways)

    def _follow(self, peer):
        self.resumptions += 1
        stream = peer.get(self._path, **({"last_event_id": self._id} if self._id else {}))
        parser = Parser()
        while not self._ending.is_set() and not peer.closed:
            if misdeed := self._take_misdeed():
                if misdeed == "reset":
                    peer.reset(stream)
                elif misdeed == "goaway":
                    peer.frame(raw_h2.GOAWAY, 0, 0, struct.pack(">II", 0, 0))
                elif misdeed == "stall":
                    self._ending.wait(self._random.uniform(0.2, 1.5))
                    continue
                return  # cut, move: the socket closes with whatever was on its way
            for frame in peer.receive(0.05):
                if frame.stream != stream:
                    continue
                if frame.type == raw_h2.DATA:
                    if frame.payload:
                        peer.give_window(0, len(frame.payload))
                        peer.give_window(stream, len(frame.payload))
                    self._take(parser.feed(frame.payload))
                if frame.type == raw_h2.RST_STREAM or (frame.type in (raw_h2.DATA, raw_h2.HEADERS)
                                                       and frame.flags & raw_h2.END_STREAM):
                    return

    def _take_misdeed(self):
        misdeed, self._misdeed = self._misdeed, None
        return misdeed

    def _take(self, events):
        for event in events:
            if event.id:
                self._id = event.id
            with self._arrived:
                if event.type == "sluice.open":
                    self.opened.set()
                elif event.type == "sluice.gap":
                    self.gaps.append((len(self.events), event.data))
                elif not event.type.startswith("sluice."):
                    self.events.append((event.id, event.data))
                self._arrived.notify_all()
