"""The storm: followers on two gateways over one engine, a publisher that is acknowledged, and faults drawn at random:
of followers, gateways, the engine, and the way between. Afterwards everybody must have exactly what the engine has.

The seed is printed and repeats the draws (threads still race as they like): SLUICE_TEST_SEED=…
SLUICE_FAULTS_LONG=1: at least 20,000 deliveries. `./dev test faults --long` sets it.
"""

import os
import random
import signal
import threading
import time

from follower import MISDEEDS, Follower
from relay import TO_CLIENT, TO_SERVER, Relay

LONG = bool(os.environ.get("SLUICE_FAULTS_LONG"))
FOLLOWERS = 20 if LONG else 8
EVENTS = 1500 if LONG else 150
EVENTS_PER_SECOND = 60
HEAL_SECONDS = 90  # the engine's backoff, once everything is well again


class Publisher:
    """Writes "0", "1", … into the engine, each again until it is acknowledged."""

    def __init__(self, write):
        self._write = write  # raises OSError when it was not acknowledged
        self.acknowledged: list[str] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def running(self) -> bool:
        return self._thread.is_alive()

    def wait(self, timeout):
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._ending.set()
            raise AssertionError(f"only {len(self.acknowledged)} of {EVENTS} events were acknowledged")

    def _run(self):
        for number in range(EVENTS):
            while not self._ending.is_set():
                try:
                    self._write(str(number))
                    self.acknowledged.append(str(number))
                    break
                except OSError:
                    self._ending.wait(0.1)
            self._ending.wait(1 / EVENTS_PER_SECOND)


class Storm:
    """`gateways`: two; `relays`: between them and the engine; `engine`: to be killed and stopped, or None."""

    def __init__(self, case, gateways, path, relays=(), engine=None, engine_dies=True):
        self.seed = int(os.environ.get("SLUICE_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
        print(f"{case.id().rsplit('.', 1)[-1]}: SLUICE_TEST_SEED={self.seed}", flush=True)
        self._random = random.Random(self.seed)
        self._case, self._gateways, self._relays, self._engine = case, gateways, list(relays), engine
        self._engine_dies = engine_dies
        self.followers = [Follower(gateways, path, self.seed + number, earliest=True) for number in range(FOLLOWERS)]
        self.faults: dict[str, int] = {}

    def run(self, write, truth):
        """`write(data)` as Publisher wants it; `truth()`: the data that the engine has, in its order."""
        for follower in self.followers:
            self._case.addCleanup(follower.close)
            follower.start()
        for follower in self.followers:
            self._case.assertTrue(follower.opened.wait(30), "a follower was never opened")
        publisher = Publisher(write).start()
        self.acknowledged = publisher.acknowledged
        while publisher.running():
            self._one_fault()
            time.sleep(self._random.uniform(0.05, 0.5))  # the storm's own pace
        publisher.wait(1)
        self._heal()
        expected = truth()
        self._case.assertLessEqual(set(publisher.acknowledged), set(expected), "the engine lost what it acknowledged")
        deadline = time.monotonic() + HEAL_SECONDS
        for follower in self.followers:
            follower.wait_count(len(expected), deadline)
        print(f"  {len(expected)} events, {sum(len(each.events) for each in self.followers)} deliveries, "
              f"{sum(each.resumptions for each in self.followers)} streams, faults {self.faults}", flush=True)
        return expected

    def check_exact(self, expected):
        """0 lost, 0 repeated, 0 reordered, and nothing called lost."""
        for follower in self.followers:
            self._case.assertEqual([data for _, data in follower.events], expected)
            self._case.assertEqual(follower.gaps, [])

    # --- Faults ---

    def _one_fault(self):
        faults = [("follower", 6), ("gateway killed", 1), ("gateway stopped", 1)]
        if self._relays:
            faults.append(("way", 3))
        if self._engine and self._engine_dies:
            faults.append(("engine killed", 1))
        if self._engine:
            faults.append(("engine hangs", 1))
        names, weights = zip(*faults)
        fault = self._random.choices(names, weights)[0]
        self.faults[fault] = self.faults.get(fault, 0) + 1
        getattr(self, "_" + fault.replace(" ", "_"))()

    def _follower(self):
        for follower in self._random.sample(self.followers, self._random.randint(1, len(self.followers))):
            follower.misbehave(self._random.choice(MISDEEDS))

    def _gateway_killed(self):
        gateway = self._random.choice(self._gateways)
        gateway.kill()
        gateway.restart()

    def _gateway_stopped(self):
        gateway = self._random.choice(self._gateways)
        gateway.signal(signal.SIGTERM)
        self._case.assertEqual(gateway.wait(), 0, gateway.tail())
        gateway.restart()

    def _engine_killed(self):
        self._engine.kill()
        time.sleep(self._random.uniform(0, 0.5))  # how long it is away
        self._engine.start()

    def _engine_hangs(self):
        self._engine.stop_process()
        time.sleep(5 if LONG else self._random.uniform(0.2, 1))  # how long it hangs
        self._engine.cont()

    def _way(self):
        relay = self._random.choice(self._relays)
        how = self._random.choice(["cut", "cut inside", "stall", "delay", "partition", "refuse"])
        if how == "cut":
            relay.cut()
        elif how == "cut inside":
            relay.cut_after(self._random.randrange(1, 3000))
        elif how == "stall":
            relay.stall()
        elif how == "delay":
            relay.delay(self._random.randrange(1, 200))
        elif how == "partition":
            relay.partition(self._random.choice([TO_CLIENT, TO_SERVER]))
        else:
            relay.refuse()
        time.sleep(self._random.uniform(0.1, 1))  # how long it lasts
        relay.go_on()

    def _heal(self):
        for relay in self._relays:
            relay.go_on()


def relays_to(case, port, count=2):
    relays = [Relay(port) for _ in range(count)]
    for relay in relays:
        case.addCleanup(relay.close)
    return relays
