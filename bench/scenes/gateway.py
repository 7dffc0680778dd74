"""One gateway under a scene: a configuration, a core, a pid file, so that a shell command can kill it and start it anew."""

import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import time

from processes import CLIENT_CORE, SERVER_CORE, free_port, pinned  # of bench/peers

__all__ = ["CLIENT_CORE", "Gateway", "pinned"]
START_SECONDS = 20
STOP_SECONDS = 40


class Gateway:
    def __init__(self, sluice: pathlib.Path, home: pathlib.Path, config: str, port: int | None = None, name="gateway"):
        self.port, self.admin_port = port or free_port(), free_port()
        self._home, self._name = home, name
        self.certificates = home / "sluice" / "certs"
        self._config, self._pid_file, self._log = home / f"{name}.toml", home / f"{name}.pid", home / f"{name}.log"
        self._config.write_text(f'listen = "127.0.0.1:{self.port}"\nadmin.listen = "127.0.0.1:{self.admin_port}"\nworkers = 1\n'
                                f"log.access = false\n{config}", encoding="utf-8")
        run = [*pinned(SERVER_CORE), str(sluice), "run", "-c", str(self._config)]
        # In a session of its own, so that it outlives the command that starts it.
        self.start_command = (f"XDG_DATA_HOME={shlex.quote(str(home))} setsid {shlex.join(run)} >> {shlex.quote(str(self._log))} "
                              f"2>&1 < /dev/null & echo $! > {shlex.quote(str(self._pid_file))}")
        self.kill_command = f"kill -9 $(cat {shlex.quote(str(self._pid_file))})"
        self.drain_command = f"kill -TERM $(cat {shlex.quote(str(self._pid_file))})"

    @property
    def pid(self) -> int:
        return int(self._pid_file.read_text(encoding="ascii"))

    def start(self) -> "Gateway":
        subprocess.run(["sh", "-c", self.start_command], check=True)
        self.wait()
        return self

    def wait(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.02)  # nothing announces the moment
        raise SystemExit(f"bench/load: the gateway did not start:\n{self._log.read_text(encoding='utf-8')[-2000:]}")

    def stop(self):
        if not self._pid_file.exists():
            return
        try:
            ended = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        os.kill(self.pid, signal.SIGTERM)
        os.kill(self.pid, signal.SIGTERM)  # all moments are now
        deadline = time.monotonic() + STOP_SECONDS
        while pathlib.Path(f"/proc/{self.pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)  # it is nobody's child that could be waited for
        os.close(ended)
        if pathlib.Path(f"/proc/{self.pid}").exists():
            os.kill(self.pid, signal.SIGKILL)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.port}{path}"

    def metrics(self) -> dict[str, float]:
        text = subprocess.run(["curl", "-s", "--cacert", str(self.certificates / "ca.pem"),
                               f"https://127.0.0.1:{self.admin_port}/metrics"], capture_output=True, text=True, check=False).stdout
        return {name: float(value) for name, value in re.findall(r"^([a-z_:0-9]+(?:\{[^\n]*\})?) (\S+)$", text, re.MULTILINE)}

    def metric(self, name: str) -> float:
        return sum(value for sample, value in self.metrics().items() if sample.split("{")[0] == name)

    def resident_bytes(self) -> int:
        pages = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    # What tests/support's clients ask of a gateway.
    @property
    def authority(self) -> str:
        return f"localhost:{self.port}"

    @property
    def ca(self) -> str:
        return str(self.certificates / "ca.pem")
