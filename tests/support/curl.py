"""curl as a client of the tests: one request, or a subscriber that is read event by event."""

import dataclasses
import json
import queue
import re
import subprocess
import threading

from event_stream import Event, Parser

WAIT = 15  # seconds until an event that must come counts as lost


@dataclasses.dataclass(frozen=True)
class Response:
    version: str
    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


def parse_head(head: bytes) -> tuple[str, int, dict[str, str]]:
    lines = head.decode("latin-1").split("\r\n")
    version, status = re.match(r"HTTP/(\S+) (\d+)", lines[0]).groups()
    fields = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        fields[name.lower()] = f"{fields[name.lower()]}, {value.strip()}" if name.lower() in fields else value.strip()
    return version, int(status), fields


def command(gateway, url: str, *arguments: str, headers: dict | None = None) -> list[str]:
    fields = [part for name, value in (headers or {}).items() for part in ("-H", f"{name}: {value}" if value else f"{name};")]
    return ["curl", "-sS", "-i", "-N", "--http2", "--cacert", gateway.ca, *fields, *arguments, url]


def fetch(gateway, path: str, *arguments: str, method: str | None = None, body: bytes | str | None = None,
          headers: dict | None = None, admin: bool = False) -> Response:
    """One request that ends by itself."""
    extra = list(arguments)
    if body is not None:
        extra += ["--data-binary", "@-"]
        headers = {"content-type": "text/plain", **(headers or {})}
        body = body.encode() if isinstance(body, str) else body
    if method:
        extra += ["--head"] if method == "HEAD" else ["-X", method]
    url = gateway.admin_url(path) if admin else gateway.url(path)
    done = subprocess.run(command(gateway, url, "--max-time", "60", *extra, headers=headers), input=body, capture_output=True,
                          timeout=70, check=False)
    head, separator, rest = done.stdout.partition(b"\r\n\r\n")
    if not separator:
        raise AssertionError(f"curl {path}: {done.stderr.decode().strip()} (exit {done.returncode})")
    return Response(*parse_head(head), rest)


class Subscriber:
    """curl -N in the background. `with Subscriber(gateway, "/topics/a") as reader: reader.next()`."""

    def __init__(self, gateway, path: str, *arguments: str, last_event_id: str | None = None, headers: dict | None = None):
        headers = dict(headers or {})
        if last_event_id is not None:
            headers["last-event-id"] = last_event_id
        self.parser = Parser()
        self.raw = b""
        self._arrived: queue.Queue = queue.Queue()
        self._head: queue.Queue = queue.Queue()
        self._process = subprocess.Popen(command(gateway, gateway.url(path), *arguments, headers=headers),
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        threading.Thread(target=self._read, daemon=True).start()
        self.version, self.status, self.fields = self._wait(self._head, "a response")

    def _read(self):
        head = b""
        while b"\r\n\r\n" not in head and (chunk := self._process.stdout.read1(65536)):
            head += chunk
        head, separator, rest = head.partition(b"\r\n\r\n")
        self._head.put(parse_head(head) if separator else AssertionError(f"curl: {self._process.stderr.read().decode()}"))
        while rest:
            self.raw += rest
            for event in self.parser.feed(rest):
                self._arrived.put(event)
            rest = self._process.stdout.read1(65536)
        self._arrived.put(None)

    @staticmethod
    def _wait(source: queue.Queue, what: str, timeout=WAIT):
        try:
            item = source.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"{what} did not come within {timeout} s") from None
        if isinstance(item, AssertionError):
            raise item
        return item

    def next(self, timeout=WAIT) -> Event:
        event = self._wait(self._arrived, "an event", timeout)
        if event is None:
            raise AssertionError(f"the stream ended; the last bytes were {self.raw[-200:]!r}")
        return event

    def opened(self, timeout=WAIT) -> Event:
        """The first event, which must be sluice.open."""
        event = self.next(timeout)
        if event.type != "sluice.open":
            raise AssertionError(f"the first event is {event}")
        return event

    def take(self, count: int, timeout=WAIT) -> list[Event]:
        """`timeout`: for each."""
        return [self.next(timeout) for _ in range(count)]

    def rest(self, timeout=WAIT) -> list[Event]:
        """What comes until the stream ends."""
        events = []
        while (event := self._wait(self._arrived, "the end of the stream", timeout)) is not None:
            events.append(event)
        return events

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
