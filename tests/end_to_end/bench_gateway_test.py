"""`sluice bench` against the gateway itself: every count adds up, and every scenario says what it is about."""

import os
import unittest

import bench
import case
from lies import Lies
from lying_server import LyingServer


class Clean(case.SharedCase):
    def measure(self, *options, path="/topics/t{i}"):
        return bench.measure(self.gateway.url(path), "--warmup", "500ms", *options, ca=self.gateway.ca)

    def test_deliveries_are_published_events_times_streams(self):
        found = self.measure("-c", 5, "-s", 10, "--rate", 200, "--duration", "2s")
        self.assertTrue(found["clean"], found["verdict"])
        self.assertEqual(found["streams"], 50)
        self.assertEqual(sum(found["bins"]["deliveries"]), 50 * sum(found["bins"]["published"]))
        self.assertAlmostEqual(sum(found["bins"]["published"]), 200 * 2.5, delta=100)

    def test_each_stream_gets_its_own_topics_events_alone(self):
        found = self.measure("-c", 4, "-s", 6, "--topics", 8, "--rate", 160, "--duration", "2s")
        self.assertTrue(found["clean"], found["verdict"])
        self.assertEqual(sum(found["bins"]["deliveries"]), 3 * sum(found["bins"]["published"]))

    def test_one_at_a_time_everybody_has_the_last_before_the_next(self):
        found = self.measure("-c", 3, "-s", 5, "--one-at-a-time", "--duration", "1s")
        self.assertTrue(found["clean"], found["verdict"])
        self.assertGreater(found["published"], 10)

    def test_the_servers_process_is_measured(self):
        found = self.measure("-c", 2, "-s", 5, "--rate", 100, "--duration", "1s", "--server-pid", self.gateway.process.pid)
        self.assertEqual([server["pid"] for server in found["servers"]], [self.gateway.process.pid])
        self.assertGreater(found["server_cpu_seconds"], 0)
        self.assertGreater(found["servers"][0]["rss_bytes"], 1_000_000)

    def test_new_connections_are_counted(self):
        found = self.measure("-c", 8, "--scenario", "handshakes", "--duration", "1s")
        self.assertTrue(found["clean"], found["verdict"])
        self.assertGreater(found["handshakes"], 8)

    def test_a_command_may_publish(self):
        # What it gets: a line "topic data" for each event, as a shell script reads it.
        command = (f'while read -r topic data; do curl -sS --cacert {self.gateway.ca} -o /dev/null '
                   f'-H "content-type: text/plain" -d "$data" {self.gateway.url("/topics/t")}$topic; done')
        found = self.measure("-c", 2, "-s", 2, "--topics", 2, "--rate", 5, "--duration", "2s", "--publish-cmd", command)
        self.assertTrue(found["clean"], found["verdict"])
        self.assertGreater(found["published"], 0)
        self.assertEqual(sum(found["bins"]["deliveries"]), 2 * sum(found["bins"]["published"]))

    def test_it_may_only_listen(self):
        found = self.measure("-c", 2, "-s", 2, "--no-publish", "--duration", "3s", path="/demo/clock")
        self.assertEqual((found["failure"], found["published"]), ("", 0))
        self.assertGreater(found["deliveries"], 4)

    def test_slow_readers_do_not_delay_the_others(self):
        found = self.measure("-c", 10, "-s", 4, "--scenario", "slow-reader", "--rate", 100, "--payload", 2_000, "--duration", "3s")
        slow = found["slow_reader"]
        self.assertEqual(slow["slow_streams"], 4)
        self.assertLess(found["figures"]["others_p99"], 2_000)
        self.assertEqual((found["reordered"], found["malformed"]), (0, 0))

    def test_a_ramp_ends_where_a_limit_is_crossed(self):
        found = self.measure("-c", 2, "-s", 5, "--scenario", "ramp", "--ramp-from", 50, "--ramp-to", 200, "--ramp-factor", 2,
                             "--ramp-step", "700ms", "--ramp-p99", "5s")
        steps = found["ramp"]
        self.assertEqual([step["offered"] for step in steps], [50, 100, 200])
        self.assertEqual(found["figures"]["knee"], 200)

    def test_a_ramp_names_the_limit_that_ended_it(self):
        with LyingServer(Lies(delay=lambda _: 0.1)) as server:
            found = bench.measure(server.url(), "-c", 3, "--scenario", "ramp", "--ramp-from", 4, "--ramp-to", 20, "--ramp-factor", 2,
                                  "--ramp-step", "1s", "--ramp-p99", "90ms", "--warmup", "500ms")
        self.assertEqual(len(found["ramp"]), 1)
        self.assertIn("p99", found["ramp"][0]["broken"])
        self.assertGreaterEqual(found["ramp"][0]["p99_ms"], 100)


class Size(case.Case):
    def test_streams_that_only_exist_have_a_size(self):
        # A gateway of its own: one that has served others may give back more of their memory meanwhile than these take.
        gateway = self.start(variables={"ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:allocator_release_to_os_interval_ms=-1"})
        found = bench.measure(gateway.url("/topics/t{i}"), "-c", 20, "-s", 100, "--scenario", "idle", "--duration", "1s",
                              "--warmup", "500ms", "--server-pid", gateway.process.pid, ca=gateway.ca)
        self.assertTrue(found["clean"], found["verdict"])
        self.assertEqual((found["streams"], found["deliveries"]), (2_000, 0))
        self.assertGreater(found["figures"]["rss_per_stream"], 100)


if __name__ == "__main__":
    unittest.main()
