"""Whatever a server does to events, `sluice bench` counts exactly: compared with a server that counts its lies."""

import unittest

import bench
from lies import Lies
from lying_server import LyingServer

LOAD = ("--rate", 100, "--duration", "2s", "--warmup", "500ms")
ALL = Lies(drop=0.01, repeat=0.01, swap=0.01, forge=0.01, forge_id=0.01, carriage_return=0.01, alter=0.01)


class Case(unittest.TestCase):
    maxDiff = 4000

    def lie(self, lies: Lies, *crowd, seed=1, **wire):
        with LyingServer(lies, seed=seed, **wire) as server:
            ca = server.ca if wire else None
            found = bench.measure(server.url("/topics/t{i}"), *crowd, *LOAD, ca=ca)
            return found, server.told()

    def compare(self, lies: Lies, *crowd, **others):
        found, told = self.lie(lies, *crowd, **others)
        self.assertEqual(found["failure"], "")
        self.assertEqual(
            {name: found[name] for name in ("lost", "repeated", "reordered", "malformed", "gaps", "reconnects", "refused")},
            {"lost": told.dropped + told.carriage_returns + told.altered, "repeated": told.repeated, "reordered": told.swapped,
             "malformed": told.forged + told.carriage_returns + told.altered, "gaps": 0, "reconnects": 0, "refused": 0}, told)
        self.assertEqual(sum(found["bins"]["deliveries"]), told.deliveries - told.altered)
        return found, told


class FaultsOfHttp1(Case):
    def test_every_lie_over_HTTP_1_is_counted_exactly(self):
        _, told = self.compare(ALL, "-c", 10, "--topics", 2)
        for lie in ("dropped", "repeated", "swapped", "forged", "ids_forged", "carriage_returns", "altered"):
            self.assertGreater(getattr(told, lie), 0, "the dice told every lie")

    def test_every_lie_over_HTTP_1_and_TLS_is_counted_exactly(self):
        self.compare(ALL, "-c", 6, "-s", 1, seed=3, tls=True)

    def test_topics_with_faults_are_named(self):
        found, told = self.lie(Lies(drop=0.05), "-c", 4, "--topics", 4)
        self.assertEqual(sum(topic["lost"] for topic in found["topics_with_faults"]), told.dropped, found["topics_with_faults"])


class FaultsOfHttp2(Case):
    def test_every_lie_over_HTTP_2_and_TLS_is_counted_exactly(self):
        _, told = self.compare(ALL, "-c", 3, "-s", 4, "--topics", 3, seed=2, h2=True)
        self.assertGreater(told.dropped, 0)

    def test_lies_that_come_thick_are_counted_exactly(self):
        self.compare(Lies(drop=0.15, repeat=0.15, swap=0.15, forge=0.15, carriage_return=0.1, alter=0.1), "-c", 2, "-s", 3,
                     seed=4, h2=True)

    def test_a_run_without_a_lie_is_clean(self):
        found, told = self.compare(Lies(), "-c", 2, "-s", 5, "--topics", 5, h2=True)
        self.assertTrue(found["clean"], found["verdict"])
        self.assertEqual(told.deliveries, told.published * 2)


if __name__ == "__main__":
    unittest.main()
