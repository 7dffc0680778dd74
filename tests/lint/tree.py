"""What a lint check looks at: the project's text files by path, read from disk or written down as a sample."""

import dataclasses
import pathlib
import re
from collections.abc import Callable, Iterator

SKIPPED_FOLDERS = {".git", ".cache", "build", "node_modules", "__pycache__"}
CPP = (".h", ".cc")
SCRIPT = (".py", ".js", ".mjs", ".sh")
# Comments and literals of C++ and JavaScript; raw strings first, since they may hold anything.
CPP_WORDLESS = re.compile(
    r'R"([^\s()\\]{0,16})\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
PYTHON_WORDLESS = re.compile(
    r'"""(?:\\.|[^\\])*?"""|#[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Finding:
    path: str
    line: int
    complaint: str  # what is wrong and what to do about it

    def __str__(self):
        return f"{self.path}:{self.line}: {self.complaint}"


class Tree:
    """Paths are relative to the project's root, with '/'."""

    def __init__(self, files: dict[str, str]):
        self.files = files

    @staticmethod
    def read(root: pathlib.Path) -> "Tree":
        files = {}
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root)
            if SKIPPED_FOLDERS.isdisjoint(name.parts) and path.is_file():
                try:
                    files[name.as_posix()] = path.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    pass  # an image
        return Tree(files)

    def named(self, *suffixes: str, under: str = "") -> Iterator[tuple[str, str]]:
        for path, text in self.files.items():
            if path.endswith(suffixes) and path.startswith(under):
                yield path, text


@dataclasses.dataclass(frozen=True)
class Check:
    rule: str  # the sentence that holds when it passes
    find: Callable[[Tree], list[Finding]]
    bad: dict[str, str]  # a sample in which it must find something
    good: dict[str, str]  # a sample in which it must find nothing


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def without_words(path: str, text: str) -> str:
    """The text with comments and literals emptied, every line where it was."""
    pattern = PYTHON_WORDLESS if path.endswith((".py", ".sh")) else CPP_WORDLESS
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
