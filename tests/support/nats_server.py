"""nats-server with JetStream, and a client of a few lines of its text protocol.

JetStream acknowledges once the message is written to its file, and syncs the file to the disk every two minutes: what is
acknowledged survives kill -9 of the server, not of the machine. nats-server 2.9 of Debian 12 has no `sync_interval: always`.
"""

import dataclasses
import itertools
import json
import re
import time

from engine import USER, WAIT, Engine, EngineError, program


class NatsServer(Engine):
    scheme = "nats"
    tls_scheme = "tls"

    def __init__(self, password=None, tls=False, jetstream=True):
        super().__init__(password, tls)
        self.jetstream = jetstream

    def command(self):
        blocks = [f"listen: 127.0.0.1:{self.port}", "server_name: sluice_test", "max_payload: 8MB"]
        if self.jetstream:
            blocks.append(f"jetstream {{ store_dir: {json.dumps(str(self.folder))}, max_file_store: 1GB }}")
        if self.password:
            blocks.append(f"authorization {{ user: {USER}, password: {json.dumps(self.password)} }}")
        if self.certificates:
            blocks.append(f"tls {{ cert_file: {json.dumps(str(self.certificates.cert))}, "
                          f"key_file: {json.dumps(str(self.certificates.key))} }}")
        config = self.folder / "nats.conf"
        config.write_text("\n".join(blocks), encoding="utf-8")
        return [program("nats-server"), "-c", config]

    def ask(self):
        with self.client(timeout=1) as client:
            if self.jetstream:
                client.api("INFO")  # no responder until the streams are recovered

    def client(self, timeout=WAIT) -> "Client":
        return Client(self, timeout)


@dataclasses.dataclass(frozen=True)
class Message:
    subject: str
    reply: str
    headers: bytes  # as on the wire: NATS/1.0, an optional status, the fields
    data: bytes

    @property
    def no_responders(self) -> bool:
        return self.headers.startswith(b"NATS/1.0 503")


