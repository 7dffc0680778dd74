"""The built gateway as a process of a test: started on free ports, ready by its own lines, judged when it ends.

A Gateway has a home folder of its own (development CA, configuration) which a restart keeps. It is stopped by its
process id. Whatever a sanitizer says, and any exit status but 0, fails the test.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

READY = re.compile(r"\blistening on https://(\S+?):(\d+)")
ADMIN_READY = re.compile(r"\badmin on https://(\S+?):(\d+)")
SANITIZER = re.compile(r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:|FATAL: ")
START_SECONDS = 30  # under a sanitizer, beside other tests
STOP_SECONDS = 20


def binary() -> str:
    return os.environ["SLUICE_BINARY"]


def run_verb(*arguments, home=None, stdin=None, timeout=30) -> subprocess.CompletedProcess:
    """A verb that ends by itself; stdout and stderr as text."""
    with contextlib.ExitStack() as stack:
        home = home or stack.enter_context(tempfile.TemporaryDirectory(prefix="sluice-"))
        return subprocess.run([binary(), *map(str, arguments)], env=environment(home), input=stdin, text=True,
                              capture_output=True, timeout=timeout, check=False)


def environment(home) -> dict[str, str]:
    # The tests' own variables (sanitizer options) stay; what could configure a gateway from outside does not.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLUICE_", "XDG_"))}
    return {**kept, "HOME": str(home), "XDG_DATA_HOME": f"{home}/data", "XDG_CONFIG_HOME": f"{home}/config"}


class Gateway:
    def __init__(self, config: str | None = None, settings: dict | None = None, arguments=(), variables: dict | None = None,
                 descriptors_max: int | None = None):
        """`config`: the text of a configuration file; None: zero configuration. `settings`: --set key=value; `variables`:
        of its environment. `descriptors_max`: the hard limit that it finds."""
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="sluice-"))
        self.config = config
        self.settings = dict(settings or {})
        self.arguments = list(arguments)
        self.variables = dict(variables or {})
        self.prefix = [] if descriptors_max is None else ["prlimit", f"--nofile={descriptors_max}"]
        self.port = 0
        self.admin_port = 0
        self.process = None
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._ca = None

    # --- Life ---

    def start(self) -> "Gateway":
        """Starts, or starts again on the same ports, and waits until it says that it listens."""
        command = [binary(), "run", "--listen", f"127.0.0.1:{self.port}",
                   "--set", f"admin.listen=127.0.0.1:{self.admin_port}"]
        for key, value in self.settings.items():
            command += ["--set", f"{key}={value}"]
        if self.config is not None:
            path = self.home / "sluice.toml"
            path.write_text(self.config, encoding="utf-8")
            command += ["-c", str(path)]
        self.lines = []
        self.process = subprocess.Popen([*self.prefix, *command, *self.arguments], env=environment(self.home) | self.variables,
                                        cwd=self.home, text=True, errors="replace", stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()
        self.port = int(self.wait_for_line(READY, START_SECONDS)[2])
        self.admin_port = int(self.wait_for_line(ADMIN_READY, START_SECONDS)[2])
        return self

    def signal(self, number: int):
        os.kill(self.process.pid, number)

    def wait(self, timeout=STOP_SECONDS) -> int:
        """The exit status, once it is gone and its last line is read."""
        status = self.process.wait(timeout)
        self._reader.join(timeout)
        return status

    def kill(self):
        """kill -9."""
        self.signal(signal.SIGKILL)
        self.wait()

    def restart(self) -> "Gateway":
        return self.start()

    def close(self):
        """Ends it if it still runs, and complains of what it left."""
        try:
            if self.process and self.process.poll() is None:
                self.signal(signal.SIGTERM)
                try:
                    status = self.wait()
                except subprocess.TimeoutExpired:
                    self.kill()
                    raise AssertionError(f"still running {STOP_SECONDS} s after SIGTERM\n{self.tail()}") from None
                if status != 0:
                    raise AssertionError(f"exit status {status} after SIGTERM\n{self.tail()}")
            self.check_sanitizers()
        finally:
            shutil.rmtree(self.home, ignore_errors=True)

    def check_sanitizers(self):
        if any(SANITIZER.search(line) for line in self.lines):
            raise AssertionError("a sanitizer complains:\n" + self.tail(200))

    # --- What it says ---

    def _read(self, pipe):
        for line in pipe:
            with self._said:
                self.lines.append(line.rstrip("\n"))
                self._said.notify_all()
        with self._said:
            self.lines.append("")  # the end; wakes those who wait
            self._said.notify_all()

    def wait_for_line(self, pattern, timeout=10) -> re.Match:
        pattern = re.compile(pattern)
        deadline = time.monotonic() + timeout
        seen = 0
        with self._said:
            while True:
                for line in self.lines[seen:]:
                    if found := pattern.search(line):
                        return found
                seen = len(self.lines)
                ended = self.process.poll() is not None and not self._reader.is_alive()
                if ended or not self._said.wait(max(0.0, min(1.0, deadline - time.monotonic()))) \
                        and time.monotonic() >= deadline:
                    raise AssertionError(f"never said /{pattern.pattern}/:\n{self.tail()}")

    def tail(self, count=40) -> str:
        return "\n".join(self.lines[-count:])

    # --- Where it is ---

    @property
    def authority(self) -> str:
        return f"localhost:{self.port}"

    def url(self, path="/") -> str:
        return f"https://{self.authority}{path}"

    def admin_url(self, path="/") -> str:
        return f"https://localhost:{self.admin_port}{path}"

    @property
    def ca(self) -> str:
        """The development CA's certificate, wherever it was put under this home."""
        if self._ca is None:
            found = sorted(self.home.rglob("ca.pem"))
            if not found:
                raise AssertionError(f"no CA certificate under {self.home}:\n{self.tail()}")
            self._ca = str(found[0])
        return self._ca

    def memory(self) -> int:
        """Resident bytes now."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+) kB", fields)[1]) * 1024

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))
