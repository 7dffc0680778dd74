"""Every `limits.…` key of the reference is named in a test: whether that test crosses it, a reviewer sees."""

import re

from tree import Check, Finding, Tree, line_of

REFERENCE = "docs/configuration.md"
KEY = re.compile(r"`limits\.([a-z0-9_]+)`")


def find_untested(tree: Tree) -> list[Finding]:
    if REFERENCE not in tree.files:
        return []
    reference = tree.files[REFERENCE]
    keys = {match[1]: line_of(reference, match.start()) for match in KEY.finditer(reference)}
    if not keys:
        return [Finding(REFERENCE, 1, "documents no `limits.…` key: the limits table of the reference is missing")]
    tests = "\n".join(text for path, text in tree.files.items() if path.startswith("tests/") and not path.startswith("tests/lint/"))
    mentioned = set(re.findall(r"[a-z0-9_]+", tests))
    return [Finding(REFERENCE, line, f"no test mentions limits.{key}: write one that crosses it")
            for key, line in keys.items() if key not in mentioned]


CHECKS = [
    Check("every limit of the reference is named in a test", find_untested,
          bad={REFERENCE: "| `limits.streams` | 3 |\n", "tests/a_test.cc": "streams_"},
          good={REFERENCE: "| `limits.streams` | 3 |\n", "tests/a_test.cc": "limits.streams = 3;"}),
]
