"""A file that no meson.build names is not compiled, and a test that is not compiled is green."""

import posixpath
import re

from tree import Check, Finding, Tree


def names_file(text: str, name: str) -> bool:
    """'name' itself, or a loop that writes `item + '_suffix.cc'` over a list with the item in it."""
    if f"'{name}'" in text:
        return True
    return any(name.endswith(suffix) and f"'{name.removesuffix(suffix)}'" in text for suffix in re.findall(r"\+ '([\w.]+)'", text))


def find_unlisted(tree: Tree) -> list[Finding]:
    lists = [(posixpath.dirname(path) or ".", text) for path, text in tree.files.items() if posixpath.basename(path) == "meson.build"]
    return [Finding(path, 1, "no meson.build names this file: add it to its folder's list")
            for path, _ in tree.named(".cc")
            if not any(names_file(text, posixpath.relpath(path, folder)) for folder, text in lists)]


def find_unmirrored(tree: Tree) -> list[Finding]:
    """Folder by folder: a story or one side of a file may have a test file of its own, but it stands beside the file's."""
    folders = {posixpath.dirname(path) for path in tree.files}
    return [Finding(path, 1, f"there is no folder {folder} whose files this could test: move it beside its subject's tests")
            for path, _ in tree.named("_test.cc", under="tests/")
            if (folder := posixpath.dirname(path).removeprefix("tests/")) not in folders]


CHECKS = [
    Check("every source file is in a meson.build", find_unlisted,
          bad={"meson.build": "files('b.cc')", "proto/a.cc": ""},
          good={"meson.build": "", "proto/meson.build": "files('a.cc')", "proto/a.cc": "",
                "tests/fuzz/meson.build": "foreach name : ['a']\n executable(name + '_fuzz.cc')", "tests/fuzz/a_fuzz.cc": ""}),
    Check("tests mirror the sources path for path", find_unmirrored,
          bad={"tests/wire/a_test.cc": "", "proto/a.h": ""},
          good={"tests/proto/a_test.cc": "", "tests/proto/a_from_a_broken_peer_test.cc": "", "proto/a.h": ""}),
]
