"""The comparison as Markdown tables, and their place in docs/benchmarks.md between two markers."""

import os
import pathlib
import platform
import re
import subprocess

from servers import Server
from work import Result, Work

BEGIN, END = "<!-- compare_peers: begin -->", "<!-- compare_peers: end -->"


def shown(name: str, value) -> str:
    if value is None:
        return "–"
    if "byte" in name:
        return f"{value / 1e6:,.1f} MB" if abs(value) >= 1e6 else f"{value / 1e3:,.1f} KB" if abs(value) >= 1e4 else f"{value:,.0f} B"
    if "CPU second" in name:
        return f"{value / 1e6:,.2f} M" if value >= 1e5 else f"{value / 1e6:,.3f} M"
    return f"{value:,.0f}" if float(value).is_integer() or value >= 100 else f"{value:,.2f}"


def heading(name: str) -> str:
    return name.removesuffix(", bytes")


def table_of(work: Work, results: dict[Server, Result]) -> str:
    lines = [f"**{work.name}**", "", "| | " + " | ".join([*map(heading, work.figures), "offered"]) + " |",
             "|---" * (len(work.figures) + 2) + "|"]
    for server, result in results.items():
        cells = [shown(name, result.values.get(name)) for name in work.figures]
        note = "; ".join(filter(None, (result.offered, result.failure)))
        lines.append(f"| {server.name} | " + " | ".join([*cells, note]) + " |")
    return "\n".join(lines)


def servers_of(servers: list[Server]) -> str:
    lines = ["| server | version | wire | history |", "|---|---|---|---|"]
    for server in servers:
        version = "not installed: apt install " + " ".join(server.packages) if server.missing() else server.version()
        lines.append(f"| {server.name} | {version} | {server.wire} | {server.history} |")
    return "\n".join(lines)


def machine() -> str:
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    kind = subprocess.run(["systemd-detect-virt"], capture_output=True, text=True, check=False).stdout.strip() \
        if pathlib.Path("/usr/bin/systemd-detect-virt").exists() else ""
    return (f"{os.cpu_count()} cores ({cpu[1] if cpu else platform.machine()}), {gigabytes:.0f} GB"
            f"{', virtual' if kind not in ('', 'none') else ''}, Linux {platform.release().partition('-')[0]}")


def page(command: str, when: str, load: str, servers: list[Server], results: dict[str, dict[Server, Result]],
         works: list[Work]) -> str:
    parts = [f"Made by `{command}` on {when}: {machine()}; load average before the run: {load}.",
             servers_of(servers), "![The same figures as bars](benchmarks.svg)",
             *(table_of(work, results[work.name]) for work in works if work.name in results)]
    return "\n\n".join(parts)


def put(text: str, document: pathlib.Path):
    """Between the markers of the document."""
    old = document.read_text(encoding="utf-8")
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"compare_peers: {document} lacks the markers {BEGIN} and {END}")
    document.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
