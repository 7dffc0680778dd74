"""The processes of one server under comparison: started on one core, awaited, counted, ended by their ids."""

import os
import pathlib
import signal
import socket
import subprocess
import time

SERVER_CORE = "0"
CLIENT_CORE = "1"
START_SECONDS = 15
STOP_SECONDS = 10


def pinned(core: str) -> list[str]:
    return ["taskset", "-c", core] if (os.cpu_count() or 1) > 1 else []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def children(pid: int) -> list[int]:
    """A process and all that descend from it."""
    pids = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text(encoding="ascii").split():
            pids += children(int(child))
    return pids


class Processes:
    """What a server consists of; the last that is started is the one that the crowd connects to."""

    def __init__(self, home: pathlib.Path):
        self.home = home
        self._log = open(home / "log", "w+", encoding="utf-8", errors="replace")  # closed by stop()
        self._started: list[subprocess.Popen] = []

    def start(self, *command: str, **variables: str):
        # A session of its own: what is left of it at the end can be ended with it.
        self._started.append(subprocess.Popen(
            pinned(SERVER_CORE) + list(command), cwd=self.home, env={**os.environ, **variables}, stdin=subprocess.DEVNULL,
            stdout=self._log, stderr=self._log, start_new_session=True))

    def wait_for(self, port: int):
        """Until loopback's port accepts."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and all(process.poll() is None for process in self._started):
            with socket.socket() as probe:
                try:
                    probe.connect(("127.0.0.1", port))
                    return
                except ConnectionRefusedError:
                    time.sleep(0.02)  # nothing announces the moment
        raise SystemExit(f"compare_peers: a server did not start:\n{self.said()}")

    def pids(self, count: int) -> list[int]:
        """Of so many processes at least: a socket may accept before the worker behind it is there."""
        deadline = time.monotonic() + START_SECONDS
        while len(pids := [pid for process in self._started for pid in children(process.pid)]) < count:
            if time.monotonic() > deadline:
                raise SystemExit(f"compare_peers: {len(pids)} processes instead of {count}:\n{self.said()}")
            time.sleep(0.02)  # nothing announces the moment
        return pids

    def said(self) -> str:
        self._log.seek(0)
        return "\n".join([self._log.read(), *(path.read_text(errors="replace") for path in sorted(self.home.glob("log.d/*")))])

    def stop(self):
        for process in reversed(self._started):
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._log.close()
