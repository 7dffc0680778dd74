"""PostgreSQL, with every commit on disk before it is acknowledged, and sessions of its own psql, kept open.

The server refuses to run as root: a test that is root lets the user `postgres` of Debian's package run it.
"""

import os
import pathlib
import select
import shutil
import signal
import subprocess
import time
import urllib.parse

from engine import USER, WAIT, Engine, EngineError

ACCOUNT = "postgres"  # of the machine
DATABASE = "postgres"
FIELD, RECORD = "\x1f", "\x1e"  # ASCII's own separators, which no test writes into a row
END = "\x1dend"


def programs() -> pathlib.Path:
    """Debian keeps the server's programs off PATH, in a folder for each version: the newest."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise AssertionError("no initdb: install postgresql (tools/packages.txt)")
    return pathlib.Path(on_path).parent


class PostgresServer(Engine):
    scheme = tls_scheme = "postgres"
    stop_signal = signal.SIGINT  # "fast": does not wait for sessions to end

    def __init__(self, password=None, tls=False):
        super().__init__(password, tls)
        self.data = self.folder / "data"
        self._segment: str | None = None  # left in the system by kill -9

    def identity(self):
        return {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": []} if os.geteuid() == 0 else {}

    def url_at(self, port):
        """TLS is required and the certificate checked, where the server has one."""
        account = USER + (f":{urllib.parse.quote(self.password, safe='')}" if self.password else "")
        secure = f"?sslmode=verify-full&sslrootcert={self.ca}" if self.certificates else ""
        return f"postgres://{account}@localhost:{port}/{DATABASE}{secure}"

    def command(self):
        if not self.data.exists():
            self._make_data()
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "fsync": "on",
            "synchronous_commit": "on", "shared_buffers": "16MB", "max_connections": 50,
            "dynamic_shared_memory_type": "mmap",  # files in its folder, which go with it after kill -9
        }
        if self.certificates:
            settings |= {"ssl": "on", "ssl_cert_file": self.certificates.cert, "ssl_key_file": self.certificates.key}
        return [programs() / "postgres", "-D", self.data,
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))]

    def _make_data(self):
        method, secret = ["--auth=trust"], self.folder / "secret"
        if self.password:
            secret.write_text(self.password + "\n", encoding="utf-8")
            method = ["--auth=scram-sha-256", f"--pwfile={secret}"]
        self._hand_over()
        made = subprocess.run([programs() / "initdb", "-D", self.data, "--username", USER, "--encoding=UTF8",
                               "--locale=C.UTF-8", "--no-sync", "--no-instructions", *method], cwd=self.folder,
                              capture_output=True, text=True, timeout=60, check=False, **self.identity())
        if made.returncode != 0:
            raise AssertionError(f"initdb: {made.stdout}{made.stderr}")

    def _hand_over(self):
        """Its folder to the account that runs it."""
        if self.identity():
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, ACCOUNT, ACCOUNT)

    def ask(self):
        question = [programs() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        ready = subprocess.run(question, check=False, timeout=WAIT)
        if ready.returncode != 0:
            raise EngineError("does not accept connections")

    def kill(self):
        # The shared memory by which it recognises survivors: a next start takes it over, else close() removes it.
        lock = self.data / "postmaster.pid"
        lines = lock.read_text(encoding="ascii").split("\n") if lock.exists() else []
        self._segment = lines[6].split()[1] if len(lines) > 6 and lines[6].strip() else None
        super().kill()

    def close(self):
        if self._segment and not self.running:
            subprocess.run(["ipcrm", "-m", self._segment], check=False, capture_output=True)
        super().close()

    def session(self) -> "Session":
        return Session(self.url)


class Session:
    """with server.session() as sql: sql.run("select 1") → [("1",)]. A psql that stays; it ends at its first error."""

    def __init__(self, url: str):
        self._buffer = b""
        self._process = subprocess.Popen(
            [programs() / "psql", "-X", "-q", "-A", "-t", "-F", FIELD, "-R", RECORD, "-v", "ON_ERROR_STOP=1", url],
            env={**os.environ, "PGCONNECT_TIMEOUT": str(WAIT), "PGCLIENTENCODING": "UTF8"}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def run(self, sql: str, timeout=WAIT) -> list[tuple[str, ...]]:
        """The rows of its one statement that has any; NULL is "". EngineError: what psql said of the first statement that
        failed, after which the session is over. ConnectionError: the server went away."""
        try:
            self._process.stdin.write(f"{sql.rstrip().removesuffix(';')};\n\\echo '{END}'\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # its end says why
        text = self._read(time.monotonic() + timeout)
        return [tuple(row.split(FIELD)) for row in text.removesuffix("\n").split(RECORD)] if text else []

    def _read(self, deadline: float) -> str:
        end = END.encode() + b"\n"
        output = self._process.stdout.fileno()
        while end not in self._buffer:
            if not select.select([output], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError("psql does not answer in time")
            chunk = os.read(output, 65536)
            if not chunk:
                said = self._process.stderr.read().decode(errors="replace").strip()
                raise (EngineError if self._process.wait(WAIT) == 3 else ConnectionError)(said)
            self._buffer += chunk
        text, _, self._buffer = self._buffer.partition(end)
        return text.decode()

    def close(self):
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            try:
                pipe.close()
            except BrokenPipeError:  # what was still to be written
                pass
