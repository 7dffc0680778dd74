"""Nothing is left open in the code, and no check is written so that it cannot fail."""

import re

from tree import CPP, SCRIPT, Check, Finding, Tree, line_of

OPEN = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b|not impl" r"emented|place" r"holder text", re.IGNORECASE)
TOOTHLESS = re.compile(r"\b(CHECK|REQUIRE)\((true|1)\)|\|\| tr" r"ue\b|assert" r"True\(True\)|@unittest\.skip|\bskip" r"Test\(")
UNEXPLAINED_SLEEP = re.compile(r"^(?!.*(//|#).*sleep.*$).*\b(sleep_for|sleep_until|time\.sleep|usleep)\s*\((?!.*(//|#)).*$", re.MULTILINE)

# A document that the reader does not have: say the fact itself.
ELSEWHERE = re.compile(r"\b(design|facts)(\.md)? §|\(fac" r"ts:|[Tt]he design\b")
TEXTS = (*CPP, *SCRIPT, ".css", ".html", ".md", ".build", ".txt", ".toml", ".ci/run", "dev")


def find_pattern(pattern: re.Pattern, complaint: str, tree: Tree, suffixes: tuple[str, ...], under: str = "") -> list[Finding]:
    return [Finding(path, line_of(text, match.start()), complaint)
            for path, text in tree.named(*suffixes, under=under) if not path.startswith("tests/lint/")
            for match in pattern.finditer(text)]


def find_open(tree: Tree) -> list[Finding]:
    return find_pattern(OPEN, "do it now, or write it down in an issue", tree, (*CPP, ".py", ".mjs", ".js", ".md", "dev"))


def find_toothless(tree: Tree) -> list[Finding]:
    return find_pattern(TOOTHLESS, "a check that cannot fail, or is skipped: let it fail where something is missing", tree,
                        (*CPP, ".py", ".mjs", ".sh", ".ci/run"), under="tests/")


def find_sleeps(tree: Tree) -> list[Finding]:
    return find_pattern(UNEXPLAINED_SLEEP, "await the event, or say on the same line why there is none", tree,
                        (*CPP, ".py", ".mjs"), under="tests/")


def find_elsewhere(tree: Tree) -> list[Finding]:
    return [Finding(path, line_of(text, match.start()), f"{match[0]!r}: a document that is not in the repository; say the fact itself")
            for path, text in tree.named(*TEXTS) for match in ELSEWHERE.finditer(text)]


CHECKS = [
    Check("nothing is left open in the code", find_open,
          bad={"proto/a.cc": "// TO" "DO: later\n"}, good={"proto/a.cc": "// The to-do list of a page.\n"}),
    Check("no test is written so that it cannot fail", find_toothless,
          bad={"tests/proto/a_test.cc": "CHECK(true);\n"}, good={"tests/proto/a_test.cc": "CHECK(true == found);\n"}),
    Check("no test sleeps where an event can be awaited", find_sleeps,
          bad={"tests/a.py": "    time.sleep(1)\n"}, good={"tests/a.py": "    time.sleep(1)  # the limit is per second\n"}),
    Check("nothing cites a document that is not in the repository", find_elsewhere,
          bad={"gateway/topic/gap.h": "// Announced in its place (design" " §5.4).\n"},
          good={"gateway/topic/gap.h": "// Announced in its place (RFC 9113 §5.4), by design.\n"}),
]
