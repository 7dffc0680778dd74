"""Everybody loses the gateway at once and comes back: by `sluice bench --scenario storm` and `drain`."""

import threading
import unittest

import bench
import case

RETRY = {"retry.min": "1s", "retry.max": "2s"}


class Storm(case.Case):
    def restart_when_gone(self, gateway) -> threading.Thread:
        """What a supervisor does; the bench's command ends the process only."""
        def restart():
            gateway.wait()
            gateway.restart()

        again = threading.Thread(target=restart)
        again.start()
        self.addCleanup(again.join)
        return again

    def test_a_storm_that_the_client_makes_loses_nothing(self):
        gateway = self.start(settings=RETRY)
        found = bench.measure(gateway.url("/topics/t{i}"), "-c", 10, "-s", 5, "--topics", 5, "--scenario", "storm", "--rate", 50,
                              "--warmup", "500ms", "--duration", "4s", ca=gateway.ca)
        self.assertTrue(found["clean"], found["verdict"])
        self.assertEqual((found["storm"]["dropped"], found["storm"]["back"], found["reconnects"]), (50, 50, 10))
        self.assertGreaterEqual(found["figures"]["retry_min"], 1_000)
        self.assertGreaterEqual(found["figures"]["all_back_s"], 1)

    def test_a_gateway_that_is_killed_and_restarted_loses_nothing_that_is_on_disk(self):
        gateway = self.start(settings={**RETRY, "source.topics.history.store": "disk", "source.topics.history.path": "topics.db"})
        pid = gateway.process.pid
        again = self.restart_when_gone(gateway)
        found = bench.measure(gateway.url("/topics/t{i}"), "-c", 10, "-s", 5, "--topics", 5, "--scenario", "storm", "--rate", 50,
                              "--restart-cmd", f"kill -9 {pid}", "--warmup", "500ms", "--duration", "4s", ca=gateway.ca)
        again.join()
        self.assertEqual((found["storm"]["dropped"], found["storm"]["back"]), (50, 50), found["verdict"])
        self.assertGreaterEqual(found["reconnects"], 10)
        self.assertEqual([found[fault] for fault in ("lost", "repeated", "reordered", "malformed", "gaps")], [0] * 5)

    def test_a_drain_ends_every_stream_and_the_process(self):
        gateway = self.start(settings={**RETRY, "drain.duration": "1s"})
        pid = gateway.process.pid
        again = self.restart_when_gone(gateway)
        found = bench.measure(gateway.url("/topics/t{i}"), "-c", 5, "-s", 4, "--scenario", "drain", "--rate", 20, "--restart-cmd",
                              f"kill -TERM {pid}", "--server-pid", pid, "--warmup", "500ms", "--duration", "4s", ca=gateway.ca)
        again.join()
        self.assertEqual((found["storm"]["dropped"], found["storm"]["back"]), (20, 20), found["verdict"])
        self.assertGreater(found["storm"]["server_exit_seconds"], 0)
        self.assertLess(found["storm"]["server_exit_seconds"], 10)


if __name__ == "__main__":
    unittest.main()
