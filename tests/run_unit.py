"""Runs the doctest executables that Meson knows, some at a time, and adds up their cases.

usage: run_unit.py BUILD_FOLDER [--only NAME]... [FILTER]

FILTER is a part of a test case's name. An executable that crashes, hangs, prints no summary or has no case at all
counts as one failure: nothing is green because it did not run. The last line is "N passed, N failed".
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import re
import subprocess
import time

SUMMARY = re.compile(r"\[doctest\] test cases: +(\d+) \| +(\d+) passed \| +(\d+) failed \| +(\d+) skipped")
TIMEOUT = 300  # seconds for one executable: a hang, not a slow machine


@dataclasses.dataclass
class Result:
    name: str
    passed: int
    failed: int
    seconds: float
    complaint: str  # empty when every case passed
    output: str


def judge(status, output, filtered):
    """What an executable's exit status and output count as: (passed, failed, complaint)."""
    found = SUMMARY.search(output)
    if found is None:
        return 0, 1, f"no doctest summary, exit status {status}"
    cases, passed, failed, skipped = map(int, found.groups())
    if cases == 0 and not filtered:
        return 0, 1, "has no test case"
    if failed:
        return passed, failed, f"{failed} of {cases} cases failed"
    if skipped and not filtered:
        return passed, skipped, f"{skipped} cases are marked to be skipped"
    if status != 0:  # a leak, or a crash after the summary
        return passed, 1, f"exit status {status} although every case passed"
    return passed, 0, ""


def run(test, case_filter):
    command = list(test["cmd"])
    if case_filter:
        command.append(f"--test-case=*{case_filter}*")
    started = time.monotonic()
    try:
        done = subprocess.run(command, cwd=test["workdir"], env={**os.environ, **test["env"]}, text=True,
                              errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT,
                              check=False)
        output = done.stdout
        passed, failed, complaint = judge(done.returncode, output, bool(case_filter))
    except subprocess.TimeoutExpired as expired:
        output = (expired.stdout or b"").decode(errors="replace")
        passed, failed, complaint = 0, 1, f"still running after {TIMEOUT} s"
    return Result(test["name"], passed, failed, time.monotonic() - started, complaint, output)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("build")
    arguments.add_argument("filter", nargs="?", default="")
    arguments.add_argument("--only", action="append", default=[])
    arguments = arguments.parse_args()

    listed = subprocess.run(["meson", "introspect", "--tests", arguments.build], stdout=subprocess.PIPE, check=True)
    tests = json.loads(listed.stdout)
    if arguments.only:
        missing = set(arguments.only) - {test["name"] for test in tests}
        tests = [test for test in tests if test["name"] in arguments.only]
    else:
        missing = set()
    passed, failed = 0, len(missing)
    for name in sorted(missing):
        print(f"FAILED {name}: Meson knows no test of this name")

    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for done in concurrent.futures.as_completed([pool.submit(run, test, arguments.filter) for test in tests]):
            result = done.result()
            passed += result.passed
            failed += result.failed
            if result.complaint:
                print(result.output)
            verdict = "FAILED" if result.complaint else "ok    "
            print(f"{verdict} {result.name}: {result.passed} cases, {result.seconds:.1f} s  {result.complaint}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    raise SystemExit(main())
