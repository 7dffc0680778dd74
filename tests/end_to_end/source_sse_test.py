"""An SSE backend as a source: another sluice over HTTP/2, and a scripted server over HTTP/1.1 and HTTP/2 that does what
backends do wrong."""

import json
import signal
import time

import case
import raw_h2
import sse_behaviours as behave
from case import metric
from gateway import Gateway, run_verb
from misbehaving_sse import MisbehavingSse
from source_case import RECOVERED_SECONDS, SSE_BACKEND, SourceCase


def source(url, *keys, ca="", routes=("/s",)):
    tls = f'tls.ca = "{ca}"' if ca else ""
    return "\n".join(['[source.s]', f'url = "{url}"', tls, *keys,
                      *(f'[[route]]\npath = "{route}"\nsource = "s"' for route in routes)])


class SseCase(SourceCase):
    path = "/s"


class AnotherSluice(SseCase):
    """The backend is a sluice with its history on disk."""

    def setUp(self):
        self.backend = Gateway(SSE_BACKEND)
        self.addCleanup(self.backend.close)
        self.backend.start()

    def send(self, *data: str, region="eu") -> list[str]:
        return [self.ids(self.publish(f"/feeds/{region}", each, gateway=self.backend))[0] for each in data]

    def start_gateway(self, *keys, path="/feeds/{region}", routes=("/s/{region}",)):
        url = f"https://localhost:{self.backend.port}{path}"
        return self.start(source(url, *keys, ca=self.backend.ca, routes=routes))

    def backend_streams(self) -> float:
        return metric(self.backend, "sluice_streams")

    def test_events_come_once_in_order_with_the_backend_s_own_ids_and_names(self):
        gateway = self.start_gateway()
        reader = self.follow(gateway, "/s/eu")
        ids = self.send(*map(str, range(20)))
        self.publish("/feeds/eu?event=moved", "named\nlines", gateway=self.backend)
        events = self.assert_next(reader, *map(str, range(20)), "named\nlines")
        self.assertEqual([event.id for event in events[:20]], ids)
        self.assertEqual((events[0].type, events[20].type), ("message", "moved"))
        self.assertNotIn(b"sluice.open", reader.raw.split(b"sluice.open", 1)[1])
        self.assertEqual(metric(gateway, "sluice_source_events_total"), 21)

    def test_a_hundred_subscribers_share_one_stream_and_topics_have_one_each(self):
        gateway = self.start_gateway()
        readers = [self.follow(gateway, "/s/eu") for _ in range(100)]
        self.assertEqual(self.backend_streams(), 1)
        other = self.follow(gateway, "/s/us")
        self.assertEqual(self.backend_streams(), 2)
        self.send("to all")
        self.send("to one", region="us")
        for reader in readers:
            self.assert_next(reader, "to all")
        self.assert_next(other, "to one")
        self.assertEqual(self.backend_streams(), 2)

    def test_a_topic_that_nobody_reads_is_closed_after_the_linger_and_its_ids_stay_valid(self):
        gateway = self.start_gateway('linger = "2s"')
        reader = self.follow(gateway, "/s/eu")
        ids = self.send("0", "1")
        self.assert_next(reader, "0", "1")
        reader.close()
        deadline = time.monotonic() + RECOVERED_SECONDS
        while self.backend_streams() != 0:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)  # nothing tells
        self.send("2")
        self.assert_next(self.follow(gateway, "/s/eu", last_event_id=ids[0]), "1", "2")

    def test_a_client_resumes_on_another_gateway_from_every_position(self):
        first = self.start_gateway()
        reader = self.follow(first, "/s/eu")
        self.send(*map(str, range(6)))
        ids = [reader.open_event.id, *(event.id for event in self.assert_next(reader, *map(str, range(6))))]
        second = self.start_gateway()
        for gateway in (second, first):
            for had, position in enumerate(ids):
                resumed = self.follow(gateway, "/s/eu", last_event_id=position)
                self.assertEqual(resumed.open_event.id, position)
                self.assertTrue(json.loads(resumed.open_event.data)["resumed"])
                self.assert_next(resumed, *map(str, range(had, 6)))
                resumed.close()
        live = self.follow(second, "/s/eu", last_event_id=ids[2])
        self.assert_next(live, *map(str, range(2, 6)))
        self.send("live")
        self.assert_next(live, "live")

    def test_a_client_that_comes_back_after_kill_minus_nine_of_the_gateway_misses_nothing(self):
        gateway = self.start_gateway("history.entries = 4")
        reader = self.follow(gateway, "/s/eu")
        self.send(*map(str, range(10)))
        last = self.assert_next(reader, *map(str, range(10)))[-1].id
        gateway.kill()
        self.send(*map(str, range(10, 30)))
        gateway.restart()
        fresh = self.follow(gateway, "/s/eu")  # its topic begins now
        back = self.follow(gateway, "/s/eu", last_event_id=last)
        self.assert_next(back, *map(str, range(10, 30)))
        self.send("live")
        self.assert_next(back, "live")
        self.assert_next(fresh, "live")

    def test_the_past_is_read_in_pages_and_joined_to_the_ring(self):
        gateway = self.start_gateway("history.entries = 50")
        first = self.send("first")[0]
        body = "".join(f"data: {number}\n\n" for number in range(3000))
        self.publish("/feeds/eu", body, gateway=self.backend, headers={"content-type": "text/event-stream"})
        reader = self.follow(gateway, "/s/eu", last_event_id=first)
        self.send("live")
        self.assert_next(reader, *map(str, range(3000)), "live")

    def test_nothing_is_lost_or_repeated_through_kill_minus_nine_of_the_backend(self):
        gateway = self.start_gateway()
        reader = self.follow(gateway, "/s/eu")
        for turn in range(3):
            self.send(*(f"{turn}.{number}" for number in range(10)))
            self.backend.kill()
            self.backend.start()
        self.send("end")
        self.assert_next(reader, *(f"{turn}.{number}" for turn in range(3) for number in range(10)), "end")

    def test_a_hung_backend_is_noticed_and_then_goes_on(self):
        gateway = self.start_gateway(path="/feeds/eu", routes=("/s",))
        reader = self.follow(gateway)
        self.send("before")
        self.assert_next(reader, "before")
        self.backend.signal(signal.SIGSTOP)
        try:
            gateway.wait_for_line("source down.*PING", 60)
        finally:
            self.backend.signal(signal.SIGCONT)
        gateway.wait_for_line("source up", RECOVERED_SECONDS)
        self.send("after")
        self.assert_next(reader, "after")

    def test_a_subscriber_of_a_backend_that_is_down_holds_its_stream_and_is_served_when_it_is_back(self):
        self.backend.kill()
        gateway = self.start_gateway(path="/feeds/eu", routes=("/s",))
        subscriber = self.subscribe("/s", gateway=gateway)
        self.assertEqual(subscriber.status, 200)
        gateway.wait_for_line("source down.*is it running")
        self.assertIn("source s: down", self.fetch("/readyz", gateway=gateway, admin=True).text)
        self.backend.start()
        subscriber.opened(RECOVERED_SECONDS)
        self.send("there")
        self.assert_next(subscriber, "there")
        self.assertIn("source s: up", self.fetch("/readyz", gateway=gateway, admin=True).text)

    def test_what_the_backend_has_lost_is_announced_here_too(self):
        memory = SSE_BACKEND.replace('store = "disk", path = "feeds.db"', "entries = 3")
        backend = self.start(memory)
        gateway = self.start(source(f"https://localhost:{backend.port}/feeds/eu", ca=backend.ca))
        reader = self.follow(gateway)
        ids = [self.ids(self.publish("/feeds/eu", str(number), gateway=backend))[0] for number in range(6)]
        self.assert_next(reader, *map(str, range(6)))
        another = self.start(source(f"https://localhost:{backend.port}/feeds/eu", ca=backend.ca))
        resumed = self.follow(another, last_event_id=ids[0])
        self.assert_gap(resumed, "trimmed")
        self.assert_next(resumed, "3", "4", "5")
        backend.kill()
        backend.start()  # with nothing of before
        self.assert_gap(reader, "unknown_epoch")
        self.publish("/feeds/eu", "new", gateway=backend)
        self.assert_next(reader, "new")

    def test_a_topic_that_the_backend_does_not_have_is_unknown_here(self):
        gateway = self.start_gateway(path="/nothing/{region}")
        answer = self.subscribe("/s/eu", gateway=gateway).rest()
        self.assertEqual([(event.type, event.data) for event in answer], [("sluice.error", '{"error":"unknown_topic"}')])
        self.assertEqual(self.fetch("/s/a:b", gateway=gateway).status, 404)
        self.assertIn("source s: up", self.fetch("/readyz", gateway=gateway, admin=True).text)

    def test_check_connect_says_whether_the_backend_is_reached_and_trusted(self):
        for config, status, said in ((source(self.backend.url("/feeds/eu"), ca=self.backend.ca), 0, "source s: up"),
                                     (source(self.backend.url("/feeds/eu")), 1, "tls.ca"),
                                     (source(self.backend.url("/nothing"), ca=self.backend.ca), 1, "404")):
            with self.subTest(said):
                path = self.backend.home / "checked.toml"
                path.write_text(config, encoding="utf-8")
                done = run_verb("check", "--connect", "-c", path)
                self.assertEqual(done.returncode, status, done.stdout + done.stderr)
                self.assertIn(said, done.stdout + done.stderr)

    def test_posting_to_a_backend_s_topic_is_not_allowed(self):
        gateway = self.start_gateway(path="/feeds/eu", routes=("/s",))
        self.assertEqual(self.fetch("/s", gateway=gateway, body="x", headers=case.BEARER).status, 405)


