"""The storm: followers on two gateways over one engine, a publisher that is acknowledged, and faults drawn at random:
of followers, gateways, the engine, and the way between. Afterwards everybody must have exactly what the engine has; or,
where the engine keeps nothing, must have been told of whatever is missing.

The seed is printed and repeats the draws (threads still race as they like): SLUICE_TEST_SEED=…
SLUICE_FAULTS_LONG=1: at least 20,000 deliveries. `./dev test faults --long` sets it.
"""

import bisect
import json
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
    """Writes "0", "1", … into the engine, each again until it is acknowledged; or, not `again`, each once: nobody then
    knows whether one is there whose acknowledgement was lost, but none is there twice."""

    def __init__(self, write, again=True):
        self._write = write  # raises OSError when it was not acknowledged
        self._again = again
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
                    if not self._again:
                        break
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
        publisher = self._rage(Publisher(write))
        expected = truth()
        self._case.assertLessEqual(set(publisher.acknowledged), set(expected), "the engine lost what it acknowledged")
        deadline = time.monotonic() + HEAL_SECONDS
        for follower in self.followers:
            follower.wait_count(len(expected), deadline)
        self._sum_up(len(expected))
        return expected

    def run_with_losses(self, write):
        """For an engine that keeps nothing. Events are written on when all is well again, until everybody has had one."""
        publisher = self._rage(Publisher(write, again=False))
        number = EVENTS
        deadline = time.monotonic() + HEAL_SECONDS
        while any(not each.events or int(each.events[-1][1]) < EVENTS for each in self.followers):
            self._case.assertLess(time.monotonic(), deadline, "a follower gets nothing any more")
            try:
                write(str(number))
                publisher.acknowledged.append(str(number))
            except OSError:
                pass
            number += 1
            time.sleep(0.1)  # the pace of the publisher
        self._sum_up(number)

    def _rage(self, publisher):
        for follower in self.followers:
            self._case.addCleanup(follower.close)
            follower.start()
        for follower in self.followers:
            self._case.assertTrue(follower.opened.wait(30), "a follower was never opened")
        self.acknowledged = publisher.acknowledged
        publisher.start()
        while publisher.running():
            self._one_fault()
            time.sleep(self._random.uniform(0.05, 0.5))  # the storm's own pace
        publisher.wait(1)
        self._heal()
        return publisher

    def _sum_up(self, events: int):
        print(f"  {events} events, {sum(len(each.events) for each in self.followers)} deliveries, "
              f"{sum(len(each.gaps) for each in self.followers)} gaps, "
              f"{sum(each.resumptions for each in self.followers)} streams, faults {self.faults}", flush=True)

    def check_announced(self):
        """Whatever was acknowledged and did not come lies inside an announced gap. Nothing is repeated or out of order,
        but behind a gap that says that the position was another opening's: there begins all that the gateway has."""
        acknowledged = [int(data) for data in self.acknowledged]
        for follower in self.followers:
            gaps: dict[int, list[dict]] = {}
            for before, data in follower.gaps:
                gaps.setdefault(before, []).append(json.loads(data))
            last, last_id = -1, ""
            for index, (id, data) in enumerate(list(follower.events)):
                number, told = int(data), gaps.get(index, [])
                where = f"{last} ({last_id}), then {number} ({id}), told {told or 'nothing'}"
                if number <= last:
                    # It may have been at another gateway in between, and had nothing there but a place.
                    come_from = [gap["from"].split(".")[0] for gap in told if gap["reason"] == "unknown_epoch"]
                    self._case.assertTrue(come_from, "repeated or out of order: " + where)
                    self._case.assertNotEqual(id.split(".")[0], come_from[-1], "repeated in one opening: " + where)
                missing = acknowledged[bisect.bisect_right(acknowledged, last):bisect.bisect_left(acknowledged, number)]
                if missing:
                    self._case.assertTrue(told, f"{missing} lost in silence: {where}")
                last, last_id = number, id

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
