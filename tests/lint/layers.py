"""The include graph is the picture of ARCHITECTURE.md: source → topic ← serve, proto knows nobody, main knows all."""

import fnmatch
import re

from tree import CPP, Check, Finding, Tree, line_of, without_words

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(?:"([^"\n]+)"|<([^>\n]+)>)', re.MULTILINE)

# Room → the rooms that it may include besides itself.
MAY_INCLUDE = {
    "proto": set(),
    "certs": {"proto"},
    "gateway/config": {"proto"},
    "gateway/topic": {"proto"},
    "gateway/load": {"proto", "gateway/config"},
    "gateway/access": {"proto"},
    "gateway/observe": {"proto", "gateway/config"},
    "gateway/source": {"proto", "gateway/config", "gateway/topic", "gateway/observe", "gateway/client"},
    "gateway/client": {"proto"},
    "gateway/serve": {"proto", "gateway/config", "gateway/topic", "gateway/load", "gateway/access", "gateway/observe"},
}

# proto is bytes in, bytes out: it is told the time, and reads no file, socket, thread or environment of its own.
IMPURE_HEADERS = re.compile(
    r"boost/asio|asio|thread|jthread|mutex|shared_mutex|condition_variable|future|semaphore|fstream|iostream|"
    r"sys/(socket|epoll|eventfd|select|poll)\.h|netinet/.*|arpa/.*|netdb\.h|poll\.h|unistd\.h|fcntl\.h|pthread\.h|ctime|time\.h")
IMPURE_CALLS = re.compile(r"\b\w+_clock::now\s*\(|\btime\(nullptr\)|\bgetenv\s*\(|\bthis_thread\b|\bstd::random_device\b")
# Of Beast only what parses: the headers that read, write or hold a message bring Asio's sockets and files with them.
# These name nothing of Asio but its buffer, a pointer and a size.
PURE_BEAST = {"boost/beast/http/basic_parser.hpp", "boost/beast/http/error.hpp"}
# Certificate and key are files with dates: read and compared once, at start, before there is a session.
READS_AT_START = ["proto/pem.*", "proto/tls_context.cc"]

# Asio is only where a socket, a timer or a thread is.
ASIO = re.compile(r"boost/asio(\.hpp|/.*)")
MAY_USE_ASIO = [
    "gateway/connect_check.cc",
    "gateway/client/*",
    "gateway/serve/gateway.*",
    "gateway/serve/listener.*",
    "gateway/serve/socket.*",
    "gateway/serve/worker.*",
    "gateway/source/*",
    "bench/*",
    "tests/*",
]


def room_of(path: str) -> str:
    parts = path.split("/")
    if parts[0] == "gateway" and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0]


def includes(path: str, text: str):
    """(line, quoted or bracketed name) of each include."""
    for match in INCLUDE.finditer(text):
        yield line_of(text, match.start()), match[1] or match[2]


def find_wrong_way(tree: Tree) -> list[Finding]:
    found = []
    for path, text in tree.named(*CPP):
        room = room_of(path)
        if room not in MAY_INCLUDE:
            continue  # main, run and the command line, bench, tests: they know all
        for line, header in includes(path, text):
            target = room_of(header)
            if "/" in header and target.split("/")[0] in ("proto", "certs", "gateway", "bench", "tests") \
                    and target != room and target not in MAY_INCLUDE[room]:
                found.append(Finding(path, line, f"{room} may not include {target}: give it a reference or a callback, "
                                                 "or move the concept down (tests/lint/layers.py has the graph)"))
    return found


def find_impure(tree: Tree) -> list[Finding]:
    found = []
    for path, text in tree.named(*CPP, under="proto/"):
        if any(fnmatch.fnmatchcase(path, pattern) for pattern in READS_AT_START):
            continue
        for line, header in includes(path, text):
            impure_beast = header.startswith("boost/beast") and header not in PURE_BEAST
            if IMPURE_HEADERS.fullmatch(header) or header.startswith("boost/asio") or impure_beast:
                found.append(Finding(path, line, f"<{header}> in proto: pass bytes and the time in, hand bytes out"))
        code = without_words(path, text)
        for match in IMPURE_CALLS.finditer(code):
            found.append(Finding(path, line_of(code, match.start()), f"{match[0]} in proto: take the value as an argument"))
    return found


def find_asio(tree: Tree) -> list[Finding]:
    found = []
    for path, text in tree.named(*CPP):
        if any(fnmatch.fnmatchcase(path, pattern) for pattern in MAY_USE_ASIO):
            continue
        for line, header in includes(path, text):
            if ASIO.fullmatch(header):
                found.append(Finding(path, line, f"<{header}> outside the files that own a socket, a timer or a thread: "
                                                 "make this part pure, or add the file to MAY_USE_ASIO with its reason"))
    return found


def find_unrooted(tree: Tree) -> list[Finding]:
    found = []
    for path, text in tree.named(*CPP):
        for match in INCLUDE.finditer(text):
            name = match[1]
            if name and "/" in name and not name.startswith("..") and (name in tree.files or name.endswith(".inc")):
                continue
            if name:
                found.append(Finding(path, line_of(text, match.start()),
                                     f'"{name}" is not a file seen from the root: write "folder/file.h"'))
    return found


def find_own_header_late(tree: Tree) -> list[Finding]:
    found = []
    for path, text in tree.named(".cc"):
        own = path.removesuffix(".cc") + ".h"
        first = next(includes(path, text), None)
        if own in tree.files and first and first[1] != own:
            found.append(Finding(path, first[0], f'the first include is "{own}": it proves that the header stands alone'))
    return found


CHECKS = [
    Check("includes run one way: source → topic ← serve, proto knows nobody", find_wrong_way,
          bad={"gateway/topic/log.h": '#include "gateway/serve/connection.h"\n'},
          good={"gateway/serve/stream.cc": '#include "gateway/topic/log.h"\n', "gateway/main.cc": '#include "gateway/serve/x.h"\n'}),
    Check("source and serve meet only in topic", find_wrong_way,
          bad={"gateway/source/demo.cc": '#include "gateway/serve/worker.h"\n'},
          good={"gateway/source/demo.cc": '#include "gateway/topic/entry.h"\n'}),
    Check("proto has no Asio, clock, thread, file or socket", find_impure,
          bad={"proto/sse.cc": "auto now = std::chrono::steady_clock::now();\n"},
          good={"proto/sse.cc": "#include <chrono>\n// not steady_clock::now()\n", "gateway/main.cc": "#include <thread>\n"}),
    Check("of Beast, proto has the parser and nothing that does input or output", find_impure,
          bad={"proto/http1.cc": "#include <boost/beast/http/read.hpp>\n"},
          good={"proto/http1.cc": "#include <boost/beast/http/basic_parser.hpp>\n"}),
    Check("Asio stands only where a socket, a timer or a thread is", find_asio,
          bad={"gateway/topic/log.cc": "#include <boost/asio/post.hpp>\n"},
          good={"gateway/serve/listener.cc": "#include <boost/asio/ip/tcp.hpp>\n"}),
    Check("includes are written from the root", find_unrooted,
          bad={"proto/sse.cc": '#include "sse.h"\n', "proto/sse.h": ""},
          good={"proto/sse.cc": '#include "proto/sse.h"\n#include <string>\n', "proto/sse.h": ""}),
    Check("a source file includes its own header first", find_own_header_late,
          bad={"proto/sse.cc": '#include <string>\n#include "proto/sse.h"\n', "proto/sse.h": ""},
          good={"proto/sse.cc": '#include "proto/sse.h"\n\n#include <string>\n', "proto/sse.h": ""}),
]
