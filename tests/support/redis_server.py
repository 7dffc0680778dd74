"""redis-server, every write on disk before it is acknowledged, and a client of a few lines of RESP2."""

import contextlib
import re

from engine import WAIT, Engine, EngineError, program


class RedisServer(Engine):
    scheme = "redis"
    tls_scheme = "rediss"

    def command(self):
        listen = ["--port", self.port]
        if self.certificates:
            listen = ["--port", 0, "--tls-port", self.port, "--tls-cert-file", self.certificates.cert, "--tls-key-file",
                      self.certificates.key, "--tls-ca-cert-file", self.certificates.ca, "--tls-auth-clients", "no"]
        # requirepass is the password of the default user; a named one is what a team has since Redis 6.
        secret = ["--requirepass", self.password, "--user", "sluice", "on", f">{self.password}", "~*", "&*", "+@all"] \
            if self.password else []
        return [program("redis-server"), *listen, "--bind", "127.0.0.1", "--dir", self.folder, "--save", "",
                "--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no", *secret]

    def ask(self):
        with self.client(timeout=1) as client:
            client.do("PING")  # an error while it loads its data

    def client(self, timeout=WAIT) -> "Client":
        return Client(self, timeout)


class Client:
    """with server.client() as redis: redis.do("XADD", "orders", "*", "data", "x"). Bulk strings are bytes."""

    def __init__(self, server: RedisServer, timeout=WAIT):
        connection = server.connect(timeout)
        try:
            self._socket = server.secure(connection)
        except OSError:
            connection.close()
            raise
        self._replies = self._socket.makefile("rb")
        if server.password:
            try:
                self.do("AUTH", server.password)
            except BaseException:
                self.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self._replies.close()
        self._socket.close()

    def do(self, *command):
        return self.pipeline([command])[0]

    def pipeline(self, commands) -> list:
        """All are sent at once, then all replies are read; the first error reply is raised after the last was read."""
        commands = list(commands)
        self.send(*commands)
        replies = [self.read() for _ in commands]
        for reply in replies:
            if isinstance(reply, EngineError):
                raise reply
        return replies

    def send(self, *commands):
        """Commands whose replies the caller reads: a blocking XREAD, SUBSCRIBE."""
        self._socket.sendall(b"".join(encode(command) for command in commands))

    def read(self):
        """One reply; an error reply is returned. ConnectionError at the end of the connection."""
        line = self._replies.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("redis closed the connection")
        kind, text = line[:1], line[1:-2]
        if kind == b"+":
            return text.decode()
        if kind == b"-":
            return EngineError(text.decode())
        if kind == b":":
            return int(text)
        if kind == b"$":
            return None if text == b"-1" else self._exactly(int(text) + 2)[:-2]
        if kind == b"*":
            return None if text == b"-1" else [self.read() for _ in range(int(text))]
        raise AssertionError(f"not RESP2: {line!r}")

    def _exactly(self, size: int) -> bytes:
        data = self._replies.read(size)
        if len(data) < size:
            raise ConnectionError("redis closed the connection")
        return data

    # --- What the tests of a source say often ---

    def xadd(self, stream: str, *entries: dict, id="*") -> list[str]:
        """The ids of the entries, one for each dict of fields; acknowledged, so on disk."""
        replies = self.pipeline(["XADD", stream, id, *(part for field in entry.items() for part in field)] for entry in entries)
        return [reply.decode() for reply in replies]

    def xtrim(self, stream: str, length: int) -> int:
        """Keeps the newest `length` entries; how many went."""
        return self.do("XTRIM", stream, "MAXLEN", length)

    def delete(self, *keys: str) -> int:
        return self.do("DEL", *keys)

    def command_counts(self) -> dict[str, int]:
        """How often each command was called since the start: {"xread": 3}."""
        return {name: int(count) for name, count in
                re.findall(r"^cmdstat_(\S+?):calls=(\d+)", self.do("INFO", "commandstats").decode(), re.MULTILINE)}


def encode(command) -> bytes:
    parts = [part if isinstance(part, bytes) else str(part).encode() for part in command]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
