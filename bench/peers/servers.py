"""The servers that are compared, each with the configuration beside this file. A server says where its streams and its
publishes are, what it lacks, and what it is not asked to do."""

import dataclasses
import os
import pathlib
import pwd
import grp
import resource
import shutil
import subprocess

from processes import Processes, free_port

HERE = pathlib.Path(__file__).resolve().parent
DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
NCHAN = "/usr/lib/nginx/modules/ngx_nchan_module.so"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the bench finds a started server."""

    url: str
    publish: tuple[str, ...]  # options of `sluice bench`


def package_version(name: str) -> str:
    """Without the epoch and Debian's revision."""
    version = subprocess.run(["dpkg-query", "-W", "-f=${Version}", name], capture_output=True, text=True, check=False).stdout
    return version.partition(":")[2].partition("+")[0].partition("-")[0] if ":" in version else version.partition("-")[0]


def filled(name: str, target: pathlib.Path, **values):
    """A configuration with its @NAMES@ filled in."""
    text = (HERE / name).read_text(encoding="utf-8")
    user = f"{pwd.getpwuid(os.getuid()).pw_name} {grp.getgrgid(os.getgid()).gr_name}"
    for key, value in {"home": target.parent, "user": user, "descriptors": DESCRIPTORS, "connections": DESCRIPTORS - 500,
                       **values}.items():
        text = text.replace(f"@{key.upper()}@", str(value))
    target.write_text(text, encoding="utf-8")


class Server:
    name = ""
    packages: tuple[str, ...] = ()  # Debian's, which bring `needs`
    needs: tuple[str, ...] = ()  # programs, or files
    wire = "HTTP/2, TLS"
    http1 = False  # a connection for each stream
    streams_max = 10_000  # of those that a work asks for
    history = "none"
    processes = 1
    # About how many deliveries it makes in a second on one core: where the search for the rate that it bears begins.
    deliveries_per_second = 1_000_000

    def missing(self) -> list[str]:
        return [need for need in self.needs if not (os.path.exists(need) if need[0] == "/" else shutil.which(need))]

    def version(self) -> str:
        raise NotImplementedError

    def start(self, processes: Processes, certificate: pathlib.Path, key: pathlib.Path) -> Place:
        """Started and accepting."""
        raise NotImplementedError


class Sluice(Server):
    name = "sluice"
    history = "10,000 events, 10 min (default)"
    deliveries_per_second = 10_000_000

    def __init__(self, binary: pathlib.Path):
        self.needs = (str(binary),)
        self._binary = str(binary)

    def version(self):
        return subprocess.run([self._binary, "version"], capture_output=True, text=True, check=True).stdout.split()[1]

    def start(self, processes, certificate, key):
        port = free_port()
        processes.start(self._binary, "run", "--listen", f"127.0.0.1:{port}", "--workers", "1", "--set", "admin.listen=off",
                        "--set", "log.access=false", "--set", f"tls.cert={certificate}", "--set", f"tls.key={key}",
                        XDG_DATA_HOME=str(processes.home))
        processes.wait_for(port)
        return Place(f"https://localhost:{port}/topics/t{{i}}", ())


class Nchan(Server):
    name = "nginx with nchan"
    packages = ("nginx", "libnginx-mod-nchan")
    needs = ("nginx", NCHAN)
    history = "10,000 events, 10 min"
    processes = 2
    deliveries_per_second = 100_000

    def version(self):
        return f"nginx {package_version('nginx')}, nchan {package_version('libnginx-mod-nchan')}"

    def start(self, processes, certificate, key):
        port = free_port()
        filled("nchan.conf", processes.home / "nginx.conf", port=port, certificate=certificate, key=key)
        processes.start("nginx", "-e", str(processes.home / "error.log"), "-c", str(processes.home / "nginx.conf"))
        processes.wait_for(port)
        return Place(f"https://localhost:{port}/sub/t{{i}}", ("--publish-url", f"https://localhost:{port}/pub/t{{i}}"))


class NodeHttp2(Server):
    name = "Node's http2"
    packages = ("nodejs",)
    needs = ("node",)

    def version(self):
        return "Node " + subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip("v\n")

    def start(self, processes, certificate, key):
        port = free_port()
        processes.start("node", str(HERE / "node_http2.mjs"), str(port), str(certificate), str(key))
        processes.wait_for(port)
        return Place(f"https://localhost:{port}/t{{i}}", ())


class NginxNode(Server):
    name = "nginx before Node"
    packages = ("nginx", "nodejs")
    needs = ("nginx", "node")
    wire = "HTTP/2, TLS; HTTP/1.1 to Node"
    processes = 3
    deliveries_per_second = 50_000

    def version(self):
        return f"nginx {package_version('nginx')}, {NodeHttp2().version()}"

    def start(self, processes, certificate, key):
        port, node_port = free_port(), free_port()
        processes.start("node", str(HERE / "node_sse.mjs"), str(node_port))
        processes.wait_for(node_port)
        filled("nginx_node.conf", processes.home / "nginx.conf", port=port, node_port=node_port, certificate=certificate, key=key)
        processes.start("nginx", "-e", str(processes.home / "error.log"), "-c", str(processes.home / "nginx.conf"))
        processes.wait_for(port)
        return Place(f"https://localhost:{port}/t{{i}}", ())


class Pushpin(Server):
    name = "Pushpin"
    packages = ("pushpin", "nodejs")
    needs = ("pushpin", "condure", "zurl", "node")
    wire = "HTTP/1.1, TLS (condure has no HTTP/2): a connection for each stream"
    http1 = True
    streams_max = 2_000  # it opens some 100 to 800 in a second
    processes = 6
    deliveries_per_second = 8_000  # its README, "Scalability"

    def version(self):
        return f"Pushpin {package_version('pushpin')}, condure {package_version('condure')}"

    def start(self, processes, certificate, key):
        port, plain, control, origin = (free_port() for _ in range(4))
        home = processes.home
        (home / "run").mkdir()
        (home / "log.d").mkdir()
        (home / "runner/certs").mkdir(parents=True)
        shutil.copy(certificate, home / f"runner/certs/default_{port}.crt")
        shutil.copy(key, home / f"runner/certs/default_{port}.key")
        (home / "routes").write_text(f"* 127.0.0.1:{origin}\n", encoding="ascii")
        filled("pushpin.conf", home / "pushpin.conf", port=port, plain_port=plain, control_port=control)
        processes.start("node", str(HERE / "pushpin_origin.mjs"), str(origin))
        processes.wait_for(origin)
        processes.start("pushpin", f"--config={home}/pushpin.conf")
        processes.wait_for(port)
        processes.wait_for(control)
        return Place(f"https://localhost:{port}/t{{i}}",
                     ("--preset", "pushpin", "--publish-url", f"http://localhost:{control}/publish/"))


def all_servers(sluice: pathlib.Path) -> list[Server]:
    return [Sluice(sluice), NodeHttp2(), Nchan(), NginxNode(), Pushpin()]
