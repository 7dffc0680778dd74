"""An engine of the real world as a process of a test: on a free loopback port, with its data in a folder of its own,
ready once it answers a question.

It comes back on the same port with the same data after kill() or shut_down(). It is stopped by its process ids, and
close() leaves neither process nor folder. One file for each engine derives from Engine: redis_server.py,
nats_server.py, postgres_server.py, mosquitto_broker.py, kafka_mock.py.
"""

import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

from certificates import Certificates
from ports import free_port

START_SECONDS = 30  # beside other tests
STOP_SECONDS = 20
ASK_AGAIN_SECONDS = 0.02
WAIT = 15  # seconds for one answer of a running engine
USER = "sluice"  # where an engine wants a name beside the password


class EngineError(Exception):
    """The engine answered, with an error."""


def program(name: str) -> str:
    """Where it is; Debian keeps servers in /usr/sbin, which is not on everybody's PATH."""
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")
    if found is None:
        raise AssertionError(f"no {name}: tools/packages.txt names its package")
    return found


class Engine:
    """What all engines share; a derived class says how its engine is started, asked and stopped."""

    scheme = ""  # of its URL; tls_scheme with TLS
    tls_scheme = ""
    stop_signal = signal.SIGTERM

    def __init__(self, password: str | None = None, tls: bool = False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"sluice-{type(self).__name__.lower()}-"))
        self.port = free_port()
        self.password = password
        self.certificates = Certificates.make(self.folder / "tls") if tls else None
        self.process: subprocess.Popen | None = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    # --- What a derived class says ---

    def command(self) -> list:
        raise NotImplementedError

    def ask(self):
        """Returns once a running engine has answered; raises OSError or EngineError while it does not serve."""
        raise NotImplementedError

    def identity(self) -> dict:
        """As whom it runs: Popen's user, group, extra_groups. Else: as the test."""
        return {}

    def url_at(self, port: int) -> str:
        """Its URL at another port: a relay's."""
        scheme = self.tls_scheme if self.certificates else self.scheme
        account = f"{USER}:{urllib.parse.quote(self.password, safe='')}@" if self.password else ""
        return f"{scheme}://{account}localhost:{port}"

    @property
    def url(self) -> str:
        return self.url_at(self.port)

    # --- Life ---

    def start(self):
        """Starts, or starts again on the same port and data, and waits until it answers."""
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([str(part) for part in self.command()], cwd=self.folder, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT, **self.identity())
        self.wait_ready()
        return self

    def wait_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return self.ask()
            except (OSError, EngineError) as failure:
                try:
                    status = self.process.wait(ASK_AGAIN_SECONDS)
                    raise AssertionError(f"ended at its start with status {status}:\n{self.tail()}") from failure
                except subprocess.TimeoutExpired:
                    if time.monotonic() > deadline:
                        self.kill()
                        raise AssertionError(f"not ready within {START_SECONDS} s: {failure}\n{self.tail()}") from failure

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def pids(self) -> list[int]:
        """Its process, then those that it forked; none once it has ended, when its id may be another's."""
        if not self.running:
            return []
        parents = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                except OSError:  # it has ended
                    continue
                parents[int(entry.name)] = int(fields[1])
        found = [self.process.pid]
        for pid in found:  # grows while it is walked
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def _signal(self, number: int):
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:  # a child that has ended
                pass

    def kill(self):
        """kill -9 of all its processes at once, as when its machine stops."""
        watched = []
        for pid in self.pids():
            try:
                watched.append(os.pidfd_open(pid))
            except ProcessLookupError:
                pass
        self._signal(signal.SIGKILL)
        self.process.wait(STOP_SECONDS)
        for process in watched:
            ended = select.select([process], [], [], STOP_SECONDS)[0]
            os.close(process)
            if not ended:
                raise AssertionError("a process of the engine outlives SIGKILL")

    def stop_process(self):
        """SIGSTOP: it keeps its connections and answers nobody."""
        self._signal(signal.SIGSTOP)
        for pid in self.pids():  # it runs on until the kernel has reached each of its threads
            while any(self._state(thread) not in "TtZ" for thread in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")):
                time.sleep(0.001)  # there is nothing to wait on

    @staticmethod
    def _state(thread: pathlib.Path) -> str:
        try:
            return thread.read_text(encoding="utf-8", errors="replace").rpartition(") ")[2][0]
        except (FileNotFoundError, ProcessLookupError):  # a child that has ended
            return "Z"

    def cont(self):
        self._signal(signal.SIGCONT)

    def shut_down(self):
        """Ends as its administrator would end it; start() brings it back."""
        self.process.send_signal(self.stop_signal)
        self.cont()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running {STOP_SECONDS} s after it was told to stop\n{self.tail()}") from None

    def close(self):
        try:
            if self.running:
                self.shut_down()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def tail(self, count=40) -> str:
        """The end of what it logged."""
        return "\n".join((self.folder / "log").read_text(encoding="utf-8", errors="replace").split("\n")[-count:])

    # --- For clients made of a few lines of the engine's protocol ---

    def connect(self, timeout=WAIT) -> socket.socket:
        """A TCP connection; TLS is the client's affair, since some protocols speak before it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def secure(self, connection: socket.socket) -> socket.socket:
        """TLS on a connection, where the engine has it."""
        if self.certificates is None:
            return connection
        return self.certificates.client_context().wrap_socket(connection, server_hostname="localhost")

    @property
    def ca(self) -> str:
        """Whom a client has to trust."""
        return str(self.certificates.ca)
