"""The five scenes: what happens, what is written down, and the plot. A scene gets a Stage and returns a Scene."""

import dataclasses
import json
import pathlib
import statistics
import subprocess
import threading
import time

from conflation import watch_slow_dashboard
from gateway import CLIENT_CORE, Gateway, pinned

TOPICS = 10
PUBLISHED = """
access.publish_secret = "bench"
[source.t]
url = "publish:"
history.entries = 100_000
[[route]]
path = "/t/{name}"
source = "t"
"""
ON_DISK = PUBLISHED.replace('url = "publish:"', 'url = "publish:"\nhistory.store = "disk"\nhistory.path = "history.db"')
IN_REDIS = """
access.publish_secret = "bench"
[source.t]
url = "URL"
stream = "t:{name}"
publish = true
[[route]]
path = "/t/{name}"
source = "t"
"""


@dataclasses.dataclass
class Scene:
    name: str
    what: str  # one sentence
    table: str
    panels: list  # of chart.chart()
    met: dict[str, bool]  # each demand, and whether it is


@dataclasses.dataclass
class Stage:
    sluice: pathlib.Path
    home: pathlib.Path
    shorten: float = 1

    def gateway(self, config: str, **others) -> Gateway:
        return Gateway(self.sluice, self.home, config.replace('"history.db"', f'"{self.home}/history.db"'), **others)

    def bench(self, gateway: Gateway, crowd: str, seconds: float, *more: str, warmup: float = 3, pid=True) -> subprocess.Popen:
        watched = ["--server-pid", str(gateway.pid)] if pid else []
        return subprocess.Popen(
            [*pinned(CLIENT_CORE), str(self.sluice), "bench", gateway.url("/t/t{i}"), "--cacert", gateway.ca, *crowd.split(),
             "--topics", str(TOPICS), "--publish-token", "bench", *watched, "--duration", f"{1000 * seconds * self.shorten:.0f}ms",
             "--warmup", f"{1000 * warmup * self.shorten:.0f}ms", "--threads", "1", "--quiet", "--json", "-", *more],
            stdout=subprocess.PIPE, text=True)

    def run(self, *arguments, **others) -> dict:
        return result(self.bench(*arguments, **others))


def result(bench: subprocess.Popen) -> dict:
    text, _ = bench.communicate(timeout=900)
    if not text:
        raise SystemExit("bench/load: the load client measured nothing")
    run = json.loads(text)
    if "seconds" not in run:
        raise SystemExit(f"bench/load: {run['failure']}")
    return run


def series(run: dict, name: str, scale: float = 1) -> list[tuple[float, float]]:
    """Since the measured time began."""
    bins, seconds = run["bins"][name], run["bins"]["milliseconds"] / 1000
    begin = run["bins"]["measured_from_seconds"]
    return [(index * seconds - begin, value * scale) for index, value in enumerate(bins) if index * seconds >= begin]


def by_second(points: list[tuple[float, float]], fold=sum) -> list[tuple[float, float]]:
    seconds: dict[int, list[float]] = {}
    for second, value in points:
        seconds.setdefault(int(second), []).append(value)
    return [(second, fold(values)) for second, values in sorted(seconds.items())]


def p99_within(run: dict, seconds) -> float:
    """Milliseconds; of all deliveries of the bins in which `seconds` holds, as if within each they lay evenly between its
    p50, p99 and maximum."""
    bins = [(deliveries, *(latency for _, latency in latencies)) for (second, deliveries), *latencies
            in zip(series(run, "deliveries"), *(series(run, f"latency_{name}_ns", 1e-6) for name in ("p50", "p99", "max")))
            if seconds(second) and deliveries]
    if not bins:
        raise SystemExit("bench/load: nothing was delivered in the time that counts: --shorten less")

    def share_beyond(latency, p50, p99, most):
        if latency >= p99:
            return 0.01 * max(most - latency, 0) / max(most - p99, 1e-9)
        return 0.01 + 0.49 * (p99 - max(latency, p50)) / max(p99 - p50, 1e-9)

    low, high = 0.0, max(most for _, _, _, most in bins)
    while high - low > 0.01:
        middle = (low + high) / 2
        beyond = sum(deliveries * share_beyond(middle, *latencies) for deliveries, *latencies in bins)
        low, high = (middle, high) if beyond > 0.01 * sum(deliveries for deliveries, *_ in bins) else (low, middle)
    return high


