"""What the contract suite (end_to_end/contract_test.py) asks of an adapter: how events get into its engine, how that
loses its past, is made anew and restarted, what poison it can hold, and what it promises. The engines are in
contract_engines.py, what has none in contract_local.py. To add one: a class there, and its name in the suite's list.

One source `s` on each gateway, a topic for each row: `s/<row>`. `one` is the gateway that rows kill and hold; `two` reads
the same engine (where there is one) with rings of its own.
"""

import contextlib
import pathlib
import shutil
import tempfile
import threading
import time

from case import SECRET, metric
from gateway import Gateway

OVERFLOW = "what limits.topics has no room for is told in its place"  # a row
ONE_BY_ONE = "its topics are opened one by one: there are no wildcards to be told"
RECOVERED_SECONDS = 60  # a backoff that has grown, beside other tests
RING = 200  # entries, where the ring is all the past that there is
EVENT_SIZE = 64 * 1024  # limits.event_size of the gateways
TOO_LARGE = "x" * (EVENT_SIZE + 1)
POSITIONS_OF_OTHERS = ("zzzz.7", "no such", "1-2-3", "other=1-0", "9" * 30)

CONFIG = """
access = {{ publish_secret = "{secret}" }}
log.format = "text"
[source.s]
{keys}
[[route]]
path = "/s/{{topic}}"
source = "s"
[[route]]
path = "/all"
topics = ["s/**"]
"""
SETTINGS = {"workers": 2, "heartbeat": "500ms", "limits.event_size": f"{EVENT_SIZE // 1024}KiB", "limits.mailbox": "1MiB"}


class Adapter:
    """What an engine that keeps its past promises; positions mean the same on every gateway."""

    name = ""
    history = "history.entries = 4"  # the rest of the past is the engine's
    everywhere = True  # a position is good on every gateway over the engine ...
    over_restart = True  # ... and after a restart of the gateway
    opens_on_demand = False  # reads a topic only while somebody has asked for it
    tells_old_positions = True  # of an engine that was made anew from its own
    outage_loses = False  # what came while the engine was away is gone, so its return is announced
    future_reason = recreated_reasons = "recreated"
    burst = [f"{number} {'y' * 60_000}" for number in range(40)]  # more than limits.mailbox
    never: dict[str, str] = {}  # row → why this engine cannot have it

    # --- What an engine says ---

    def start_engine(self):
        raise NotImplementedError

    def keys(self, gateway: str) -> str:
        """Of the source on "one" or "two"."""
        raise NotImplementedError

    def publish(self, topic: str, *data: str):
        """Returns once the engine has them."""
        raise NotImplementedError

    def poison(self, topic: str) -> tuple[int, list[str]]:
        """Puts in what no event may have, and "good" behind it: how many are counted, and the data that comes."""
        raise NotImplementedError

    def trim(self, topic: str, data: list[str]) -> list[str]:
        """The engine drops its oldest, at least the first two of `data`; what it still has."""
        raise NotImplementedError

    def make_anew(self):
        """The engine's past is another one from now on, and empty."""
        raise NotImplementedError

    def future(self, position: str) -> str:
        """A position that the engine has not reached."""
        raise NotImplementedError

    def restart(self):
        self.engine.kill()
        self.engine.start()

    def after_kill(self):
        """The gateway `one` is gone by kill -9."""

    # --- The gateways ---

    def start(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-contract-"))
        self.engine = self.one = self.two = None
        self.start_engine()
        self.one, self.two = (Gateway(self.config(name), SETTINGS) for name in ("one", "two"))
        for gateway in (self.one, self.two):
            gateway.start()
            self.wait_up(gateway)

    def config(self, gateway: str) -> str:
        return CONFIG.format(secret=SECRET, keys=f"{self.history}\n{self.keys(gateway)}")

    @contextlib.contextmanager
    def crowded(self):
        """A gateway that has room for one topic."""
        gateway = Gateway(self.config("one"), {**SETTINGS, "limits.topics": 1})
        with contextlib.closing(gateway.start()):
            self.wait_up(gateway)
            yield gateway

    def close(self):
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            for each in (self.engine, self.two, self.one):
                if each:
                    stack.callback(each.close)

    @staticmethod
    def wait_metric(gateway, name: str, holds):
        deadline = time.monotonic() + RECOVERED_SECONDS
        while not holds(now := metric(gateway, name)):
            if time.monotonic() > deadline:
                raise AssertionError(f"{name} stays {now}\n{gateway.tail()}")
            time.sleep(0.05)  # it is scraped, there is no event to await

    def wait_up(self, gateway, up=1):
        self.wait_metric(gateway, "sluice_source_up", lambda now: now == up)


class WithoutPast(Adapter):
    """An engine that keeps nothing: the past is the gateway's ring, and positions are of this opening."""

    history = f"history.entries = {RING}"
    everywhere = over_restart = False
    outage_loses = True
    future_reason = "unknown_position"
    never = {"recreated": "it keeps nothing that could be made anew; its restart is a gap"}

    def trim(self, topic, data):
        more = [f"more {number}" for number in range(RING + 20)]
        before = metric(self.one, "sluice_source_events_total")
        self.publish(topic, *more)
        self.wait_metric(self.one, "sluice_source_events_total", lambda now: now >= before + len(more))
        return (data + more)[-RING:]

    def future(self, position):
        return position.split(".")[0] + ".999999"


def in_background(work, *arguments) -> threading.Thread:
    """An engine that is held back holds back who writes into it."""
    thread = threading.Thread(target=work, args=arguments, daemon=True)
    thread.start()
    return thread
