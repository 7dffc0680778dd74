"""A file that others write to, as event streams: followed by its name through all that is done to log files."""

import os
import pathlib
import signal
import tempfile
import unittest

import case
from gateway import run_verb

CONFIG = """
[source.log]
url = "file:{path}"
{keys}
history = {{ entries = 1_000_000, bytes = "1GiB", bytes_total = "1GiB" }}
[[route]]
path = "/log"
source = "log"
[[route]]
path = "/log/**"
source = "log"
"""


class FollowedFile(case.Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sluice-file-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.path = self.folder / "app.log"

    def follow(self, keys=""):
        self.gateway = self.start(CONFIG.format(path=self.path, keys=keys))
        reader = self.subscribe("/log")
        reader.opened()
        return reader

    def append(self, text: str | bytes, path=None):
        with open(path or self.path, "ab") as file:
            file.write(text.encode() if isinstance(text, str) else text)

    def data(self, reader, count: int) -> list[str]:
        return [event.data for event in reader.take(count)]

    def assert_gap(self, reader):
        self.assertEqual(self.gap(reader.next())["reason"], "source_lost")

    def test_what_is_appended_arrives_and_what_was_there_before_does_not(self):
        self.append("old\nhalf of a line")
        reader = self.follow()
        self.append(" and its rest\none\ntw")
        self.append("o\n")
        events = reader.take(2)
        self.assertEqual([event.data for event in events], ["one", "two"])
        with self.subscribe("/log", last_event_id=events[0].id) as again:
            again.opened()
            self.assertEqual(again.next(), events[1])

    def test_ndjson_of_a_file_chooses_topic_and_name(self):
        self.append("")
        self.follow()
        with self.subscribe("/log/eu/de") as reader:
            reader.opened()
            self.append('{"topic":"eu/de","event":"sold","data":{"n":1}}\n')
            event = reader.next()
            self.assertEqual((event.type, event.data), ("sold", '{"n":1}'))

    def test_a_file_rotated_while_it_is_written_loses_no_line(self):
        self.append("")
        reader = self.follow()
        for rotation in range(5):
            first = rotation * 200
            self.append(f"{first}\n")
            self.assertEqual(self.data(reader, 1), [str(first)])  # it is open; what follows may be written at any time
            for number in range(first + 1, first + 200):
                self.append(f"{number}\n")
            self.path.rename(self.folder / f"app.log.{rotation}")
            self.append("")
            self.assertEqual(self.data(reader, 199), [str(number) for number in range(first + 1, first + 200)])
        self.assertEqual(case.metric(self.gateway, "sluice_source_gaps_total"), 0)

    def test_lines_written_to_the_old_file_until_the_writer_opens_the_new_one_come_first(self):
        self.append("")
        reader = self.follow()
        with open(self.path, "ab", buffering=0) as old:
            self.path.rename(self.folder / "app.log.1")
            self.append("")  # logrotate makes it at once
            old.write(b"one\n")
            self.assertEqual(self.data(reader, 1), ["one"])
            old.write(b"two\nwithout its end")
        self.append("three\n")
        self.assertEqual(self.data(reader, 3), ["two", "without its end", "three"])

    def test_a_line_written_to_the_old_file_too_late_is_announced_as_lost(self):
        self.append("")
        reader = self.follow()
        self.path.rename(self.folder / "app.log.1")
        self.append("new\n")
        self.assertEqual(self.data(reader, 1), ["new"])
        self.append("late\n", self.folder / "app.log.1")
        self.assert_gap(reader)
        self.append("next\n")
        self.assertEqual(self.data(reader, 1), ["next"])

    def test_a_truncated_file_is_read_from_its_beginning_behind_a_gap(self):
        self.append("")
        reader = self.follow()
        self.append("one\ntwo\n")
        self.assertEqual(self.data(reader, 2), ["one", "two"])
        os.truncate(self.path, 0)
        self.assert_gap(reader)
        self.append("3\n")
        self.assertEqual(self.data(reader, 1), ["3"])

    def test_a_file_that_is_deleted_and_made_again_is_followed(self):
        self.append("")
        reader = self.follow()
        self.append("one\n")
        self.path.unlink()
        self.append("two\n")
        self.assertEqual(self.data(reader, 2), ["one", "two"])
        self.path.unlink()
        self.gateway.wait_for_line("source down.*app.log: No such file")
        self.append("three\n")
        self.assertEqual(self.data(reader, 1), ["three"])
        self.gateway.wait_for_line("source up")

    def test_a_file_that_is_not_there_yet_is_read_from_its_beginning_when_it_comes(self):
        self.path = self.folder / "later" / "app.log"
        reader = self.follow()
        self.gateway.wait_for_line("source down.*No such file.*read from its beginning")
        self.path.parent.mkdir()
        self.append("one\n")
        self.assertEqual(self.data(reader, 1), ["one"])
        replacement = self.folder / "new"
        self.append("two\n", replacement)
        replacement.rename(self.path)
        self.assertEqual(self.data(reader, 1), ["two"])

    def test_a_file_that_came_and_went_unseen_is_announced_as_lost(self):
        self.append("")
        reader = self.follow()
        os.kill(self.gateway.process.pid, signal.SIGSTOP)
        for line in ("unseen", "seen"):
            self.append(f"{line}\n", self.folder / line)
            (self.folder / line).rename(self.path)
        os.kill(self.gateway.process.pid, signal.SIGCONT)
        self.assert_gap(reader)
        self.assertEqual(self.data(reader, 1), ["seen"])

    def test_a_symbolic_link_that_is_turned_to_another_file_is_followed(self):
        self.append("", self.folder / "monday")
        self.append("two\n", self.folder / "tuesday")
        self.path.symlink_to("monday")
        reader = self.follow()
        self.append("one\n")
        self.assertEqual(self.data(reader, 1), ["one"])
        (self.folder / "link").symlink_to("tuesday")
        (self.folder / "link").rename(self.path)
        self.assertEqual(self.data(reader, 1), ["two"])

    def test_a_great_many_lines_at_once_arrive_all(self):
        self.append("")
        reader = self.follow()
        self.append("".join(f"{number}\n" for number in range(200_000)))
        self.assertEqual(self.data(reader, 200_000), [str(number) for number in range(200_000)])

    def test_poison_is_counted_and_the_next_line_comes(self):
        self.append("")
        reader = self.follow()
        with self.counts("sluice_source_poison_total", least=2):
            self.append(b"x" * 2_100_000 + b"\n\xff\0\nend\n")
            self.assertEqual(self.data(reader, 2), ["\ufffd", "end"])

    def test_what_is_no_file_is_named_with_the_remedy(self):
        self.path.mkdir()
        self.follow()
        self.gateway.wait_for_line("source down.*Is a directory.*source.log.url must name a regular file")
        self.path.rmdir()
        self.append("")
        self.gateway.wait_for_line("source up")

    def test_a_path_that_is_not_whole_is_refused(self):
        for url in ("file:", "file:app.log", "file://host/app.log", "file:/folder/"):
            config = self.folder / "sluice.toml"
            config.write_text(f'[source.log]\nurl = "{url}"\n', encoding="utf-8")
            done = run_verb("check", "-c", config)
            self.assertNotEqual(done.returncode, 0, url)
            self.assertIn("write the file's whole path", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
