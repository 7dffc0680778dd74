"""Chromium with the gateway's CA trusted the way a user would: by certutil, in a home folder of its own."""

import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile

WAIT = 60  # seconds for one command: Chromium starts slowly beside sanitized processes


class Browser:
    def __init__(self, ca: str):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="sluice-browser-"))
        store = self.home / ".pki/nssdb"
        store.mkdir(parents=True)
        for arguments in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "sluice", "-i", ca]):
            subprocess.run(["certutil", "-d", f"sql:{store}", *arguments], check=True, capture_output=True)
        script = pathlib.Path(__file__).resolve().parent.parent / "end_to_end/browser.mjs"
        self._process = subprocess.Popen([os.environ.get("SLUICE_NODE", "node"), str(script)],
                                         env={**os.environ, "HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / "config")},
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def call(self, action: str, **options):
        print(json.dumps({"action": action, **options}), file=self._process.stdin, flush=True)
        if not select.select([self._process.stdout], [], [], WAIT)[0]:
            raise AssertionError(f"the browser does not answer '{action}' within {WAIT} s")
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the browser ended during '{action}'")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"{action}: {answer['error']}")
        return answer["result"]

    def open(self, url: str) -> int:
        return self.call("open", url=url)

    def evaluate(self, script: str):
        return self.call("evaluate", script=script)

    def until(self, condition: str, timeout=30_000):
        self.call("until", condition=condition, timeout=timeout)

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        shutil.rmtree(self.home, ignore_errors=True)
