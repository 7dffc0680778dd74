"""What has no engine in the contract suite: programs, files, and what is published to the gateway itself."""

import json
import os
import select
import signal

import curl
from case import BEARER
from contract import OVERFLOW, RECOVERED_SECONDS, RING, TOO_LARGE, WithoutPast

# --- Programs and files ---

NDJSON_POISON = ('{"topic":"%s","data":"a\udcff\\u0000b"}\n{"topic":"%s","data":"named","event":"x\\ry"}\n'
                 f'{{"topic":"%s","data":"{TOO_LARGE}"}}\n' '{"topic":"%s","data":"posing","event":"sluice.gap"}\n'
                 '{"topic":"%s","data":"good"}\n')


def ndjson(topic: str, data) -> bytes:
    return "".join(json.dumps({"topic": topic, "data": each}) + "\n" for each in data).encode()


class Program(WithoutPast):
    """One for each gateway: what it writes is its own, so nothing of it is known elsewhere."""

    name = "exec"
    never = {"recreated": "it has no past, in the program or elsewhere; its restart is a gap",
             OVERFLOW: "its lines are taken as a file's are: see there"}

    def start_engine(self):
        self._pipes = {}
        for name in ("one", "two"):
            os.mkfifo(self.folder / name)
            self._pipes[name] = os.open(self.folder / name, os.O_RDWR)  # its reader never sees the end

    def keys(self, gateway):
        script = f"echo $$ > {self.folder}/{gateway}.pid; exec cat {self.folder}/{gateway}"
        return f'url = "exec:"\ncommand = {json.dumps(["sh", "-c", script])}\nformat = "ndjson"'

    def _write(self, lines: bytes):
        for pipe in self._pipes.values():
            rest = lines
            while rest:
                rest = rest[os.write(pipe, rest[:4096]):]

    def publish(self, topic, *data):
        self._write(ndjson(topic, data))

    def poison(self, topic):
        self._write((NDJSON_POISON % ((topic,) * 5)).encode(errors="surrogateescape"))
        return 4, ["a\ufffdb", "named", "posing", "good"]

    def _pid(self, gateway: str) -> int:
        return int((self.folder / f"{gateway}.pid").read_text(encoding="ascii"))

    def restart(self):
        for name in self._pipes:
            os.kill(self._pid(name), signal.SIGKILL)

    def after_kill(self):
        """Of kill -9 a program learns when it next writes; until then it takes what is meant for its successor."""
        gone = os.pidfd_open(self._pid("one"))
        os.write(self._pipes["one"], b"\n")
        select.select([gone], [], [], RECOVERED_SECONDS)
        os.close(gone)

    def close(self):
        super().close()
        for pipe in self._pipes.values():
            os.close(pipe)


class File(WithoutPast):
    name = "file"
    outage_loses = False  # its restart is a rotation, which loses nothing
    recreated_reasons = "source_lost"
    never = {}

    def start_engine(self):
        self.path = self.folder / "log"
        self.path.touch()
        self._rotations = 0

    def keys(self, gateway):
        return f'url = "file:{self.path}"\nformat = "ndjson"'

    def _append(self, lines: bytes):
        with open(self.path, "ab") as file:
            file.write(lines)

    def publish(self, topic, *data):
        self._append(ndjson(topic, data))

    def poison(self, topic):
        self._append((NDJSON_POISON % ((topic,) * 5)).encode(errors="surrogateescape"))
        return 4, ["a\ufffdb", "named", "posing", "good"]

    def make_anew(self):
        os.truncate(self.path, 0)

    def restart(self):
        self._rotations += 1
        self.path.rename(self.folder / f"log.{self._rotations}")
        self.path.touch()


# --- Publishing to the gateway ---


class Publish(WithoutPast):
    name = "publish in memory"
    never = {
        "recreated": "the gateway is the engine: its restart makes the past anew",
        "the engine's restart": "the gateway is the engine: see its own restart",
        "pause": "nothing is read that could be held: a publisher is answered 503 (backpressure_test.py)",
        OVERFLOW: "its publisher is told (publish_test.cc)",
    }

    def start_engine(self):
        pass

    def keys(self, gateway):
        return 'url = "publish:"'

    def post(self, topic: str, body: bytes | str, query="", kind="application/x-ndjson") -> curl.Response:
        return curl.fetch(self.one, f"/s/{topic}{query}", body=body, headers={**BEARER, "content-type": kind})

    def publish(self, topic, *data):
        answer = self.post(topic, "".join(json.dumps({"data": each}) + "\n" for each in data))
        if answer.status != 200:
            raise AssertionError(f"{answer.status}: {answer.text}")

    def trim(self, topic, data):
        more = [f"more {number}" for number in range(RING + 20)]
        self.publish(topic, *more)
        return (data + more)[-RING:]

    def poison(self, topic):
        """A publisher can be told: nothing of it gets in."""
        for body, query, status in ((b"\xff", "", 400), (b"x", "?event=x%0dy", 400), (TOO_LARGE, "", 413),
                                    (b"x", "?event=sluice.gap", 400)):
            answer = self.post(topic, body, query, "text/plain")
            if answer.status != status:
                raise AssertionError(f"{query}: {answer.status}, not {status}: {answer.text}")
        self.publish(topic, "good")
        return 0, ["good"]


class PublishOnDisk(Publish):
    name = "publish on disk"
    over_restart = True
    recreated_reasons = "unknown_epoch"
    never = {row: why for row, why in Publish.never.items() if row != "recreated"}

    def keys(self, gateway):
        return f'url = "publish:"\nhistory.store = "disk"\nhistory.path = "{self.folder}/{gateway}.db"'

    def make_anew(self):
        """Its file is another one."""
        self.one.signal(signal.SIGTERM)
        self.one.wait()
        for file in self.folder.glob("one.db*"):
            file.unlink()
        self.one.restart()
