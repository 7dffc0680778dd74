"""The shape of a file: how it opens, how long it is, what it does not contain."""

import fnmatch
import re

from tree import CPP, Check, Finding, Tree, line_of, without_words

COUNTED = (".h", ".cc", ".py", ".js", ".mjs", ".css", ".html", ".sh")
LINES_TO_LOOK_AGAIN = 400  # a reason to look, printed
LINES_MAX = 600
OPENING_LINES_MAX = 12

# path pattern → macro pattern: what a library wants to be told before its include.
MAY_DEFINE = [("tests/*", "DOCTEST_CONFIG_*")]


def opening_comment(text: str) -> int:
    """How many lines of // the file opens with."""
    lines = text.split("\n")
    return next((index for index, line in enumerate(lines) if not line.startswith("//")), len(lines))


def find_headers_without_opening(tree: Tree) -> list[Finding]:
    found = []
    for path, text in tree.named(".h"):
        lines = opening_comment(text)
        if lines == 0:
            found.append(Finding(path, 1, "open the header with what it is, its place in the flow, its owner and thread, "
                                          "what it never does, and its invariant"))
        elif lines > OPENING_LINES_MAX:
            found.append(Finding(path, 1, f"opens with {lines} lines of comment: say it in {OPENING_LINES_MAX}"))
        elif not text.split("\n")[lines].startswith("#pragma once"):
            found.append(Finding(path, lines + 1, "#pragma once stands right after the opening comment"))
    return found


def find_long_files(tree: Tree) -> list[Finding]:
    return [Finding(path, text.count("\n"), f"{text.count(chr(10))} lines: a file is one concept, split it ({LINES_MAX} at most)")
            for path, text in tree.named(*COUNTED) if text.count("\n") > LINES_MAX]


def find_macros(tree: Tree) -> list[Finding]:
    found = []
    for path, text in tree.named(*CPP):
        code = without_words(path, text)
        for match in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", code, re.MULTILINE):
            if not any(fnmatch.fnmatchcase(path, where) and fnmatch.fnmatchcase(match[1], what) for where, what in MAY_DEFINE):
                found.append(Finding(path, line_of(code, match.start()), f"macro {match[1]}: use constexpr, a function or a template"))
    return found


def find_coroutines(tree: Tree) -> list[Finding]:
    found = []
    pattern = re.compile(r"\bco_(await|return|yield|spawn)\b|[<\"]coroutine>|boost/asio/(awaitable|co_spawn|use_awaitable|spawn)")
    for path, text in tree.named(*CPP):
        code = without_words(path, text)
        for match in pattern.finditer(code):
            found.append(Finding(path, line_of(code, match.start()), "g++ 12.2 miscompiles coroutines: write a state machine "
                                                                     "with completion handlers"))
    return found


CHECKS = [
    Check("every header opens with a comment of at most 12 lines", find_headers_without_opening,
          bad={"proto/a.h": "#pragma once\n"}, good={"proto/a.h": "// What it is.\n#pragma once\n"}),
    Check(f"no file is longer than {LINES_MAX} lines", find_long_files,
          bad={"proto/a.cc": "int a;\n" * (LINES_MAX + 1)}, good={"proto/a.cc": "int a;\n" * LINES_MAX}),
    Check("no macros", find_macros,
          bad={"proto/a.cc": "#define MAX 3\n"},
          good={"tests/a.cc": "// #define MAX\n#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN\n"}),
    Check("no coroutines", find_coroutines,
          bad={"proto/a.cc": "co_await read();\n"}, good={"proto/a.cc": "// not co_await\n"}),
]