class Client:
    """with server.client() as nats: nats.publish("fleet.eu", b"x"). One thread; answers the server's PING while it reads."""

    def __init__(self, server: NatsServer, timeout=WAIT):
        self._timeout = timeout
        self._numbers = itertools.count(1)
        self._waiting: list[tuple[int, Message]] = []  # arrived while something else was awaited
        self._inbox = f"_INBOX.{time.monotonic_ns()}"
        self._inbox_sid = 0
        self._pongs = 0
        self._buffer = b""
        self._socket = server.connect(timeout)
        try:
            self.info = json.loads(self._line().removeprefix(b"INFO "))
            self._socket = server.secure(self._socket)
            options = {"verbose": False, "pedantic": True, "lang": "python", "version": "1", "protocol": 1, "headers": True,
                       "no_responders": True}
            if server.password:
                options |= {"user": USER, "pass": server.password}
            self._socket.sendall(b"CONNECT " + json.dumps(options).encode() + b"\r\n")
            self.flush()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._socket.close()

    # --- Core ---

    def publish(self, subject: str, data: bytes | str, headers: dict[str, str] | None = None, reply=""):
        self._socket.sendall(frame(subject, data, headers, reply))

    def subscribe(self, subject: str) -> int:
        """The number by which next() takes its messages."""
        sid = next(self._numbers)
        self._socket.sendall(f"SUB {subject} {sid}\r\n".encode())
        return sid

    def unsubscribe(self, sid: int):
        self._socket.sendall(f"UNSUB {sid}\r\n".encode())

    def flush(self):
        """Returns once the server has taken all that was sent."""
        awaited = self._pongs + 1
        self._socket.sendall(b"PING\r\n")
        self._read_until(lambda: self._pongs >= awaited, "PONG")

    def next(self, sid: int, timeout=None) -> Message:
        """The next message of a subscription."""
        def arrived():
            return next((index for index, (of, _) in enumerate(self._waiting) if of == sid), None)

        self._read_until(lambda: arrived() is not None, "a message", timeout)
        return self._waiting.pop(arrived())[1]

    def request(self, subject: str, data: bytes | str = b"", headers=None) -> Message:
        return self.requests(subject, [data], headers)[0]

    def requests(self, subject: str, bodies, headers=None) -> list[Message]:
        """All are sent at once; the answers in the order of the questions."""
        if not self._inbox_sid:
            self._inbox_sid = self.subscribe(self._inbox + ".*")
        wanted = [f"{self._inbox}.{next(self._numbers)}" for _ in bodies]
        self._socket.sendall(b"".join(frame(subject, body, headers, reply) for body, reply in zip(bodies, wanted)))
        answers = {}
        while len(answers) < len(wanted):
            answer = self.next(self._inbox_sid)
            if answer.no_responders:
                raise EngineError(f"no responders for {subject}")
            answers[answer.subject] = answer
        return [answers[subject] for subject in wanted]

    # --- JetStream ---

    def api(self, call: str, request: dict | None = None) -> dict:
        """$JS.API.<call>."""
        return checked(self.request(f"$JS.API.{call}", json.dumps(request) if request else b""))

    def create_stream(self, name: str, *subjects: str, **config) -> dict:
        """On disk, unlimited, unless the configuration says otherwise."""
        return self.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": list(subjects), "storage": "file",
                                                  "retention": "limits", "discard": "old", "num_replicas": 1, "max_msgs": -1,
                                                  "max_bytes": -1, "max_age": 0, "max_consumers": -1, **config})

    def delete_stream(self, name: str):
        self.api(f"STREAM.DELETE.{name}")

    def stream_state(self, name: str) -> dict:
        """messages, first_seq, last_seq, ..."""
        return self.api(f"STREAM.INFO.{name}")["state"]

    def purge(self, name: str, keep: int = 0) -> int:
        """Keeps the newest `keep` messages; how many went."""
        return self.api(f"STREAM.PURGE.{name}", {"keep": keep} if keep else None)["purged"]

    def message(self, stream: str, seq: int) -> dict:
        """A stored message: subject, seq, data in base64."""
        return self.api(f"STREAM.MSG.GET.{stream}", {"seq": seq})["message"]

    def publish_acknowledged(self, subject: str, *bodies: bytes | str, headers: dict[str, str] | None = None) -> list[int]:
        """The sequences that JetStream gave to the messages."""
        return [checked(answer)["seq"] for answer in self.requests(subject, bodies, headers)]

    # --- Reading ---

    def _read_until(self, holds, what: str, timeout=None):
        timeout = self._timeout if timeout is None else timeout
        deadline = time.monotonic() + timeout
        while not holds():
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                self._read()
            except TimeoutError:
                raise TimeoutError(f"{what} did not come within {timeout} s") from None

    def _read(self):
        """One operation of the server; a message is put aside."""
        line = self._line()
        operation, *words = line.split()
        if operation == b"PING":
            self._socket.sendall(b"PONG\r\n")
        elif operation == b"PONG":
            self._pongs += 1
        elif operation == b"-ERR":
            raise EngineError(line.decode())
        elif operation in (b"MSG", b"HMSG"):
            sizes = [int(size) for size in words[-1 if operation == b"MSG" else -2:]]
            names = words[:len(words) - len(sizes)]  # subject, sid, perhaps the subject of the reply
            body = self._exactly(sizes[-1] + 2)[:-2]
            header_size = sizes[0] if operation == b"HMSG" else 0
            self._waiting.append((int(names[1]), Message(names[0].decode(), names[2].decode() if len(names) > 2 else "",
                                                         body[:header_size], body[header_size:])))

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._more()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _more(self):
        chunk = self._socket.recv(65536)
        if not chunk:
            raise ConnectionError("nats-server closed the connection")
        self._buffer += chunk


def frame(subject: str, data: bytes | str, headers: dict[str, str] | None, reply: str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    if headers is None:
        return f"PUB {subject} {reply} {len(data)}\r\n".encode() + data + b"\r\n"
    block = ("NATS/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n").encode()
    return f"HPUB {subject} {reply} {len(block)} {len(block) + len(data)}\r\n".encode() + block + data + b"\r\n"


def checked(answer: Message) -> dict:
    """JetStream's answer, unless it is an error."""
    body = json.loads(answer.data)
    if error := body.get("error"):
        raise EngineError(f"{error.get('err_code')}: {error.get('description')}")
    return body
