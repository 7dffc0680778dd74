"""One word, one meaning: words that say nothing, or mean two things in this field, are not used in names."""

import re

from tree import CPP, SCRIPT, Check, Finding, Tree, line_of, without_words

INSTEAD = {
    "upstream": "backend or source", "downstream": "subscriber", "manager": "what it keeps or does", "util": "its concept",
    "utils": "its concept", "helper": "what it does", "helpers": "what it does", "common": "the concept that is shared",
    "misc": "its concept",
}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Words of the standard library and of X.509, which mean what they mean there.
FOREIGN = {"common_type", "common_type_t", "common_reference", "common_reference_t", "NID_commonName", "common_name"}


def banned_in(name: str) -> str | None:
    return next((word.lower() for word in WORD.findall(name) if word.lower() in INSTEAD), None)


def find_banned_names(tree: Tree) -> list[Finding]:
    found = []
    for path in tree.files:
        if word := banned_in(path):
            found.append(Finding(path, 1, f"'{word}' in a file's name: name {INSTEAD[word]}"))
    for path, text in tree.named(*CPP, *SCRIPT):
        code = without_words(path, text)
        for match in IDENTIFIER.finditer(code):
            if match[0] not in FOREIGN and (word := banned_in(match[0])):
                found.append(Finding(path, line_of(code, match.start()), f"'{word}' in {match[0]}: name {INSTEAD[word]}"))
    return found


CHECKS = [
    Check("no name says upstream, downstream, manager, util, helper, common or misc", find_banned_names,
          bad={"proto/sse.cc": "class ConnectionManager;\n"},
          good={"proto/sse.cc": '// the manager\nauto text = "upstream"; std::common_type_t<int, int> community;\n'}),
    Check("no file is called so either", find_banned_names,
          bad={"proto/string_util.h": ""}, good={"proto/utility.h": ""}),
]