class ScriptedBackend(SseCase):
    """Over HTTP/1.1, plain and TLS, and over HTTP/2."""

    def start_backend(self, **variant) -> MisbehavingSse:
        server = MisbehavingSse(**variant)
        self.addCleanup(server.close)
        return server

    def start_gateway(self, server, *keys, path="/events", routes=("/s",)):
        tls = server.url().startswith("https")
        return self.start(source(server.url(path), *keys, ca=server.ca if tls else "", routes=routes))

    def test_every_wire_serves_and_resumes_by_the_backend_s_id(self):
        for variant in ({}, {"tls": True}, {"h2": True}):
            with self.subTest(variant):
                server = self.start_backend(**variant)
                gateway = self.start_gateway(server)
                reader = self.follow(gateway)
                server.publish("a", id="x y")
                server.publish("b", id='"odd" <id>;=%')
                events = self.assert_next(reader, "a", "b")
                server.cut()
                server.publish("c")
                self.assert_next(reader, "c")
                self.assertEqual([request.last_event_id for request in server.requests], [None, '"odd" <id>;=%'])
                self.assertEqual({request.version for request in server.requests}, {"2" if "h2" in variant else "1.1"})
                self.assert_next(self.follow(gateway, last_event_id=events[0].id), "b", "c")
                another = self.start_gateway(server, "history.entries = 1")  # the server begins at its first event
                self.assert_next(self.follow(another, last_event_id=events[0].id), "b", "c")
                self.assertIn("x y", [request.last_event_id for request in server.requests])

    def test_what_backends_do_wrong_is_not_relayed_not_hammered_and_survived(self):
        wrong = {
            "503": behave.unavailable, "500": behave.status(500), "204": behave.no_content, "404": behave.status(404),
            "type": behave.wrong_type, "away": behave.redirect("https://example.com/elsewhere"),
            "circle": behave.redirect("/events"), "retry 0": behave.retry_zero, "closed": behave.closed,
            "huge head": behave.huge_head(), "cut chunk": behave.cut_chunk, "smuggled": behave.length_and_chunked,
            "garbage": behave.garbage, "half": behave.cut_inside_event,
        }
        for name, behaviour in wrong.items():
            with self.subTest(name):
                server = self.start_backend()
                server.answer_with(behave.bytes_of_a_stream(b"id: 1\ndata: before\n\n", then="end"),
                                   *[behaviour] * (6 if name == "circle" else 1))
                gateway = self.start_gateway(server)
                reader = self.follow(gateway)
                server.wait_requests(8 if name == "circle" else 3, RECOVERED_SECONDS)
                server.publish("before", id="1")
                server.publish("after", id="2")
                while (event := reader.next(RECOVERED_SECONDS)).data in ("before", "half a chunk"):
                    pass  # the event in the chunk that was cut is whole
                self.assertEqual((event.id, event.data), ("2", "after"))
                if name != "circle":
                    self.assertGreaterEqual(min(server.intervals()), 0.4)
                for bad in (b"half an ev", b"two lengths", b"huge head", b"not an event", b"retry: 0"):
                    self.assertNotIn(bad, reader.raw)
                reader.close()

    def test_events_and_lines_that_are_too_large_are_passed_over(self):
        server = self.start_backend()
        server.answer_with(behave.bytes_of_a_stream(
            b"id: 1\ndata: a\n\nid: 2\ndata: " + b"x" * 3_000_000 + b"\n\nid: 3\n" + b"data: y\n" * 50_000
            + b"\n:" + b"c" * 200_000 + b"\n\nid: 4\ndata: b\n\n"))
        gateway = self.start(source(server.url()), {"limits.event_size": "64KiB", "limits.body_size": "64KiB"})
        self.assertEqual([event.id for event in self.assert_next(self.follow(gateway, last_event_id="earliest"), "a", "b")],
                         ["1", "4"])
        self.assertEqual(metric(gateway, "sluice_source_poison_total"), 2)

    def test_what_never_ends_costs_no_memory_and_is_left(self):
        for behaviour in (behave.endless_line, behave.endless_event):
            with self.subTest(behaviour):
                server = self.start_backend()
                server.answer_with(behave.bytes_of_a_stream(b"id: 1\ndata: before\n\n", then="end"), behaviour)
                gateway = self.start_gateway(server, 'silence = "2s"')
                reader = self.follow(gateway)
                gateway.wait_for_line("source down.*nothing came for 2000 ms", RECOVERED_SECONDS)
                server.publish("before", id="1")
                server.publish("after", id="2")
                while (event := reader.next(RECOVERED_SECONDS)).data == "before":
                    pass
                self.assertEqual(event.data, "after")

    def test_a_backend_without_ids_is_told_apart_by_a_gap_after_each_loss(self):
        server = self.start_backend()
        server.otherwise = behave.bytes_of_a_stream(b"data: one\n\ndata: two\n\n")
        gateway = self.start_gateway(server)
        reader = self.follow(gateway, last_event_id="earliest")
        first = self.assert_next(reader, "one", "two")[0]
        self.assertRegex(first.id, r"^~[0-9a-z]{6}\.\d+$")
        server.cut()
        self.assert_gap(reader, "source_lost")
        self.assert_next(reader, "one", "two")
        self.assertEqual([request.last_event_id for request in server.requests], [None, None])
        resumed = self.follow(gateway, last_event_id=first.id)
        self.assert_next(resumed, "two")
        self.assert_gap(resumed, "source_lost")
        another = self.start_gateway(server)
        self.assert_gap(self.follow(another, last_event_id=first.id), "unknown_epoch")

    def test_a_backend_that_begins_anew_with_the_same_ids_is_announced(self):
        server = self.start_backend()
        server.answer_with(behave.bytes_of_a_stream(b"id: 1\ndata: a\n\nid: 2\ndata: b\n\n", then="end"))
        server.otherwise = behave.bytes_of_a_stream(b"id: 1\ndata: other\n\nid: 2\ndata: one\n\n")
        gateway = self.start_gateway(server)
        reader = self.follow(gateway, last_event_id="earliest")
        self.assert_next(reader, "a", "b")
        self.assert_gap(reader, "recreated")
        self.assert_next(reader, "other", "one")

    def test_a_subscriber_that_is_behind_is_told_that_the_backend_began_anew(self):
        for entries in (1000, 3):
            with self.subTest(entries):
                server = self.start_backend()
                gateway = self.start_gateway(server, f"history.entries = {entries}")
                reader = self.follow(gateway)
                with raw_h2.Peer(gateway, settings={raw_h2.INITIAL_WINDOW_SIZE: 3000}) as slow:
                    stream = slow.get("/s")
                    slow.wait_body(stream, b"sluice.open")
                    server.publish("first", id="1")  # a place that the backend can be asked from
                    slow.wait_body(stream, b"data: first")
                    self.assert_next(reader, "first")
                    for number in range(2, 21):  # the other one keeps up
                        server.publish("x" * 500, id=str(number))
                        self.assert_next(reader, "x" * 500)
                    server.otherwise = behave.bytes_of_a_stream(b"id: 1\ndata: other\n\nid: 2\ndata: one\n\n")
                    server.cut()
                    self.assert_gap(reader, "recreated")
                    slow.give_window(stream, 1 << 20)
                    slow.wait_body(stream, b"data: one\n\n", RECOVERED_SECONDS)
                    text = slow.body(stream)
                    self.assertEqual(text.count(b'"recreated"'), 1, text)
                    self.assertLess(text.index(b'"recreated"'), text.index(b"data: other"))

    def test_a_backend_that_sends_all_again_at_each_connect_repeats_nothing(self):
        server = self.start_backend()
        stream = behave.bytes_of_a_stream(b"id: 1\ndata: a\n\nid: 2\ndata: b\n\n", then="end")
        server.answer_with(stream, stream, behave.bytes_of_a_stream(
            b"id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: c\n\n"))
        gateway = self.start_gateway(server)
        self.assert_next(self.follow(gateway, last_event_id="earliest"), "a", "b", "c")

    def test_silence_is_the_end_over_http1_unless_there_are_comments(self):
        server = self.start_backend()
        server.answer_with(behave.bytes_of_a_stream(b"id: 1\ndata: a\n\n"))
        gateway = self.start_gateway(server, 'silence = "2s"')
        reader = self.follow(gateway, last_event_id="earliest")
        self.assert_next(reader, "a")
        gateway.wait_for_line("source down.*nothing came for 2000 ms", RECOVERED_SECONDS)
        server.publish("a", id="1")
        server.publish("b", id="2")
        self.assert_next(reader, "b")

    def test_the_token_goes_to_the_backend_and_nowhere_else(self):
        elsewhere, server = self.start_backend(), self.start_backend()
        server.answer_with(behave.redirect(elsewhere.url()), behave.redirect("/moved?x=1"))
        gateway = self.start_gateway(server, 'token = "s3cret"')
        gateway.wait_for_line("source down.*is not followed")
        server.publish("a")
        self.follow(gateway)
        requests = server.wait_requests(3, RECOVERED_SECONDS)
        self.assertEqual([request.fields.get("authorization") for request in requests], ["Bearer s3cret"] * 3)
        self.assertEqual(requests[2].path, "/moved?x=1")
        self.assertEqual(elsewhere.requests, [])
        self.assertNotIn("s3cret", "\n".join(gateway.lines))

    def test_captures_go_into_path_and_query_and_nowhere_else(self):
        server = self.start_backend()
        gateway = self.start_gateway(server, path="/feeds/{region}?kind={kind}", routes=("/s/{region}/{kind}",))
        self.follow(gateway, "/s/eu/a-b_c.d")
        self.assertEqual([request.path for request in server.requests], ["/feeds/eu?kind=a-b_c.d"])
        for path in ("/s/eu", "/s/a%2Fb/c", "/s/%2e%2e/x", "/s/a%26b/c", "/s/" + "x" * 129 + "/y"):
            self.assertIn(self.fetch(path, gateway=gateway).status, (400, 404), path)
        self.assertEqual(len(server.requests), 1)

    def test_a_backend_that_refuses_is_named_with_the_remedy(self):
        for behaviour, said in ((behave.status(401), "set `token`"), (behave.wrong_type, "check the path of `url`"),
                                (behave.no_content, "204")):
            with self.subTest(said):
                server = self.start_backend()
                server.otherwise = behaviour
                self.start_gateway(server).wait_for_line(f"source down.*{said}")
