"""The scripted server of event streams: good when it should be, wrong exactly as its script says, and it forgets nothing."""

import contextlib
import socket
import threading
import time
import unittest

import httpx
import sse_behaviours as behave
from event_stream import Parser
from misbehaving_sse import MisbehavingSse

VARIANTS = [{}, {"tls": True}, {"h2": True}]


class ScriptedCase(unittest.TestCase):
    def start(self, **variant) -> MisbehavingSse:
        server = MisbehavingSse(**variant)
        self.addCleanup(server.close)
        self.client = self.client_of(server, variant)
        return server

    def client_of(self, server, variant) -> httpx.Client:
        client = httpx.Client(http2="h2" in variant, verify=server.ca if variant else True, timeout=15, trust_env=False)
        self.addCleanup(client.close)
        return client

    @contextlib.contextmanager
    def subscribed(self, server, last_event_id=None):
        """The events of a stream, one by one."""
        headers = {"last-event-id": last_event_id} if last_event_id else {}
        with self.client.stream("GET", server.url(), headers=headers) as response:
            self.assertEqual(response.headers["content-type"], "text/event-stream")
            parser = Parser()
            yield (event for chunk in response.iter_raw() for event in parser.feed(chunk))

    def raw(self, server) -> bytes:
        """All bytes of an answer over plain HTTP/1.1, to the end of the connection."""
        with socket.create_connection(("127.0.0.1", server.port), 15) as peer:
            peer.sendall(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n")
            answer = b""
            while chunk := peer.recv(65536):
                answer += chunk
            return answer


class EveryWire(ScriptedCase):
    def test_scripted_streams_resume_after_the_last_event_id_and_go_on_live(self):
        for variant in VARIANTS:
            with self.subTest(variant):
                server = self.start(**variant)
                for text in ("a", "b", "two\nlines"):
                    server.publish(text, type="named")
                with self.subscribed(server, last_event_id="1") as events:
                    self.assertEqual([(event.id, event.type, event.data) for event in (next(events), next(events))],
                                     [("2", "named", "b"), ("3", "named", "two\nlines")])
                    server.publish("live", id="own")
                    self.assertEqual((next(events).id, server.events[-1].id), ("own", "own"))
                    server.end()
                    self.assertEqual(list(events), [])
                with self.subscribed(server) as events:
                    self.assertEqual(next(events).data, "a")
                first, second = server.wait_requests(2)
                self.assertEqual((first.last_event_id, second.last_event_id, first.path, first.version),
                                 ("1", None, "/events", "2" if "h2" in variant else "1.1"))

    def test_scripted_answers_come_in_order_then_good_ones(self):
        for variant in VARIANTS:
            with self.subTest(variant):
                server = self.start(**variant)
                server.publish("a")
                server.answer_with(behave.unavailable, behave.no_content, behave.wrong_type,
                                   behave.redirect(server.url("/elsewhere", host="127.0.0.1")), behave.retry_zero)
                answers = [self.client.get(server.url()) for _ in range(5)]
                self.assertEqual([answer.status_code for answer in answers], [503, 204, 200, 307, 200])
                self.assertEqual(answers[0].headers["retry-after"], "1")
                self.assertEqual(answers[2].headers["content-type"], "text/html")
                self.assertEqual(answers[3].headers["location"], server.url("/elsewhere", host="127.0.0.1"))
                self.assertEqual(answers[4].content, b"retry: 0\n\n")
                with self.subscribed(server) as events:
                    self.assertEqual(next(events).data, "a")
                self.assertEqual(len(server.intervals()), 5)

    def test_scripted_streams_break_inside_an_event(self):
        for variant in VARIANTS:
            with self.subTest(variant):
                server = self.start(**variant)
                server.publish("whole")
                server.answer_with(behave.cut_inside_event)
                with self.subscribed(server) as events:
                    self.assertEqual(next(events).data, "whole")
                    with self.assertRaises(httpx.TransportError):
                        next(events)
                server.answer_with(behave.closed)
                with self.assertRaises(httpx.TransportError):
                    self.client.get(server.url())

    def test_scripted_streams_are_slow_silent_or_without_an_end(self):
        for variant in VARIANTS:
            with self.subTest(variant):
                server = self.start(**variant)
                server.publish("abc")
                server.answer_with(behave.slow_bytes(0.01), behave.hang, behave.endless_line, behave.endless_event,
                                   behave.bytes_of_a_stream(b"data: x\0\xff\r\rdata: y\n\n"), behave.huge_head(20_000))
                began = time.monotonic()
                with self.subscribed(server) as events:
                    next(events)
                self.assertGreater(time.monotonic() - began, 0.01 * len("id: 1\ndata: abc\n"))
                with self.assertRaises(httpx.ReadTimeout):
                    self.client.get(server.url(), timeout=0.3)
                for _ in range(2):  # each over a connection of its own: httpx leaves its window to an abandoned stream
                    with self.client_of(server, variant) as client, client.stream("GET", server.url()) as response:
                        size = 0
                        for chunk in response.iter_raw():
                            self.assertNotIn(b"\n\n", chunk)
                            size += len(chunk)
                            if size > 1 << 20:
                                break
                with self.client.stream("GET", server.url()) as response:
                    self.assertEqual(next(response.iter_raw()), b"data: x\0\xff\r\rdata: y\n\n")
                answer = self.client.get(server.url())
                self.assertGreater(sum(len(name) + len(value) for name, value in answer.headers.raw), 20_000)

    def test_scripted_ports_close_and_open_again(self):
        for variant in VARIANTS:
            with self.subTest(variant):
                server = self.start(**variant)
                server.publish("a")
                with self.subscribed(server) as events:
                    next(events)
                    server.refuse()
                    with self.assertRaises(httpx.TransportError):
                        next(events)
                with self.assertRaises(httpx.ConnectError):
                    self.client.get(server.url())
                server.listen()
                with self.subscribed(server, last_event_id="1") as events:
                    server.publish("b")
                    self.assertEqual(next(events).data, "b")
                    self.assertEqual(server.cut(), 1)
                    with self.assertRaises(httpx.TransportError):
                        next(events)


class Http1Wire(ScriptedCase):
    def test_scripted_chunks_are_cut(self):
        server = self.start()
        server.answer_with(behave.cut_chunk)
        self.assertTrue(self.raw(server).endswith(b"\r\n\r\n400\r\nid: cut\ndata: half a chunk\n\n"))

    def test_scripted_heads_carry_two_lengths_or_are_no_heads(self):
        server = self.start()
        server.answer_with(behave.length_and_chunked, behave.garbage)
        answer = self.raw(server)
        self.assertIn(b"\r\ncontent-length: 26\r\ntransfer-encoding: chunked\r\n\r\n", answer)
        body = answer.partition(b"\r\n\r\n")[2]
        size, _, rest = body.partition(b"\r\n")
        self.assertEqual((int(size, 16), rest), (26, b"id: two\ndata: two lengths\n\n\r\n0\r\n\r\n"))
        self.assertEqual(self.raw(server), b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n")


class Hammering(ScriptedCase):
    def test_scripted_servers_see_who_comes_back_too_soon(self):
        server = self.start()
        server.otherwise = behave.unavailable
        with self.assertRaisesRegex(AssertionError, "0 requests instead of 1"):
            server.wait_requests(1, timeout=0.1)
        hammer = threading.Thread(target=lambda: [self.client.get(server.url()) for _ in range(20)])
        hammer.start()
        self.assertEqual(len(server.wait_requests(20)), 20)
        hammer.join()
        self.assertLess(max(server.intervals()), 1)
