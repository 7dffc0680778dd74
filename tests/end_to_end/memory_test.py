"""limits.memory: at 95 % of it who keeps most for a peer that does not read is ended, and who reads goes on."""

import pathlib
import tempfile

import case
import raw_h2

ROOM = 64 << 20  # bytes above what an idle gateway takes
LARGE = 1_000_000
STALLED = 2


class Memory(case.Case):
    def idle_memory(self) -> int:
        gateway = self.start()
        self.fetch("/topics/a", gateway=gateway, body="x")
        return gateway.memory()

    def ended(self) -> float:
        return case.metrics(self.gateway)['sluice_limit_hits_total{limit="memory"}']

    def stall(self) -> raw_h2.Peer:
        """A peer with all the window that there is, whose socket takes no more after a while."""
        peer = raw_h2.Peer(self.gateway, receive_buffer=4_096)
        self.addCleanup(peer.close)
        peer.wait_body(peer.get("/topics/large"), b"sluice.open")
        return peer

    def test_a_file_that_nobody_reads_stands_in_memory_once_and_is_ended_by_the_stall_timeout(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-files-")))
        (folder / "large.bin").write_bytes(bytes(8 << 20))
        self.gateway = self.start(f'[[route]]\npath = "/**"\nfiles = "{folder}"\n', {"limits.stall_timeout": "2s"})
        peer = raw_h2.Peer(self.gateway, settings={raw_h2.INITIAL_WINDOW_SIZE: 0})
        self.addCleanup(peer.close)
        self.assertTrue(peer.answered())
        before = self.gateway.memory()
        streams = [peer.get("/large.bin") for _ in range(12)]
        for stream in streams:
            self.assertEqual(peer.status(stream), 200)
        self.assertLess(self.gateway.memory() - before, 32 << 20)
        with self.counts("stall_timeout", least=12):
            for stream in streams:
                self.assertEqual(peer.wait_reset(stream), raw_h2.CANCEL)

    def test_who_does_not_read_is_ended_when_memory_is_nearly_full_and_who_reads_goes_on(self):
        self.gateway = self.start(settings={"limits.memory": self.idle_memory() + ROOM, "workers": 1})
        reader = self.subscribe("/topics/small")
        reader.opened()
        stalled = [self.stall() for _ in range(STALLED)]
        for number in range(8):
            self.publish("/topics/large", f"{number} ".ljust(LARGE, "x"))
        for number in range(120):
            self.publish(f"/topics/fill-{number // 14}", "x" * LARGE)
            if self.ended() == STALLED:
                break
        self.gateway.wait_for_line("memory nearly full")
        for peer in stalled:
            peer.wait_closed()
        refused = self.subscribe("/topics/small", headers={"accept": "text/event-stream"})
        self.assertEqual(refused.next().data, '{"reason":"limits.memory"}')
        self.publish("/topics/small", "still here")
        self.assertEqual(reader.next().data, "still here")
        self.assertEqual(self.ended(), STALLED)
        self.assertEqual(case.metrics(self.gateway)['sluice_streams_ended_total{reason="slow"}'], STALLED)
