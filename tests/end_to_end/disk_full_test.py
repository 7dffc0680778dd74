"""A disk that has no space left for what is published: 507, everything else goes on, and space is all that it needs."""

import pathlib
import subprocess
import tempfile

import case
from case import BEARER

CONFIG = """
access = {{ publish_secret = "{secret}" }}
[source.notes]
url = "publish:"
history = {{ store = "disk", path = "{folder}/notes.db" }}
[source.memory]
url = "publish:"
[[route]]
path = "/notes/{{topic}}"
source = "notes"
[[route]]
path = "/memory/{{topic}}"
source = "memory"
"""
SIZE, BALLAST, EVENT = 2 << 20, 512 << 10, 10_000  # bytes
EVENTS_MAX = SIZE // EVENT


class DiskFull(case.Case):
    def small_disk(self) -> pathlib.Path | None:
        """A file system of 2 MiB, where the test may make one; it goes when the case ends."""
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-disk-")))
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], check=False, capture_output=True)
        if mounted.returncode != 0:
            return None
        self.addCleanup(subprocess.run, ["umount", "--lazy", folder], check=True)
        return folder

    def post(self, number: int, path="/notes/a"):
        data = f"{number} ".ljust(EVENT, "x")
        return data, self.fetch(path, body=data, headers=BEARER)

    def fill(self) -> list[str]:
        """Publishes until there is no more space; what was acknowledged."""
        acknowledged = []
        for number in range(EVENTS_MAX):
            data, answer = self.post(number)
            if answer.status != 200:
                self.assertEqual(self.assert_refused(answer, 507)["error"], "storage-full")
                return acknowledged
            acknowledged.append(data)
        self.fail("the disk is never full")

    def assert_data(self, reader, data):
        self.assertEqual([(event.type, event.data[:20]) for event in reader.take(len(data))],
                         [("message", each[:20]) for each in data])

    def test_publishing_is_refused_while_the_disk_is_full_and_everything_else_goes_on(self):
        folder = self.small_disk()
        if folder is None:
            print("may not mount a tmpfs here: disk_full_test.cc has the other ways for a disk to be full", flush=True)
            return
        ballast = folder / "ballast"
        ballast.write_bytes(bytes(BALLAST))
        self.gateway = self.start(CONFIG.format(secret=case.SECRET, folder=folder))
        reader, other = self.subscribe("/notes/a"), self.subscribe("/memory/a")
        begin = reader.opened().id
        other.opened()
        acknowledged = self.fill()
        self.assertGreater(len(acknowledged), 20)
        self.assert_data(reader, acknowledged)

        self.assert_refused(self.post(1_000)[1], 507)
        for number in range(5):  # live delivery, and the past of what is full
            data, answer = self.post(number, "/memory/a")
            self.assertEqual(answer.status, 200, answer.text)
            self.assert_data(other, [data])
        with self.subscribe("/notes/a", last_event_id=begin) as again:
            again.opened()
            self.assert_data(again, acknowledged)

        ballast.unlink()
        more = self.fill()
        self.assertGreater(len(more), 10)
        self.assert_data(reader, more)
        self.gateway.kill()
        self.gateway.restart()
        with self.subscribe("/notes/a", last_event_id=begin) as again:
            again.opened()
            self.assert_data(again, acknowledged + more)
