"""Runs the style and layering checks of tests/lint over the project. Plain Python 3, no package.

Every check counts twice: that it holds for the project, and that it can fail (its bad sample) and can pass (its good
one). The last line is "N passed, N failed".
"""

import pathlib
import sys

import build_lists
import files
import layers
import limits
import names
import secrets_and_places
import wording
from tree import Check, Tree

CHECKS = [check for module in (layers, names, files, wording, build_lists, limits, secrets_and_places)
          for check in module.CHECKS]


def complaint_of_self_test(check: Check) -> str:
    if not check.find(Tree(check.bad)):
        return "finds nothing in its bad sample"
    unexpected = check.find(Tree(check.good))
    return f"complains of its good sample: {unexpected[0]}" if unexpected else ""


def main(root: pathlib.Path) -> int:
    tree = Tree.read(root)
    passed = failed = 0
    for check in CHECKS:
        complaint = complaint_of_self_test(check)
        if complaint:
            print(f"FAILED self-test of '{check.rule}': {complaint}")
        findings = check.find(tree)
        for finding in findings:
            print(finding)
        print(f"{'FAILED' if findings else 'ok    '} {check.rule}")
        bad = bool(complaint) + bool(findings)
        passed += 2 - bad
        failed += bad
    for path, text in tree.named(*files.COUNTED):
        if text.count("\n") > files.LINES_TO_LOOK_AGAIN:
            print(f"look again: {path} has {text.count(chr(10))} lines")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(__file__).resolve().parents[2]))
