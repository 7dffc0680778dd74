"""Latencies are what the server made them, within the histogram's error and what the machine adds."""

import unittest

import bench
from lies import Lies, fixed, uniform
from lying_server import LyingServer

BUCKET = 1.016  # a bucket's top above its bottom
# What the way from the server's write to the client's eyes adds, on two cores beside other tests; nothing is taken away.
ADDED_MS = 20
ADDED_TAIL_MS = 80


# What arrives after the measured time is not measured: at its end a few may be on the way.
AT_THE_END = 3


def quantile(delays: list[float], share: float, ranks_below=0) -> float:
    """In ms, as the histogram ranks: the value that `share` of them do not exceed."""
    return 1000 * sorted(delays)[max(0, min(int(share * len(delays)), len(delays) - 1) - ranks_below)]


class Latency(unittest.TestCase):
    def delayed(self, delay, *crowd, **wire):
        """Each topic's events are further apart than the longest delay: no event waits for the one before it."""
        with LyingServer(Lies(delay=delay), **wire) as server:
            ca = server.ca if wire else None
            found = bench.measure(server.url("/topics/t{i}"), *crowd, "--warmup", "0ms", "--duration", "4s", ca=ca)
            told = server.told()
        self.assertTrue(found["clean"], found["verdict"])
        self.assertEqual(sum(found["bins"]["deliveries"]), told.deliveries)
        return found["latency_ms"], told.delays[:found["deliveries"]]

    def assert_matches(self, latency: dict, delays: list[float], shares: dict[str, float]):
        for name, share in shares.items():
            truth = quantile(delays, share)
            with self.subTest(name, truth=truth, found=latency[name]):
                self.assertGreaterEqual(latency[name], quantile(delays, share, AT_THE_END))
                self.assertLessEqual(latency[name], truth * BUCKET + (ADDED_MS if share < 0.99 else ADDED_TAIL_MS))

    def test_two_fixed_delays_are_found_in_the_percentiles(self):
        latency, delays = self.delayed(fixed((0.93, 0.05), (0.07, 0.4)), "-c", 80, "--topics", 40, "--rate", 60)
        self.assert_matches(latency, delays, {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1})
        self.assertLess(latency["p50"], 200)
        self.assertGreaterEqual(latency["p99"], 400)

    def test_a_uniform_delay_over_HTTP_2_is_found_in_the_percentiles(self):
        latency, delays = self.delayed(uniform(0.05, 0.4), "-c", 4, "-s", 20, "--topics", 40, "--rate", 60, h2=True)
        self.assert_matches(latency, delays, {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1})


if __name__ == "__main__":
    unittest.main()
