"""The work that every server is given, and what is written down of it. One run is one start of the server and one of
`sluice bench`."""

import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile
from typing import Callable, Optional

from processes import CLIENT_CORE, Processes, pinned
from servers import Server

P99_BEARABLE_MS = 1_000
DELIVERED_BEARABLE = 0.98  # of what was offered
SETTLE_SECONDS = 120  # beside the measured time: opening, a storm's end, a crowd that lags


@dataclasses.dataclass
class Result:
    """`values` by figure's name; empty, with the reason in `failure`, when there is nothing to say."""

    values: dict[str, Optional[float]]
    offered: str = ""
    failure: str = ""
    run: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Work:
    name: str
    connections: int
    streams: int
    options: str  # of `sluice bench`
    figures: dict[str, Callable[[dict], Optional[float]]]
    rate: int = 0  # events per second to begin with; halved until the server bears it
    keeps_rate: bool = False  # low enough for everybody, and overloaded on purpose for a while
    seconds: int = 10
    warmup: int = 2
    faults: tuple[str, ...] = ("lost", "repeated", "reordered", "malformed")  # that make a run worth nothing

    def crowd(self, server: Server) -> tuple[int, int]:
        if server.http1:
            return min(self.connections * self.streams, server.streams_max), 1
        return self.connections, self.streams


def figure(name: str) -> Callable[[dict], Optional[float]]:
    return lambda run: run["figures"].get(name)


def key(name: str) -> Callable[[dict], Optional[float]]:
    return lambda run: run[name]


def memory_growth(run: dict) -> float:
    return sum(server["rss_peak_bytes"] - server["rss_before_bytes"] for server in run["servers"])


DELIVERED = {"deliveries per CPU second": figure("deliveries_per_cpu_second"), "p50, ms": figure("p50"), "p99, ms": figure("p99")}
WORKS = [
    Work("100 × 10, one at a time", 100, 10, "--one-at-a-time --spin", DELIVERED),
    Work("100 × 10, at a rate", 100, 10, "--spin", DELIVERED, rate=1_000),
    Work("100 × 100, at a rate", 100, 100, "--spin", DELIVERED, rate=150),
    Work("idle, 100 × 100", 100, 100, "--scenario idle", {"bytes per stream": figure("pss_per_stream")}, seconds=3),
    Work("idle, 1,000 × 1", 1_000, 1, "--scenario idle", {"bytes per connection": figure("pss_per_connection")}, seconds=3),
    Work("storm, 100 × 10", 100, 10, "--scenario storm",
         {"all back after, s": figure("all_back_s"), "reconnects in the busiest second": figure("arrivals_peak"),
          "not back": figure("not_back"), "lost": key("lost"), "repeated": key("repeated")}, rate=5, keeps_rate=True, warmup=1, faults=()),
    # 1 KB a hundred times a second, to 100 streams that are never read: 100 MB in all, a little of it in the sockets.
    Work("slow readers, 100 × 10", 100, 10, "--scenario slow-reader --payload 1000",
         {"memory grown by, bytes": memory_growth, "p99 of the others, ms": figure("others_p99"), "slow ones ended": figure("slow_ended")},
         rate=100, warmup=1, faults=()),
]


def begin(work: Work, server: Server) -> int:
    """The rate to begin with: halved down to twice of what the server is known for, so that the search is short."""
    connections, each = work.crowd(server)
    rate, streams = work.rate, connections * each
    while rate > 1 and rate * streams > 2 * server.deliveries_per_second:
        rate //= 2
    return rate


def bearable(run: dict, rate: int) -> bool:
    """What was offered was delivered, in time."""
    reading = run["streams"] - run.get("slow_reader", {}).get("slow_streams", 0)
    expected = rate * reading * run["seconds"]
    p99 = run["figures"].get("others_p99", run["figures"].get("p99"))
    return not run["failure"] and run["deliveries"] >= DELIVERED_BEARABLE * expected and p99 is not None and p99 <= P99_BEARABLE_MS


def kept(work: Work, run: dict, rate: int) -> bool:
    """Whether this run is the one to write down; else the next has half the rate."""
    if not work.rate or work.keeps_rate or rate == 1:
        return True
    if "seconds" not in run:
        return not run.get("endless")
    return bearable(run, rate)


def uncleanness(run: dict, faults: tuple[str, ...]) -> str:
    return run["failure"] or ", ".join(f"{run[fault]} {fault}" for fault in faults if run[fault])


class Bench:
    """Runs a work on a server, from its start to its end."""

    def __init__(self, sluice: pathlib.Path, certificates: pathlib.Path, shorten: float = 1):
        self._sluice = sluice
        self._certificates = certificates
        self._shorten = shorten

    def measure(self, work: Work, server: Server) -> Result:
        if absent := server.missing():
            return Result({}, failure=f"not installed: {', '.join(absent)} (apt install {' '.join(server.packages)})")
        rate = begin(work, server)
        while True:
            run = self._run(work, server, rate)
            if kept(work, run, rate):
                break
            print(f"  {server.name}: does not bear {rate} events/s", file=sys.stderr, flush=True)
            rate //= 2
        if "seconds" not in run:
            return Result({}, failure=run["failure"])
        connections, streams = work.crowd(server)
        offered = f"{connections:,} × {streams}" + (f", {rate:,} events/s" if rate else "")
        return Result({name: of(run) for name, of in work.figures.items()}, offered, uncleanness(run, work.faults), run)

    def _run(self, work: Work, server: Server, rate: int) -> dict:
        connections, streams = work.crowd(server)
        seconds, warmup = work.seconds * self._shorten, work.warmup * self._shorten
        with tempfile.TemporaryDirectory(prefix="sluice-peers-") as home:
            processes = Processes(pathlib.Path(home))
            try:
                place = server.start(processes, self._certificates / "server.pem", self._certificates / "server.key")
                pids = [part for pid in processes.pids(server.processes) for part in ("--server-pid", str(pid))]
                pace = ["--rate", str(rate)] if rate else []
                publish = place.publish if "idle" not in work.options else ()
                command = [str(self._sluice), "bench", place.url, "--cacert", str(self._certificates / "ca.pem"),
                           "--connections", str(connections), "--streams", str(streams), *work.options.split(), *pace,
                           *publish, "--quiet", "--duration", f"{seconds * 1000:.0f}ms", "--warmup",
                           f"{warmup * 1000:.0f}ms", *pids, "--json", "-"]
                done = subprocess.run(pinned(CLIENT_CORE) + command, capture_output=True, text=True, check=False,
                                      timeout=seconds + warmup + SETTLE_SECONDS)
                if not done.stdout:
                    return {"failure": (done.stderr.strip().splitlines() or ["the bench said nothing"])[-1]}
                return json.loads(done.stdout)
            except subprocess.TimeoutExpired:
                return {"failure": f"did not end within {seconds + warmup + SETTLE_SECONDS:g} s", "endless": True}
            finally:
                processes.stop()
