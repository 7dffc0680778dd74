"""A dashboard on a bad line: publishes values of many keys at a rate, reads them slowly, and checks what it is shown."""

import collections
import dataclasses
import json
import statistics
import threading
import time

import raw_h2  # of tests/support
from event_stream import Parser
from gateway import Gateway

BATCH = 500
TURN_SECONDS = 0.1


@dataclasses.dataclass
class Seen:
    published: int = 0
    received: int = 0
    rounds: int = 0
    went_back: int = 0
    older_than_a_round: int = 0
    bytes_published: int = 0
    bytes_received: int = 0
    age_p50: float = 0
    age_max: float = 0
    ages: list = dataclasses.field(default_factory=list)  # (seconds, age in seconds), the mean of each second


class Publisher:
    """`rate` events a second in bodies of BATCH, on a thread of its own. An event's value is its number."""

    def __init__(self, gateway: Gateway, keys: int, rate: int, seconds: float):
        self._gateway, self._keys, self._rate, self._seconds = gateway, keys, rate, seconds
        self.sent_at: list[float] = []  # by batch
        self.position_of: dict[int, int] = {}  # the number that an acknowledged batch's last event has in its topic → its value
        self.ended = threading.Event()
        self.bytes = 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def key(self, value: int) -> int:
        return value % self._keys

    def _run(self):
        headers = (("content-type", "application/x-ndjson"), ("authorization", "Bearer bench"))
        begun = time.monotonic()
        with raw_h2.Peer(self._gateway) as peer:
            for batch in range(int(self._rate * self._seconds / BATCH)):
                time.sleep(max(0.0, begun + batch * BATCH / self._rate - time.monotonic()))
                values = range(batch * BATCH, (batch + 1) * BATCH)
                lines = [json.dumps({"key": f"k{self.key(value)}", "data": f"{value} {'x' * 80}"}) for value in values]
                body = ("\n".join(lines) + "\n").encode()
                self.bytes += sum(len(line) for line in lines)
                self.sent_at.append(time.monotonic())
                stream = peer.request("POST", "/t/prices", headers, end=False)
                for at in range(0, len(body), 16384):
                    piece = body[at:at + 16384]
                    peer.frame(raw_h2.DATA, raw_h2.END_STREAM if at + 16384 >= len(body) else 0, stream, piece)
                answer = b""
                while True:
                    frame = peer.wait(lambda frame: frame.type == raw_h2.DATA and frame.stream == stream)
                    answer += frame.payload
                    peer.frames.remove(frame)
                    if frame.flags & raw_h2.END_STREAM:
                        break
                last = json.loads(answer)["ids"][-1]
                self.position_of[int(last.rpartition(".")[2])] = values[-1]
        self.ended.set()


def watch_slow_dashboard(gateway: Gateway, keys: int, rate: int, bytes_per_second: int, seconds: float) -> Seen:
    seen, newest = Seen(), {}
    ages = collections.defaultdict(list)
    rounds = []  # position at which each was taken, and the newest value of each key that had been received by its end
    with raw_h2.Peer(gateway, settings={raw_h2.INITIAL_WINDOW_SIZE: 2 * bytes_per_second}) as peer:
        stream = peer.get("/t/prices")
        parser = Parser()
        peer.receive(0.5)
        publisher = Publisher(gateway, keys, rate, seconds)
        begun, granted = time.monotonic(), 0
        while not publisher.ended.is_set():
            due = int(bytes_per_second * (time.monotonic() - begun)) - granted
            if due >= bytes_per_second * TURN_SECONDS:
                peer.give_window(stream, due)
                granted += due
            for frame in peer.receive(TURN_SECONDS):
                if frame.type != raw_h2.DATA or frame.stream != stream:
                    continue
                peer.give_window(0, max(len(frame.payload), 1))
                seen.bytes_received += len(frame.payload)
                for event in parser.feed(frame.payload):
                    if event.type == "sluice.snapshot":
                        rounds.append((int(event.id.rpartition(".")[2]), dict(newest)))
                    if event.type.startswith("sluice."):
                        continue
                    value = int(event.data.split()[0])
                    key, now = publisher.key(value), time.monotonic()
                    seen.received += 1
                    seen.went_back += value <= newest.get(key, -1)
                    newest[key] = value
                    ages[int(now - begun)].append(now - publisher.sent_at[value // BATCH])
        publisher.thread.join(30)
    seen.rounds, seen.published, seen.bytes_published = len(rounds), len(publisher.sent_at) * BATCH, publisher.bytes
    seen.older_than_a_round = sum(count_older(publisher, keys, *each) for each in rounds)
    every = [age for of_second in ages.values() for age in of_second]
    seen.age_p50, seen.age_max = (statistics.median(every), max(every)) if every else (0, 0)
    seen.ages = [(second, statistics.fmean(of_second)) for second, of_second in sorted(ages.items())]
    return seen


def count_older(publisher: Publisher, keys: int, position: int, newest: dict[int, int]) -> int:
    """Keys that a round did not bring up to the batch that was acknowledged when it was taken."""
    taken = max((at for at in publisher.position_of if at <= position), default=None)
    if taken is None:
        return 0
    last = publisher.position_of[taken]
    return sum(newest.get(key, -1) < last - (last - key) % keys for key in range(min(keys, last + 1)))
