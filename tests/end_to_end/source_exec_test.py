"""A program's output as event streams: what it writes arrives, its end is announced, nothing of it is left behind."""

import json
import os
import pathlib
import signal
import tempfile
import time
import unittest

import case
from gateway import run_verb

CONFIG = """
[source.program]
url = "exec:"
command = {command}
{keys}
[[route]]
path = "/program"
source = "program"
[[route]]
path = "/program/**"
source = "program"
[[route]]
path = "/all"
topics = ["program/**"]
"""


class Said:
    """What the program under test writes: the test's lines through a named pipe, which `cat` copies."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="sluice-program-")
        self.path = pathlib.Path(self._folder.name) / "pipe"
        os.mkfifo(self.path)
        self._end = os.open(self.path, os.O_RDWR)  # a reader never waits for a writer, nor sees the end

    def write(self, data: str | bytes):
        data = data.encode() if isinstance(data, str) else data
        while data:
            data = data[os.write(self._end, data[:4096]):]

    def close(self):
        os.close(self._end)
        self._folder.cleanup()


def running(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


class Program(case.Case):
    def run_program(self, script: str, keys: str = "", settings=None):
        """`script`: for sh; `@` in it is the pipe's path."""
        self.said = Said()
        self.addCleanup(self.said.close)
        command = ["sh", "-c", script.replace("@", str(self.said.path))]
        self.gateway = self.start(CONFIG.format(command=json.dumps(command), keys=keys), settings)

    def wait_metric(self, name: str, least: float):
        deadline = time.monotonic() + 15
        while case.metric(self.gateway, name) < least:
            self.assertLess(time.monotonic(), deadline, f"{name} stays below {least}\n{self.gateway.tail()}")
            time.sleep(0.05)  # counters are scraped, there is no event to await

    def test_lines_of_a_program_arrive_as_events_and_resume_by_id(self):
        self.run_program("cat @")
        with self.subscribe("/program") as reader:
            reader.opened()
            self.said.write("one\ntwo \\ 2\r\n\nthree\n")
            events = reader.take(3)
            self.assertEqual([event.data for event in events], ["one", "two \\ 2", "three"])
            self.assertEqual({event.type for event in events}, {"message"})
        with self.subscribe("/program", last_event_id=events[1].id) as reader:
            reader.opened()
            self.assertEqual(reader.next(), events[2])
        self.assert_refused(self.fetch("/program", body="x", headers=case.BEARER), 403, 405)

    def test_ndjson_envelopes_choose_topic_name_and_data(self):
        self.run_program("cat @", 'format = "ndjson"')
        with self.subscribe("/program/eu/de") as one, self.subscribe("/all") as every, self.subscribe("/program") as own:
            for reader in (one, every, own):
                reader.opened()
            self.said.write('{"topic":"eu/de","event":"sold","data":{"n" : 1.50},"key":"k"}\n{"n": 2}\n'
                            '{"topic":"us","data":"two\\nlines"}\n')
            event = one.next()
            self.assertEqual((event.type, event.data), ("sold", '{"n":1.50}'))
            self.assertEqual(own.next().data, '{"n": 2}')
            self.assertEqual([event.data for event in every.take(2)], ['{"n":1.50}', "two\nlines"])

    def test_mapped_members_of_any_json_become_topic_name_and_key(self):
        self.run_program("cat @", 'map = { topic = "/at/region", event = "kind", data = "/body" }')
        with self.subscribe("/program/eu") as reader:
            reader.opened()
            self.said.write('{"at":{"region":"eu"},"kind":"sold","body":[1, 2]}\n')
            event = reader.next()
            self.assertEqual((event.type, event.data), ("sold", "[1,2]"))

    def test_an_event_stream_of_a_program_keeps_names_and_lines(self):
        self.run_program("cat @")
        with self.subscribe("/program") as reader:
            reader.opened()
            self.said.write(": hello\nid: theirs\nevent: price\ndata: 1\ndata: 2\n\nretry: 1\ndata: 3\n\n")
            first, second = reader.take(2)
            self.assertEqual((first.type, first.data, second.data), ("price", "1\n2", "3"))
            self.assertNotIn("theirs", reader.raw.decode())

    def test_poison_is_dropped_or_mended_and_counted_and_the_next_event_comes(self):
        self.run_program("cat @", 'format = "ndjson"')
        with self.subscribe("/program") as reader:
            reader.opened()
            with self.counts("sluice_source_poison_total", least=5):
                self.said.write(b'{"data":"' + b"x" * 2_100_000 + b'"}\n')
                self.said.write(b'not json\n{"data":"\xff"}\n{"data":"a","event":"b\\rid: 9"}\n'
                                b'{"data":"a","event":"sluice.open"}\n{"data":"end"}\n')
                events = reader.take(4)
            self.assertEqual([(event.type, event.data) for event in events],
                             [("message", "\ufffd"), ("message", "a"), ("message", "a"), ("message", "end")])
        said = [line for line in self.gateway.lines if "is no good" in line]
        self.assertEqual(len(said), 1, said)

    def test_a_program_that_fails_starts_again_and_a_gap_comes_before_its_next_event(self):
        self.run_program("echo $$; echo trouble >&2; exec cat @")
        with self.subscribe("/program", last_event_id="earliest") as reader:
            reader.opened()
            pid = int(reader.next().data)
            os.kill(pid, signal.SIGKILL)
            gap = self.gap(reader.next())
            self.assertEqual((gap["topic"], gap["reason"]), ("program", "source_lost"))
            self.assertNotEqual(int(reader.next().data), pid)
        self.assertEqual(case.metric(self.gateway, "sluice_source_gaps_total"), 1)
        self.assertEqual(case.metric(self.gateway, "sluice_source_reconnects_total"), 1)
        self.gateway.wait_for_line(r"source down.*signal 9 \(Killed\)")
        self.gateway.wait_for_line("program says.*trouble")
        self.assertFalse(running(pid))

    def test_a_program_that_said_all_and_exits_with_zero_starts_again_without_a_gap(self):
        self.run_program("echo $$; printf last")
        with self.subscribe("/program", last_event_id="earliest") as reader:
            reader.opened()
            words = [event.data for event in reader.take(4)]
        self.assertEqual((words[1], words[3]), ("last", "last"))
        self.assertNotEqual(words[0], words[2])

    def test_a_program_that_exits_with_zero_inside_an_event_has_lost_it(self):
        self.run_program("echo 'data: 1'; echo; echo 'data: cut'")
        with self.subscribe("/program", last_event_id="earliest") as reader:
            reader.opened()
            first, gap, second = reader.take(3)
            self.assertEqual((first.data, second.data), ("1", "1"))
            self.assertEqual(self.gap(gap)["reason"], "source_lost")

    def test_a_program_that_cannot_be_started_is_named_with_the_remedy_and_is_waited_for(self):
        self.said = Said()
        self.addCleanup(self.said.close)
        program = self.said.path.parent / "later"
        self.gateway = self.start(CONFIG.format(command=json.dumps([str(program)]), keys=""))
        self.gateway.wait_for_line(r"source down.*cannot start.*later.*No such file.*source\.program\.command")
        self.assertEqual(case.metric(self.gateway, "sluice_source_up"), 0)
        with self.subscribe("/program") as reader:
            reader.opened()
            program.write_text("#!/bin/sh\necho here\nexec sleep 100\n", encoding="utf-8")
            program.chmod(0o755)
            self.assertEqual(self.gap(reader.next(30))["reason"], "source_lost")
            self.assertEqual(reader.next(30).data, "here")
        self.wait_metric("sluice_source_up", 1)

    def test_nothing_of_a_program_outlives_the_gateway(self):
        self.run_program("trap '' TERM; sleep 1000 & echo $$ $!; while :; do sleep 1; done")
        with self.subscribe("/program", last_event_id="earliest") as reader:
            reader.opened()
            pids = [int(word) for word in reader.next().data.split()]
            self.assertTrue(all(running(pid) for pid in pids))
        self.gateway.close()
        self.assertFalse([pid for pid in pids if running(pid)])

    def test_a_program_holds_no_connection_of_ours(self):
        self.run_program("ls -l /proc/self/fd; exec sleep 100")
        with self.subscribe("/program", last_event_id="earliest") as reader:
            reader.opened()
            lines = [event.data for event in reader.take(5)]
        self.assertFalse([line for line in lines if "socket" in line], lines)

    def test_a_program_that_writes_fast_loses_nothing(self):
        self.run_program("seq 1 200000; exec sleep 1000", "history = { entries = 1_000_000, bytes = \"1GiB\", bytes_total = \"1GiB\" }")
        with self.subscribe("/program", last_event_id="earliest") as reader:
            reader.opened()
            self.assertEqual([event.data for event in reader.take(200_000)], [str(number) for number in range(1, 200_001)])


class Configuration(case.Case):
    def test_a_program_without_a_command_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "sluice.toml"
            path.write_text('[source.p]\nurl = "exec:"\n', encoding="utf-8")
            done = run_verb("check", "-c", path)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("`source.p` has none of `command`", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
