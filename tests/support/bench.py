"""`sluice bench` as a process of a test: a run that ends by itself, or one that is watched and interrupted."""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import tempfile

from gateway import SANITIZER, binary, environment

PATIENCE = 60  # seconds for a run, beside other tests and under a sanitizer


@dataclasses.dataclass(frozen=True)
class Run:
    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict:
        return json.loads(self.stdout)


class Bench:
    """A run under way. `ca`: the authority to trust; `home`: where a development CA is looked for, none by default."""

    def __init__(self, url: str, *options, ca: str | None = None, variables: dict | None = None):
        self._home = tempfile.TemporaryDirectory(prefix="sluice-bench-")
        trust = ["--cacert", ca] if ca else []
        self._process = subprocess.Popen([binary(), "bench", url, *trust, *map(str, options)],
                                         env=environment(self._home.name) | (variables or {}), cwd=self._home.name, text=True,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    @property
    def folder(self) -> pathlib.Path:
        """Its working directory, until result()."""
        return pathlib.Path(self._home.name)

    def interrupt(self):
        """As Ctrl-C does."""
        os.kill(self._process.pid, signal.SIGINT)

    def result(self) -> Run:
        try:
            stdout, stderr = self._process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            stdout, stderr = self._process.communicate()
            raise AssertionError(f"the bench did not end within {PATIENCE} s\n{stdout[-2000:]}\n{stderr[-2000:]}") from None
        finally:
            self._home.cleanup()
        if SANITIZER.search(stderr):
            raise AssertionError(f"a sanitizer complains:\n{stderr}")
        return Run(self._process.returncode, stdout, stderr)


def run(url: str, *options, **others) -> Run:
    return Bench(url, *options, **others).result()


def measure(url: str, *options, **others) -> dict:
    """The JSON of a run that measured something, clean or not."""
    done = run(url, "--json", "-", *options, **others)
    if done.status not in (0, 1, 3) or not done.stdout:
        raise AssertionError(f"the bench failed (exit {done.status}): {done.stdout}{done.stderr}")
    return done.json
