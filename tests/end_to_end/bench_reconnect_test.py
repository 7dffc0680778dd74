"""The crowd of `sluice bench` comes back as an EventSource does, and counts what that was like."""

import unittest

import bench
from lies import Lies
from lying_server import LyingServer

FLOOR_S = 0.5  # the shortest reconnection time that is obeyed, as Firefox has it
LATE_S = 2.5  # how much later than told a client may come, beside other tests


class Reconnect(unittest.TestCase):
    def cut(self, lies: Lies, *crowd, seconds=3, **wire):
        with LyingServer(lies, **wire) as server:
            ca = server.ca if wire else None
            found = bench.measure(server.url("/topics/t{i}"), *crowd, "--rate", 40, "--warmup", "0ms", "--duration",
                                  f"{seconds}s", ca=ca)
            return found, server.told()

    def assert_came_back_whole(self, found: dict, told, streams: int):
        self.assertEqual(told.cuts, streams)
        self.assertEqual((told.returned, told.wrong_last_event_ids), (streams, 0))
        self.assertEqual((found["reconnects"], found["ended"]), (streams, streams))
        self.assertEqual([found[fault] for fault in ("lost", "repeated", "reordered", "malformed")], [0, 0, 0, 0], told)

    def test_half_an_event_is_forgotten_and_asked_for_again_over_HTTP_1(self):
        found, told = self.cut(Lies(cut_after=20), "-c", 6)
        self.assert_came_back_whole(found, told, 6)

    def test_half_an_event_is_forgotten_and_asked_for_again_over_HTTP_2(self):
        with self.subTest("a stream that ends does not end its connection"):
            with LyingServer(Lies(cut_after=20), h2=True) as server:
                found = bench.measure(server.url("/topics/a"), "-c", 2, "-s", 3, "--rate", 40, "--warmup", "0ms", "--duration",
                                      "3s", ca=server.ca)
                told = server.told()
            self.assertEqual((told.cuts, told.returned, told.wrong_last_event_ids), (6, 6, 0))
            self.assertEqual(found["ended"], 6)
            self.assertEqual([found[fault] for fault in ("lost", "repeated", "reordered", "malformed")], [0, 0, 0, 0], told)

    def test_the_id_of_the_last_event_is_presented_whoever_forged_it(self):
        found, told = self.cut(Lies(cut_after=20, forge_id=0.5, carriage_return=0.2), "-c", 6)
        self.assertEqual((told.returned, told.wrong_last_event_ids), (6, 0))
        self.assertEqual(found["repeated"], 0)

    def test_the_reconnection_time_that_the_server_sent_is_kept(self):
        found, told = self.cut(Lies(cut_after=20, retry_ms=1_200), "-c", 6)
        self.assert_came_back_whole(found, told, 6)
        for away in told.away:
            self.assertGreaterEqual(away, 1.2)
            self.assertLess(away, 1.2 + LATE_S)

    def test_a_reconnection_time_of_nothing_has_a_floor(self):
        found, told = self.cut(Lies(cut_after=20, retry_ms=0), "-c", 6)
        self.assert_came_back_whole(found, told, 6)
        self.assertGreaterEqual(min(told.away), FLOOR_S)

    def test_who_is_refused_when_coming_back_is_closed_for_good(self):
        found, told = self.cut(Lies(cut_after=20, reconnects=("503", "204", "html", "good")), "-c", 8)
        self.assertEqual(told.answers, {"503": 2, "204": 2, "html": 2, "good": 2})
        self.assertEqual(found["closed_for_good"], 6)
        self.assertEqual((told.returned, found["reconnects"]), (8, 8), "nobody asks a second time")
        self.assertFalse(found["clean"])
        # Each of the six has all before the cut; the published events that came after it are lost to it.
        self.assertEqual(found["lost"], 6 * (told.published - 20))

    def test_a_storm_says_what_retry_was_held_and_how_long_all_were_away(self):
        with LyingServer(Lies(retry_ms=900), h2=True) as server:
            found = bench.measure(server.url("/topics/a"), "-c", 4, "-s", 5, "--scenario", "storm", "--rate", 20, "--warmup",
                                  "500ms", "--duration", "3s", ca=server.ca)
            told = server.told()
        self.assertEqual((told.opened, told.returned), (20, 20))
        storm = found["storm"]
        self.assertEqual((storm["dropped"], storm["back"]), (20, 20))
        self.assertEqual(storm["retry_held_ms"], [[900, 20]])
        self.assertGreaterEqual(storm["all_back_seconds"], 0.9)
        self.assertLess(storm["all_back_seconds"], 0.9 + LATE_S)
        self.assertEqual((found["lost"], found["repeated"]), (0, 0), "what was missed was asked for by id")


if __name__ == "__main__":
    unittest.main()
