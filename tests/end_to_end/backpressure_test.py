"""A gateway that is behind: its sources hold their engines, its publishers are told to come back, its memory stays within
its budget, and then everything goes on. (That each source holds its engine is a row of contract_test.py.)"""

import json
import os
import pathlib
import tempfile
import time

import case
import raw_h2
from case import metric
from stalled_thread import stalled_thread

LINE = 64 * 1024 - 200  # bytes of an event
LINES = 5_000  # 310 MiB
MEMORY_MAX = 128 << 20  # bytes more than before
# What a sanitizer keeps of freed memory, 256 MiB, would be all that is seen.
VARIABLES = {"ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:quarantine_size_mb=16"}
HELD_MAX = 64 << 20  # bytes of events that a held gateway may have taken
SETTINGS = {"workers": 2, "limits.mailbox": "1MiB", "limits.event_size": "64KiB"}

PROGRAM = """
[source.flood]
url = "exec:"
command = {command}
format = "lines"
history = {{ entries = 1_000, bytes = "4MiB", bytes_total = "4MiB" }}
[[route]]
path = "/flood"
source = "flood"
"""
PUBLISHED = f"""
access = {{ publish_secret = "{case.SECRET}" }}
[source.notes]
url = "publish:"
[[route]]
path = "/notes"
source = "notes"
"""


class Backpressure(case.Case):
    def wait_metric(self, name: str, holds, seconds=60):
        deadline = time.monotonic() + seconds
        while not holds(now := metric(self.gateway, name)):
            self.assertLess(time.monotonic(), deadline, f"{name} stays {now}\n{self.gateway.tail()}")
            time.sleep(0.05)  # it is scraped, there is no event to await
            self.most_memory = max(self.most_memory, self.gateway.memory())

    def setUp(self):
        self.most_memory = 0

    def test_an_engine_that_is_faster_than_the_gateway_is_held_and_costs_no_memory(self):
        go = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-program-"))) / "go"
        os.mkfifo(go)
        script = f'read go < {go}; yes "$(head -c {LINE} /dev/zero | tr "\\0" y)" | head -n {LINES}; exec sleep 1000'
        self.gateway = self.start(PROGRAM.format(command=json.dumps(["sh", "-c", script])), SETTINGS, variables=VARIABLES)
        stalled = raw_h2.Peer(self.gateway, settings={raw_h2.INITIAL_WINDOW_SIZE: 65_535}, receive_buffer=4_096)
        self.addCleanup(stalled.close)
        stalled.wait_body(stalled.get("/flood"), b"sluice.open")  # and reads no more
        before = self.gateway.memory()
        with stalled_thread(self.gateway, "worker 1"):
            go.write_text("go\n", encoding="utf-8")
            self.wait_metric("sluice_source_pauses_total", lambda now: now >= 1)
            held = metric(self.gateway, "sluice_source_events_total") * LINE
        self.assertLess(held, HELD_MAX, "it goes on reading while it is behind")
        self.wait_metric("sluice_source_events_total", lambda now: now == LINES, 300)
        self.assertLess(self.most_memory - before, MEMORY_MAX)
        print(f"{LINES * LINE >> 20} MiB through {(self.most_memory - before) >> 20} MiB of memory, "
              f"{metric(self.gateway, 'sluice_source_pauses_total'):.0f} pauses", flush=True)
        with self.subscribe("/flood", last_event_id="earliest") as reader:
            reader.opened()
            self.assertEqual(len(reader.next().data), LINE)

    def test_a_publisher_is_told_to_come_back_while_a_worker_is_behind(self):
        self.gateway = self.start(PUBLISHED, SETTINGS)
        reader = self.subscribe("/notes")
        reader.opened()
        peers = [raw_h2.Peer(self.gateway) for _ in range(4)]
        for peer in peers:
            self.addCleanup(peer.close)
            peer.answered()
        accepted = 0
        with stalled_thread(self.gateway, "worker 1"):
            peer = next(peer for peer in peers if self.is_served(peer))
            while (status := self.post(peer, accepted)) == 200:
                accepted += 1
                self.assertLess(accepted, 100, "it takes whatever comes")
            self.assertEqual(status, 503)
        self.wait_metric("sluice_mailbox_bytes", lambda now: now == 0)
        self.assertEqual(self.post(peer, accepted), 200)
        self.assertEqual([event.data.split()[0] for event in reader.take(accepted + 1)],
                         [str(number) for number in range(accepted + 1)])

    def is_served(self, peer) -> bool:
        """Whether its connection is not the stalled worker's."""
        try:
            opaque = b"served??"
            peer.frame(raw_h2.PING, 0, 0, opaque)
            peer.wait(lambda frame: frame.type == raw_h2.PING and frame.payload == opaque, timeout=2)
            return True
        except AssertionError:
            return False

    def post(self, peer, number: int) -> int:
        body = f"{number} ".ljust(60_000, "x").encode()
        stream = peer.request("POST", "/notes", [("authorization", case.BEARER["authorization"])], end=False)
        for at in range(0, len(body), 16_384):
            piece = body[at:at + 16_384]
            peer.frame(raw_h2.DATA, raw_h2.END_STREAM if at + len(piece) == len(body) else 0, stream, piece)
        return peer.status(stream)
