"""What `sluice bench` makes of a run: expectations, comparison, an end by Ctrl-C, a report that a browser shows."""

import json
import pathlib
import tempfile
import unittest

import bench
import case
import sse_behaviours
from browser import Browser
from misbehaving_sse import MisbehavingSse

LOAD = ("-c", 2, "-s", 5, "--rate", 50, "--warmup", "200ms", "--duration", "1s")


class Results(case.SharedCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sluice-bench-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.url = self.gateway.url("/topics/" + self._testMethodName + "{i}")

    def run_bench(self, *options) -> bench.Run:
        return bench.run(self.url, *LOAD, *options, ca=self.gateway.ca)

    def test_expectations_that_are_met_end_in_0_with_ticks(self):
        done = self.run_bench("--expect", "lost=0,p99<20s,deliveries/s>100")
        self.assertEqual(done.status, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count("✓"), 3, done.stdout)

    def test_an_expectation_that_is_missed_ends_in_3_with_a_cross(self):
        done = self.run_bench("--expect", "lost=0,p99<1us")
        self.assertEqual(done.status, 3, done.stdout + done.stderr)
        self.assertIn("✗", done.stdout)
        self.assertIn("p99", done.stdout)

    def test_lines_are_plain_where_there_is_no_terminal(self):
        done = self.run_bench()
        self.assertEqual(done.status, 0, done.stdout + done.stderr)
        self.assertNotIn("\x1b", done.stdout + done.stderr)
        self.assertNotIn("\r", done.stdout + done.stderr)

    def test_json_on_standard_output_is_all_there_is(self):
        done = self.run_bench("--json", "-")
        found = json.loads(done.stdout)
        self.assertEqual(found["format"], "sluice-bench/1")
        self.assertEqual(found["plan"]["scenario"], "steady")

    def test_a_run_is_compared_with_an_earlier_one(self):
        old = self.folder / "old.json"
        self.assertEqual(self.run_bench("--json", old).status, 0)
        self.assertEqual(json.loads(old.read_text())["clean"], True)
        done = self.run_bench("--compare", old)
        self.assertEqual(done.status, 0, done.stdout + done.stderr)
        self.assertIn(f"ratio to {old}", done.stdout)
        # Now, before, and the ratio: of a count that is the same and of a latency that hardly is.
        self.assertRegex(done.stdout, r"connections +2 +2 +=")
        self.assertRegex(done.stdout, r"p50 +[\d.]+ \wm?s +[\d.]+ \w?s +\S")

    def test_what_is_no_run_is_not_compared(self):
        other = self.folder / "other.json"
        other.write_text('{"some": "json"}', encoding="utf-8")
        done = self.run_bench("--compare", other)
        self.assertEqual(done.status, 2, done.stdout + done.stderr)
        self.assertIn("other.json", done.stderr)

    def test_an_interrupt_ends_early_and_still_reports(self):
        report, stored = self.folder / "run.html", self.folder / "run.json"
        running = bench.Bench(self.url, "-c", 2, "-s", 5, "--rate", 50, "--warmup", "200ms", "--duration", "10m", "--json", stored,
                              "--report", report, ca=self.gateway.ca)
        with self.subscribe("/topics/" + self._testMethodName + "0") as reader:
            reader.opened()
            reader.take(30)  # it publishes, and has for a while
        running.interrupt()
        done = running.result()
        found = json.loads(stored.read_text())
        self.assertTrue(found["interrupted"])
        self.assertGreater(found["deliveries"], 0)
        self.assertEqual((found["lost"], found["repeated"]), (0, 0))
        self.assertEqual(done.status, 0, done.stdout + done.stderr)
        self.assertIn("<html", report.read_text(encoding="utf-8"))

    def test_an_interrupt_before_all_are_open_ends_without_half_a_report(self):
        stored = self.folder / "run.json"
        with MisbehavingSse() as server:
            server.otherwise = sse_behaviours.hang
            running = bench.Bench(server.url(), "-c", 2, "--duration", "10m", "--json", stored)
            server.wait_requests(1)
            running.interrupt()
            done = running.result()
        self.assertNotEqual(done.status, 0)
        self.assertFalse(stored.exists())

    def test_a_token_is_in_no_result(self):
        report, stored = self.folder / "run.html", self.folder / "run.json"
        done = self.run_bench("--token", "very-secret-token", "-H", "x-key: very-secret-key", "--publish-token", "very-secret-publish",
                              "--json", stored, "--report", report)
        for text in (done.stdout, done.stderr, stored.read_text(), report.read_text(encoding="utf-8")):
            self.assertNotIn("very-secret", text)

    def test_the_report_of_a_storm_is_shown_by_a_browser_without_a_complaint(self):
        report = self.folder / "storm.html"
        done = bench.run(self.url, "-c", 2, "-s", 5, "--scenario", "storm", "--rate", 50, "--warmup", "200ms", "--duration", "3s",
                         "--report", report, "--expect", "lost=0", ca=self.gateway.ca)
        self.assertEqual(done.status, 0, done.stdout + done.stderr)
        browser = Browser(self.gateway.ca)
        self.addCleanup(browser.close)
        browser.call("open_file", path=str(report))
        self.assertEqual((browser.call("complaints"), browser.call("logged")), ([], []))
        text = browser.evaluate("document.body.innerText")
        for word in ("p99", "lost", "reconnects"):
            self.assertIn(word, text.lower())
        self.assertGreaterEqual(browser.evaluate("document.querySelectorAll('svg').length"), 3)
        self.assertEqual(browser.call("requested"), [f"file://{report}"], "nothing but itself is needed")


if __name__ == "__main__":
    unittest.main()
