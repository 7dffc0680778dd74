"""Runs the end-to-end cases against a built gateway, some classes at a time; a line for each case, then the total.

usage: run.py [--folder FOLDER] BUILD_FOLDER [FILTER]

FILTER is a part of "module: sentence". A case that is skipped, or a folder without a case, counts as a failure.
The last line is "N passed, N failed".
"""

import argparse
import concurrent.futures
import os
import pathlib
import sys
import threading
import time
import traceback
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
JOBS = 3  # most cases wait for a limit's time to pass


def sentence(test) -> str:
    if not isinstance(test, unittest.TestCase):
        return str(test)  # setUpClass or tearDownClass of a class
    module = type(test).__module__.removesuffix("_test")
    return f"{module}: {test._testMethodName.removeprefix('test_').replace('_', ' ')}"


class Tally:
    """What all classes together came to; a line is printed whole."""

    def __init__(self):
        self.passed = self.failed = 0
        self._lock = threading.Lock()

    def add(self, passed: bool, line: str):
        with self._lock:
            self.passed += passed
            self.failed += not passed
            print(line, flush=True)


class Verdicts(unittest.TestResult):
    """One class's: prints each case as it ends."""

    def __init__(self, tally: Tally):
        super().__init__()
        self._tally = tally
        self._started = 0.0

    def startTest(self, test):
        self._started = time.monotonic()

    def stopTest(self, test):
        pass

    def _say(self, verdict, test, details=""):
        seconds = time.monotonic() - self._started if self._started else 0.0
        self._tally.add(verdict == "ok    ", f"{verdict} {sentence(test)} ({seconds:.1f} s)" + (details and "\n" + details))

    def addSuccess(self, test):
        self._say("ok    ", test)

    def addFailure(self, test, err):
        self._say("FAILED", test, "".join(traceback.format_exception(*err)))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.addFailure(test, (err[0], err[0](f"{subtest._subDescription()}: {err[1]}"), err[2]))

    def addSkip(self, test, reason):
        self._say("FAILED", test, f"skipped: {reason}")

    def addUnexpectedSuccess(self, test):
        self._say("FAILED", test, "expected to fail")


def classes_of(folder, case_filter):
    """One suite for each class, since a class may share a gateway."""
    suites = {}

    def collect(suite):
        for test in suite:
            if isinstance(test, unittest.TestSuite):
                collect(test)
            elif case_filter in sentence(test) or isinstance(test, unittest.loader._FailedTest):
                suites.setdefault(type(test), unittest.TestSuite()).addTest(test)

    collect(unittest.TestLoader().discover(str(folder), pattern="*_test.py", top_level_dir=str(folder)))
    return list(suites.values())


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--folder", default=str(TESTS / "end_to_end"))
    arguments.add_argument("build")
    arguments.add_argument("filter", nargs="?", default="")
    arguments = arguments.parse_args()

    os.environ["SLUICE_BINARY"] = str(pathlib.Path(arguments.build, "sluice").resolve())
    os.environ["SLUICE_PICTURES"] = str(pathlib.Path(arguments.build, "pictures").resolve())
    sys.path.insert(0, str(TESTS / "support"))
    tally = Tally()
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(max_workers=JOBS) as pool:
        runs = [pool.submit(suite.run, Verdicts(tally))
                for suite in classes_of(pathlib.Path(arguments.folder).resolve(), arguments.filter)]
    for run in runs:
        run.result()
    print(f"{time.monotonic() - started:.0f} s")
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
