"""librdkafka's mock cluster as a process (kafka_mock.cc, built beside the gateway), and kcat as its clients.

Its log is in memory and its ports are the system's choice: start() after kill() is another, empty cluster. It keeps 5 MiB
or 100,000 messages of a partition, then takes the oldest away. It has no TLS and no SASL.
"""

import json
import os
import pathlib
import select
import subprocess
import time

from engine import START_SECONDS, STOP_SECONDS, WAIT, Engine, EngineError

ALL_BROKERS = -1
PRODUCE, FETCH, LIST_OFFSETS, METADATA = range(4)  # kinds of requests, for fail()
SEPARATOR = "\x1e"  # between the messages that kcat reads


class KafkaMock(Engine):
    def __init__(self, brokers=1):
        super().__init__()
        self.brokers = brokers
        self.bootstrap = ""  # host:port,host:port

    def command(self):
        return [pathlib.Path(os.environ["SLUICE_BINARY"]).parent / "tests/kafka_mock", self.brokers]

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([str(part) for part in self.command()], cwd=self.folder, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log)
        self._said = b""
        self.bootstrap = self._line(START_SECONDS)
        self.port = int(self.bootstrap.split(",")[0].rpartition(":")[2])
        return self

    def ask(self):
        self._kcat("-L")

    def url_at(self, port):
        """One broker's; through a relay only the first request goes, since Kafka's clients follow what brokers say."""
        return f"kafka://127.0.0.1:{port}"

    @property
    def url(self):
        return f"kafka://{self.bootstrap}"

    def kill(self):
        super().kill()
        self._close_pipes()

    def shut_down(self):
        self.cont()
        self.process.stdin.close()
        status = self.process.wait(STOP_SECONDS)
        self._close_pipes()
        if status != 0:
            raise AssertionError(f"the mock cluster ended with {status}\n{self.tail()}")

    def _close_pipes(self):
        self.process.stdin.close()
        self.process.stdout.close()

    # --- Commands ---

    def _line(self, timeout=WAIT) -> str:
        deadline = time.monotonic() + timeout
        output = self.process.stdout.fileno()
        while b"\n" not in self._said:
            if not select.select([output], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError("the mock cluster does not answer in time")
            chunk = os.read(output, 4096)
            if not chunk:
                raise ConnectionError(f"the mock cluster ended:\n{self.tail()}")
            self._said += chunk
        line, _, self._said = self._said.partition(b"\n")
        return line.decode()

    def order(self, *words):
        self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.process.stdin.flush()
        answer = self._line()
        if answer != "ok":
            raise EngineError(f"{words}: {answer}")

    def create_topic(self, name: str, partitions=1):
        self.order("topic", name, partitions)

    def deny_topic(self, name: str, error=3):
        """As if there were no such topic (which the mock would make when it is asked for); error 0: it is there again."""
        self.order("deny", name, error)

    def broker_down(self, broker=ALL_BROKERS):
        """Cuts its connections and refuses new ones; partitions keep their leader."""
        self.order("down", broker)

    def broker_up(self, broker=ALL_BROKERS):
        self.order("up", broker)

    def delay(self, milliseconds: int, broker=ALL_BROKERS):
        """Every answer comes so much later."""
        self.order("rtt", broker, milliseconds)

    def lead(self, topic: str, partition: int, broker: int):
        """Moves a partition to a broker; -1: to none."""
        self.order("leader", topic, partition, broker)

    def fail(self, kind: int, error: int, count=1):
        """The next requests of a kind are answered with an error of Kafka's protocol; -195 cuts their connection."""
        self.order("fail", kind, error, count)

    # --- Clients ---

    def _kcat(self, *arguments: str, data: bytes | None = None, timeout=WAIT) -> bytes:
        done = subprocess.run(["kcat", "-b", self.bootstrap, "-m", str(timeout), *arguments], input=data, capture_output=True,
                              timeout=timeout + 5, check=False)
        if done.returncode != 0:
            raise EngineError(f"kcat ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def produce(self, topic: str, *values: str | bytes, key: str | None = None, partition: int | None = None,
                headers: dict[str, str] | None = None, timeout=WAIT):
        """Returns once all are acknowledged; in order, none twice, as long as kcat lives."""
        named = ["-k", key] if key is not None else []
        placed = ["-p", str(partition)] if partition is not None else []
        fields = [part for name, value in (headers or {}).items() for part in ("-H", f"{name}={value}")]
        self._kcat("-P", "-t", topic, "-D", SEPARATOR, "-X", "enable.idempotence=true",
                   "-X", f"message.timeout.ms={timeout * 1000}", *named, *placed, *fields,
                   data=SEPARATOR.encode().join(value if isinstance(value, bytes) else value.encode() for value in values),
                   timeout=timeout)

    def delete(self, topic: str, key: str):
        """A key with a null value: what compaction takes as "no more"."""
        self._kcat("-P", "-t", topic, "-K", "=", "-Z", data=f"{key}=\n".encode())

    def consume(self, topic: str, count: int, partition: int | None = None, offset: int | str = "beginning") -> list[dict]:
        """The next messages as kcat describes them: partition, offset, key, payload, headers, ts."""
        placed = ["-p", str(partition)] if partition is not None else []
        output = self._kcat("-C", "-t", topic, "-o", str(offset), "-c", str(count), "-J", "-q", *placed)
        return [json.loads(line) for line in output.decode().split("\n")[:-1]]

    def watermarks(self, topic: str, partition=0) -> tuple[int, int]:
        """The oldest offset, and the one that the next message will have."""
        answers = [self._kcat("-Q", "-t", f"{topic}:{partition}:{end}") for end in (-2, -1)]
        return tuple(int(answer.rsplit(None, 1)[1]) for answer in answers)