def table(head: list[str], rows: list[list]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def milliseconds(value) -> str:
    return "–" if value is None else f"{value:,.1f} ms"


# --- 1 ---------------------------------------------------------------------------------------------------------------

CROWD = "-c 2000 -s 5"
PEAK_SHARE = 1.3


def storm(stage: Stage) -> Scene:
    rows, opened, late, met = [], {}, {}, {}
    for name, retry in (("retry: 2000", "retry = { min = '2s', max = '2s' }"), ("from load", "retry = { min = '1s', max = '60s' }")):
        (stage.home / "history.db").unlink(missing_ok=True)
        with stage.gateway(f"{retry}\n{ON_DISK}") as gateway:
            bench = stage.bench(gateway, f"{CROWD} --rate 10", 45, "--scenario", "storm", "--restart-cmd",
                                f"{gateway.kill_command}; {gateway.start_command}", warmup=30, pid=False)
            time.sleep(20 * stage.shorten)  # the crowd is there, and its cost is known
            rate = gateway.metric("sluice_accept_rate")
            run = result(bench)
            failed = sum(value for sample, value in gateway.metrics().items()
                         if sample.startswith("sluice_tls_handshakes_total") and ('"failed"' in sample or '"timeout"' in sample))
        opened[name] = by_second(series(run, "opened"))
        late[name] = by_second(series(run, "latency_p99_ns", 1e-6), max)
        peak, worst = max(value for _, value in opened[name]), max(value for _, value in late[name])
        figures = run["figures"]
        rows.append([name, f"{peak:,.0f}/s", f"{rate:,.0f}/s", milliseconds(figures.get("reopen_p99")), f"{failed:.0f}",
                     f"{figures['all_back_s']:.1f} s" if figures.get("all_back_s") else "not all", milliseconds(worst),
                     run["lost"], run["repeated"]])
        met[f"{name}: nothing lost, nothing repeated"] = not run["lost"] and not run["repeated"]
        if name == "from load":
            met[f"streams in the busiest second ≤ {PEAK_SHARE} × the accept rate"] = peak <= PEAK_SHARE * rate
            met["p99 of who is back ≤ 100 ms in each second"] = worst <= 100
    head = ["", "streams in the busiest second", "accept rate", "time to open, p99", "handshakes failed", "all back after",
            "p99 of who is back, worst second", "lost", "repeated"]
    return Scene("storm", "10,000 streams on 2,000 connections, 10 events/s; the gateway is killed (`kill -9`) and started again, with "
                 "its history on disk: once every stream holds `retry: 2000`, once what the gateway gave it.",
                 table(head, rows), [("streams that came back, per second", "s since the kill", opened),
                                     ("p99 of the streams that are back, ms", "s since the kill", late)], met)


# --- 2 ---------------------------------------------------------------------------------------------------------------


def overload(stage: Stage) -> Scene:
    limit, calm_seconds, loaded_seconds = 5_000, 20, 40
    with stage.gateway(f"limits.streams = {limit}\nretry = {{ min = '1s', max = '60s' }}\n{PUBLISHED}") as gateway:
        admitted, launched = stage.bench(gateway, "-c 500 -s 10 --rate 50", calm_seconds + loaded_seconds), time.monotonic()
        time.sleep((3 + calm_seconds) * stage.shorten)
        before, refused_before = gateway.resident_bytes(), gateway.metric("sluice_busy_total")
        outside = stage.bench(gateway, "-c 500 -s 10 --no-publish", loaded_seconds + 35, pid=False, warmup=0)
        memory, streams, began = [], [], time.monotonic()
        room_at = refused_at_room = all_in = None
        while outside.poll() is None:
            now = time.monotonic() - began
            if room_at is None and admitted.poll() is not None:
                room_at, refused_at_room = now, gateway.metric("sluice_busy_total")
            open_now = gateway.metric("sluice_streams")
            if room_at is None:
                memory.append(gateway.resident_bytes())
            elif all_in is None and open_now >= limit:
                all_in = now - room_at
            streams.append((now, open_now))
            time.sleep(0.25)
        loaded = result(admitted)
        late = result(outside)["figures"].get("return_late_p99")
        refused_after = gateway.metric("sluice_busy_total") - (refused_at_room or 0)
    # Each of those outside waits for one slot after the other until there is room.
    slot = limit * 1_000 * (room_at or 0) / max((refused_at_room or 0) - refused_before, 1)
    # Of one run and the same streams: from one run to the next p99 moves by more than the crowd outside does to it.
    came_at = began - launched - loaded["bins"]["measured_from_seconds"]
    calm = p99_within(loaded, lambda second: second < came_at - stage.shorten)
    crowded = p99_within(loaded, lambda second: second >= came_at)
    worst = by_second([(second - came_at, value) for second, value in series(loaded, "latency_p99_ns", 1e-6)], max)
    rows = [["p99 of the admitted, calm", milliseconds(calm)],
            ["p99 of the admitted, while as many again want in", f"{milliseconds(crowded)} ({crowded / calm:.1f} times); "
             f"{milliseconds(max(value for second, value in worst if second >= 0))} in the worst second"],
            ["refusals until there was room", f"{(refused_at_room or 0) - refused_before:,.0f}"],
            ["a slot, mean; how late its holder asked again, p99", f"{slot / 1_000:.1f} s; {milliseconds(late)}"],
            ["let in at the first return after there was room", f"{1 - refused_after / limit:.1%} of {limit:,}; {refused_after:,.0f} were given another slot"],
            ["all in, after there was room", f"{all_in:.1f} s" if all_in is not None else "not all"],
            ["memory grown at most", f"{(max(memory) - before) / 2**20:.1f} MiB"], ["lost", loaded["lost"]]]
    return Scene("overload", f"limits.streams = {limit:,}: {limit:,} streams are open and get 50 events/s, each to 500 of them; {limit:,} more want in, are refused and come back in "
                 f"their slots; then the first leave. Calm are the {came_at - stage.shorten:.0f} s before, of the same streams. (100 events/s "
                 "would take 70 % of this core by themselves: p99 is then the queue's.)", table(["", ""], rows),
                 [("streams open", "s since the others came", {"streams": streams}),
                  ("p99 of the admitted, ms", "s since the others came", {"p99": worst})],
                 {"p99 of the admitted ≤ 2 × calm": crowded <= 2 * calm,
                  "who was refused comes back in its slot ± 10 % of the shortest, 1 s": late is not None and late <= 0.1 * 1_000,
                  "everybody is let in at the first return after there is room": refused_after <= 0.01 * limit and all_in is not None,
                  "memory flat": max(memory) - before <= 32 * 2**20, "nothing lost": not loaded["lost"]})


# --- 3 ---------------------------------------------------------------------------------------------------------------


def drain(stage: Stage) -> Scene:
    from redis_server import RedisServer  # of tests/support

    seconds, streams = 15, 10_000
    config = f"retry = {{ min = '1s', max = '60s' }}\ndrain.duration = '{seconds}s'\n" + IN_REDIS
    engine = RedisServer().start()
    try:
        first = stage.gateway(config.replace("URL", engine.url), name="first")
        second = stage.gateway(config.replace("URL", engine.url), port=first.port, name="second")
        # It can listen once the first no longer does.
        take_over = (f"{first.drain_command}; while curl -s -o /dev/null -m 1 --cacert {first.ca} {first.url('/')}; do sleep 0.02; done; "
                     f"{second.start_command}")
        with first:
            try:
                run = stage.run(first, "-c 1000 -s 10 --rate 10", 45, "--scenario", "drain", "--restart-cmd", take_over, warmup=10)
            finally:
                second.stop()
    finally:
        engine.close()
    figures, opened = run["figures"], by_second(series(run, "opened"))
    planned, peak = streams / seconds, max(value for _, value in opened)
    rows = [["streams drained", f"{run['storm']['dropped']:,}"], ["in the busiest second", f"{peak:,.0f}/s, planned {planned:,.0f}/s"],
            ["the first gateway had gone after", f"{figures['server_exit_s']:.1f} s" if figures.get("server_exit_s") else "–"],
            ["all back after", f"{figures['all_back_s']:.1f} s" if figures.get("all_back_s") else "not all"],
            ["p99 of the streams that are open", milliseconds(figures["p99"])], ["lost", run["lost"]], ["repeated", run["repeated"]]]
    return Scene("drain", f"10,000 streams on 1,000 connections, 10 events/s through Redis; SIGTERM with `drain.duration = \"{seconds}s\"`, "
                 "and another gateway takes the port.", table(["", ""], rows),
                 [("streams that came to the other gateway, per second", "s since SIGTERM", {"streams": opened})],
                 {"nothing lost, nothing repeated": not run["lost"] and not run["repeated"],
                  f"busiest second ≤ {PEAK_SHARE} × planned": peak <= PEAK_SHARE * planned,
                  "gone within drain.duration and 3 s": 0 < figures.get("server_exit_s", 0) <= seconds + 3})


# --- 4 ---------------------------------------------------------------------------------------------------------------


def slow_readers(stage: Stage) -> Scene:
    pairs, seconds = 5, 60
    rows, ratios, growths, lost = [], [], [], 0
    for pair in range(pairs):
        found = {}
        for name, share in (("without", 0.0), ("with", 0.1)):
            with stage.gateway(PUBLISHED) as gateway:
                slow = ["--scenario", "slow-reader", "--slow-share", "0.1", "--slow-rate", "0"] if share else []
                found[name] = stage.run(gateway, "-c 100 -s 10 --rate 400 --payload 1000", seconds, *slow)
        with_slow, without = found["with"]["figures"]["others_p99"], found["without"]["figures"]["p99"]
        grown = [(server["rss_peak_bytes"] - server["rss_before_bytes"]) / 2**20 for run in found.values() for server in run["servers"]]
        ratios.append(with_slow / without)
        growths.append(grown[1] - grown[0])
        lost += found["with"]["lost"]
        rows.append([pair + 1, milliseconds(without), milliseconds(with_slow), f"{ratios[-1]:.2f}", f"{grown[0]:.1f} MiB", f"{grown[1]:.1f} MiB"])
    median, growth = statistics.median(ratios), statistics.median(growths)
    rows.append(["median", "", "", f"{median:.2f}", "", f"{growth:+.1f} MiB"])
    return Scene("slow-readers", f"1,000 streams on 100 connections, 400 events/s of 1 KB; a tenth of the streams is never read. {pairs} pairs "
                 f"of {seconds} s, with and without them.",
                 table(["pair", "p99 without", "p99 of the others with", "ratio", "memory without", "memory with"], rows),
                 [("p99, ms", "pair", {"without slow readers": [(row[0], float(row[1].split()[0].replace(",", ""))) for row in rows[:-1]],
                                       "with": [(row[0], float(row[2].split()[0].replace(",", ""))) for row in rows[:-1]]})],
                 {"p99 of the others ≤ 1.3 × without (median)": median <= 1.3, "memory ≤ 32 MiB more": growth <= 32, "nothing lost": not lost})


# --- 5 ---------------------------------------------------------------------------------------------------------------


def conflation(stage: Stage) -> Scene:
    keys, rate, bytes_per_second, seconds = 1_000, 5_000, 10_000, 60 * stage.shorten
    config = PUBLISHED + 'slow = "conflate"\n'
    with stage.gateway(config) as gateway:
        seen = watch_slow_dashboard(gateway, keys, rate, bytes_per_second, seconds)
    rows = [["published", f"{seen.published:,} events of {keys:,} keys"], ["rounds received", f"{seen.rounds}"],
            ["events received", f"{seen.received:,}"], ["values that were more than a round old", f"{seen.older_than_a_round}"],
            ["values that went back", f"{seen.went_back}"],
            ["bytes that would have been sent", f"{seen.bytes_published / 1e6:.1f} MB"],
            ["bytes sent", f"{seen.bytes_received / 1e6:.2f} MB ({100 * (1 - seen.bytes_received / seen.bytes_published):.1f} % saved)"],
            ["a value's age, p50 and at most", f"{seen.age_p50:.1f} s, {seen.age_max:.1f} s"]]
    return Scene("conflation", f"A dashboard that reads {bytes_per_second / 1000:.0f} KB/s of a topic with {keys:,} keys and {rate:,} events/s, on a route "
                 'with `slow = "conflate"`.', table(["", ""], rows),
                 [("age of the values as they arrive, s", "s", {"age": seen.ages})],
                 {"no value more than a round behind": seen.older_than_a_round == 0 and seen.rounds > 1, "no value goes back": seen.went_back == 0})


SCENES = {"storm": storm, "overload": overload, "drain": drain, "slow-readers": slow_readers, "conflation": conflation}
