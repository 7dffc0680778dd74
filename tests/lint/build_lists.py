"""A file that no meson.build names is not compiled, and a test that is not compiled is green."""

import posixpath
import re

from tree import Check, Finding, Tree


def lists_above(tree: Tree, path: str):
    folder = posixpath.dirname(path)
    while True:
        name = posixpath.join(folder, "meson.build")
        if name in tree.files:
            yield folder, tree.files[name]
        if not folder:
            return
        folder = posixpath.dirname(folder)


def names_file(text: str, name: str) -> bool:
    """'name' itself, or a loop that writes `item + '_suffix.cc'` over a list with the item in it."""
    if f"'{name}'" in text:
        return True
    return any(name.endswith(suffix) and f"'{name.removesuffix(suffix)}'" in text for suffix in re.findall(r"\+ '([\w.]+)'", text))


def find_unlisted(tree: Tree) -> list[Finding]:
    return [Finding(path, 1, "no meson.build names this file: add it to its folder's list")
            for path, _ in tree.named(".cc")
            if not any(names_file(text, posixpath.relpath(path, folder or ".")) for folder, text in lists_above(tree, path))]


def find_unmirrored(tree: Tree) -> list[Finding]:
    """tests/ mirrors the sources path for path; a story (conversation) names no single file and ends in _story_test.cc."""
    found = []
    for path, _ in tree.named("_test.cc", under="tests/"):
        mirrored = path.removeprefix("tests/").removesuffix("_test.cc")
        if not path.endswith("_story_test.cc") and not {mirrored + ".h", mirrored + ".cc"} & tree.files.keys():
            found.append(Finding(path, 1, f"tests no file: there is no {mirrored}.h; name it as its source, or *_story_test.cc"))
    return found


CHECKS = [
    Check("every source file is in a meson.build", find_unlisted,
          bad={"meson.build": "files('b.cc')", "proto/a.cc": ""},
          good={"meson.build": "", "proto/meson.build": "files('a.cc')", "proto/a.cc": "",
                "tests/fuzz/meson.build": "foreach name : ['a']\n executable(name + '_fuzz.cc')", "tests/fuzz/a_fuzz.cc": ""}),
    Check("tests mirror the sources path for path", find_unmirrored,
          bad={"tests/proto/b_test.cc": "", "proto/a.h": ""},
          good={"tests/proto/a_test.cc": "", "proto/a.h": "", "tests/gateway/resume_story_test.cc": ""}),
]
