"""Deadlines: each is crossed by a peer that is slow in that phase alone, drip by drip, so that an idle timer would not do."""

import contextlib
import socket
import struct
import time

import case
import raw_h2
from raw_h2 import CONTINUATION, DATA, END_HEADERS, HEADERS, PING


class Deadlines(case.Case):
    def limited(self, **limits):
        self.gateway = self.start(settings={f"limits.{key}": value for key, value in limits.items()})

    def peer(self, **options) -> raw_h2.Peer:
        peer = raw_h2.Peer(self.gateway, **options)
        self.addCleanup(peer.close)
        return peer

    @contextlib.contextmanager
    def within(self, least: float, most: float):
        started = time.monotonic()
        yield
        self.assertGreaterEqual(time.monotonic() - started, least)
        self.assertLess(time.monotonic() - started, most)

    @staticmethod
    def drip(send, pieces, seconds=0.1):
        """Sends a piece at a time until the gateway has had enough."""
        for piece in pieces:
            try:
                if send(piece) is False:
                    return
            except OSError:
                return
            time.sleep(seconds)  # slowness is what is tested
        raise AssertionError("it was never cut off")

    def test_a_tls_handshake_has_a_deadline(self):
        self.limited(tls_handshake_timeout="600ms")
        with self.counts("handshake_timeout", least=2):
            with socket.create_connection(("127.0.0.1", self.gateway.port)) as silent, self.within(0.4, 5):
                silent.settimeout(10)
                self.assertEqual(silent.recv(100), b"")
            with socket.create_connection(("127.0.0.1", self.gateway.port)) as slow, self.within(0.4, 5):
                hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
                self.drip(slow.sendall, [hello[at:at + 1] for at in range(200)])

    def test_the_preface_has_a_deadline(self):
        self.limited(preface_timeout="600ms")
        with self.counts("preface_timeout", least=2):
            with self.within(0.4, 5):
                self.peer(hello=False).wait_closed()
            slow = self.peer(hello=False)
            with self.within(0.2, 5):
                self.drip(slow.send, [bytes([byte]) for byte in raw_h2.PREFACE * 4])

    def test_settings_must_be_acknowledged(self):
        self.limited(settings_ack_timeout="500ms")
        with self.counts("settings_timeout"):
            rude = self.peer(hello=False)
            rude.hello({})
            self.assertEqual(rude.wait_closed(), raw_h2.SETTINGS_TIMEOUT)

    def test_a_header_block_has_a_deadline(self):
        self.limited(header_timeout="500ms")
        with self.counts("header_timeout"):
            peer = self.peer()
            block = peer.block("GET", "/demo/clock")
            peer.frame(HEADERS, 0, 1, block)
            with self.within(0.2, 5):
                self.drip(lambda piece: peer.frame(CONTINUATION, 0, 1, piece), [b""] * 7, 0.5)  # more would be a flood of them

    def post(self, peer) -> int:
        return peer.request("POST", "/topics/slow", end=False)

    def refused(self, peer, stream):
        answer = peer.wait(lambda frame: frame.stream == stream and frame.type in (HEADERS, raw_h2.RST_STREAM), "a refusal")
        if answer.type == HEADERS:
            self.assertEqual(peer.status(stream), 408)
        self.assertTrue(peer.answered(), "only the request is refused")

    def test_a_body_may_not_pause_for_long(self):
        self.limited(body_idle_timeout="500ms")
        with self.counts("body_timeout"), self.within(0.3, 5):
            peer = self.peer()
            stream = self.post(peer)
            peer.frame(DATA, 0, stream, b"first")
            self.refused(peer, stream)

    def test_a_body_has_a_deadline_that_drips_cannot_move(self):
        self.limited(body_timeout="800ms")
        with self.counts("body_timeout"), self.within(0.5, 6):
            peer = self.peer()
            stream = self.post(peer)
            for _ in range(15):
                peer.frame(DATA, 0, stream, b"x")
                time.sleep(0.1)  # slowness is what is tested
            self.refused(peer, stream)

    def test_a_connection_without_streams_is_closed_and_one_with_a_stream_is_kept(self):
        self.limited(idle_timeout="600ms")
        reader = self.subscribe("/topics/quiet")
        reader.opened()
        with self.counts("idle_timeout"), self.within(0.3, 5):
            self.assertEqual(self.peer().wait_closed(), raw_h2.NO_ERROR)
        self.publish("/topics/quiet", "kept")
        self.assertEqual(reader.next().data, "kept")

    def test_a_peer_that_answers_no_ping_is_gone(self):
        self.limited(ping_interval="300ms", ping_timeout="400ms")
        reader = self.subscribe("/topics/alive")
        reader.opened()
        with self.counts("ping_timeout"), self.within(0.4, 8):
            peer = self.peer()
            peer.get("/topics/quiet")
            peer.wait(lambda frame: frame.type == PING and not frame.flags & raw_h2.ACK, "a PING")
            peer.wait_closed()
        self.publish("/topics/alive", "curl answers")
        self.assertEqual(reader.next().data, "curl answers")

    def test_a_stream_that_accepts_nothing_ends_and_a_slow_one_goes_on(self):
        self.limited(stall_timeout="1s", idle_timeout="60s")
        peer = self.peer(settings={raw_h2.INITIAL_WINDOW_SIZE: 1000})
        stalled, slow = peer.get("/topics/backlog"), peer.get("/topics/backlog")
        for stream in (stalled, slow):
            peer.wait_body(stream, b"sluice.open")
        with self.counts("stall_timeout"):
            self.publish("/topics/backlog", "x" * 100_000)
            started = time.monotonic()
            while time.monotonic() < started + 12:  # streams are visited every 5 s
                peer.give_window(slow, 100)
                time.sleep(0.2)  # slowness is what is tested
            self.assertTrue(peer.answered())
        ended = [frame.stream for frame in peer.frames if frame.type == raw_h2.RST_STREAM
                 or frame.type == DATA and frame.flags & raw_h2.END_STREAM]
        self.assertEqual(ended, [stalled])
