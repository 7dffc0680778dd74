"""What would tie the project to one machine, or give something away."""

import re

from tree import Check, Finding, Tree, line_of

# Written in pieces, so that this file does not find itself.
PLACES = re.compile(r"(?<![A-Za-z0-9_.$}])/(wo" r"rk|ro" r"ot|fa" r"rm)/|(?<![A-Za-z0-9_.])/ho" r"me/(?!someone\b)[a-z]")
HOSTS = re.compile(r"deb\.deb" r"ian\.org|registry\.npm" r"js\.org|archive\.ubu" r"ntu\.com|pypi\.o" r"rg|files\.pythonho" r"sted")
KEYS = re.compile(r"PRIVATE KEY-----\s*[A-Za-z0-9+/=]{16}")  # the words alone may stand in an error message


def find(pattern: re.Pattern, complaint: str, tree: Tree) -> list[Finding]:
    return [Finding(path, line_of(text, match.start()), complaint)
            for path, text in tree.files.items() for match in pattern.finditer(text)]


def find_places(tree: Tree) -> list[Finding]:
    return find(PLACES, "a path of one machine: make it relative, or a temporary folder", tree)


def find_hosts(tree: Tree) -> list[Finding]:
    return find(HOSTS, "the host of a registry: the machine's own configuration names it "
                       "(npm: omit-lockfile-registry-resolved=true)", tree)


def find_keys(tree: Tree) -> list[Finding]:
    return find(KEYS, "a private key in the project: tests generate theirs", tree)


CHECKS = [
    Check("no path of one machine", find_places,
          bad={"dev": "cd /ro" "ot/sluice\n"}, good={"dev": "cd build/work/root\n"}),
    Check("no host of a registry", find_hosts,
          bad={"package-lock.json": "https://registry.npm" "js.org/x"}, good={"package-lock.json": "{}"}),
    Check("no private key", find_keys,
          bad={"certs/key.pem": "-----BEGIN PRIVATE KEY-----\n" + "MIGHAgEA" * 4},
          good={"certs/key.cc": 'return "-----BEGIN PRIVATE KEY-----"'}),
]
