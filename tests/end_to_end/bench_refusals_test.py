"""What `sluice bench` cannot measure it refuses in one clear line, and leaves no half report."""

import pathlib
import tempfile
import unittest

import bench
import case
import sse_behaviours
from certificates import Certificates
from misbehaving_sse import MisbehavingSse
from ports import free_port


HELP = "\nRun with --help for more information."  # what every verb adds when it was wrongly called


class Refusals(case.SharedCase):
    def refused(self, url: str, *options, status: int, says: str, ca: str | None = None,
                report: str = "run.html"):
        """One line on stderr, the exit status, and neither of the results that were asked for."""
        with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
            results = [pathlib.Path(folder, "run.json"), pathlib.Path(folder, report)]
            done = bench.run(url, "--quiet", "--json", results[0], "--report", results[1], *options, ca=ca)
            self.assertEqual(done.status, status, done.stderr)
            lines = done.stderr.strip().removesuffix(HELP).splitlines()
            self.assertEqual(len(lines), 1, done.stderr)
            self.assertRegex(lines[0], says)
            self.assertLess(len(lines[0]), 400)
            self.assertEqual(done.stdout, "")
            self.assertEqual([path for path in results if path.exists()], [], "half a report")

    def wrongly_called(self, *options, says: str, url: str | None = None):
        self.refused(url or self.gateway.url("/topics/t{i}"), *options, status=2, says=says, ca=self.gateway.ca)

    def test_flags_that_are_wrong_are_named(self):
        for options, says in (
                (("--rate", "fast"), "--rate.*`?fast"),
                (("--connections", "0"), "--connections"),
                (("--scenario", "storms"), "storms"),
                (("--duration", "10"), "--duration.*(unit|10s)"),
                (("--payload", "8"), "--payload.*33"),
                (("--expect", "p98<5ms"), "p98"),
                (("--expect", "p99<fast"), "p99<fast"),
                (("--no-publish", "--rate", "5"), "--no-publish"),
                (("--restart-cmd", "true"), "--restart-cmd.*storm"),
                (("--scenario", "drain"), "drain.*--restart-cmd"),
                (("--server-pid", "999999999"), "999999999"),
                (("--compare", "missing.json"), "missing.json"),
                (("--speed", "5"), "--speed"),
        ):
            with self.subTest(" ".join(options)):
                self.wrongly_called(*options, says=says)

    def test_an_address_that_is_wrong_is_named(self):
        self.wrongly_called(url="ftp://localhost/", says="ftp://localhost/")
        self.wrongly_called("--topics", "3", url=self.gateway.url("/topics/a"), says=r"\{i\}")

    def test_a_server_that_is_not_there(self):
        self.refused(f"https://localhost:{free_port()}/topics/a", status=1, says="(?i)refused", ca=self.gateway.ca)

    def test_a_host_without_an_address(self):
        self.refused("https://host.invalid/topics/a", status=1, says="host.invalid", ca=self.gateway.ca)

    def test_a_certificate_that_is_not_trusted(self):
        with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
            other = Certificates.make(pathlib.Path(folder, "ca"))
            self.refused(self.gateway.url("/topics/a"), status=1, says="(?i)certificate", ca=str(other.ca))

    def test_a_path_that_does_not_exist(self):
        self.refused(self.gateway.url("/nowhere/a"), status=1, says="404", ca=self.gateway.ca)

    def test_an_answer_that_is_no_event_stream(self):
        with MisbehavingSse() as server:
            server.otherwise = sse_behaviours.wrong_type
            self.refused(server.url(), status=1, says="text/html")

    def test_a_server_that_refuses_every_publish(self):
        with MisbehavingSse() as server:
            self.refused(server.url(), "-c", "2", "--publish-url", self.gateway.url("/nowhere"), "--duration", "1s", "--cacert",
                         self.gateway.ca, status=1, says="/nowhere.*40[45]")

    def test_a_report_that_cannot_be_written_is_refused_before_the_run(self):
        self.refused(self.gateway.url("/topics/a"), status=2, says="nowhere/run.html", ca=self.gateway.ca,
                     report="nowhere/run.html")


if __name__ == "__main__":
    unittest.main()
