"""NATS as a source: JetStream streams and core NATS against the real nats-server, through its faults."""

import datetime
import json
import shutil
import time

import curl
from case import BEARER, SECRET, Case, metric
from gateway import run_verb
from nats_server import NatsServer
from relay import Relay

PASSWORD = 'sp ace/"@:quote'
STREAM = ('stream = "FLEET"', 'subject = "fleet.>"')
RECOVERED_SECONDS = 40  # the longest wait before a new attempt that a test provokes, beside other tests


class NatsCase(Case):
    def serve(self, **variant) -> NatsServer:
        server = NatsServer(**variant)
        self.addCleanup(server.close)
        return server.start()

    def fleet(self, **variant) -> NatsServer:
        """A server that has the stream FLEET."""
        server = self.serve(**variant)
        with server.client() as nats:
            nats.create_stream("FLEET", "fleet.>")
        return server

    def start_on(self, server: NatsServer, *keys: str, url=None, up=True):
        """A gateway with a source `fleet` of these keys; /all begins at the oldest."""
        if server.certificates:
            keys += (f"tls.ca = {json.dumps(server.ca)}",)
        gateway = self.start(f"""
access = {{ publish_secret = "{SECRET}" }}
log.format = "text"
[source.fleet]
url = {json.dumps(url or server.url)}
{chr(10).join(keys)}
[[route]]
path = "/fleet/**"
source = "fleet"
[[route]]
path = "/fleet"
source = "fleet"
[[route]]
path = "/view"
topics = ["fleet/**"]
[[route]]
path = "/all"
topics = ["fleet/**"]
start = "earliest"
""", {"workers": 2})
        if up:
            self.wait_up(gateway)
        return gateway

    def wait_up(self, gateway, up=1, seconds=RECOVERED_SECONDS):
        deadline = time.monotonic() + seconds
        while metric(gateway, "sluice_source_up") != up:
            self.assertLess(time.monotonic(), deadline, gateway.tail())
            time.sleep(0.05)  # the state is scraped, there is no event to await

    def follow(self, gateway, path="/view", **others) -> curl.Subscriber:
        """A subscriber that has been told where it begins."""
        reader = self.subscribe(path, gateway=gateway, **others)
        reader.open_event = reader.opened()
        return reader

    def assert_next(self, reader, *datas: str):
        self.assertEqual([event.data for event in reader.take(len(datas))], list(datas))

    def assert_gap(self, reader, reason: str) -> dict:
        gap = self.gap(reader.next())
        self.assertEqual(gap["reason"], reason)
        return gap


class JetStream(NatsCase):
    def test_messages_reach_single_topics_and_wildcards_in_the_streams_order(self):
        server = self.fleet()
        gateway = self.start_on(server, *STREAM)
        view, eu, deep = (self.follow(gateway, path) for path in ("/view", "/fleet/eu", "/fleet/us/west"))
        with server.client() as nats:
            for number in range(100):
                nats.publish_acknowledged("fleet.eu" if number % 3 else "fleet.us.west", str(number))
            nats.publish_acknowledged("fleet.eu", "named", headers={"event": "moved", "key": "car-7"})
        events = view.take(101)
        self.assertEqual([event.data for event in events], [*map(str, range(100)), "named"])
        self.assertEqual(events[-1].type, "moved")
        epochs, sequences = zip(*(event.id.split(".") for event in events))
        self.assertEqual(len(set(epochs)), 1)
        self.assertRegex(epochs[0], "^[0-9a-z]{4}$")
        self.assertEqual(list(map(int, sequences)), list(range(1, 102)))
        self.assert_next(eu, *(str(number) for number in range(100) if number % 3), "named")
        self.assert_next(deep, *(str(number) for number in range(0, 100, 3)))
        self.assertEqual(metric(gateway, "sluice_source_events_total"), 101)
        self.assertEqual(metric(gateway, "sluice_source_lag_events"), 0)

    def test_topics_are_what_the_wildcards_match(self):
        server = self.fleet()
        with server.client() as nats:
            for subject in ("fleet.eu.temp", "fleet.us.temp", "fleet.eu.speed"):
                nats.publish_acknowledged(subject, subject)
        for subject, path, there in (('subject = "fleet.*.temp"', "/fleet/eu", "fleet.eu.temp"),
                                     ('subject = "fleet.eu.speed"', "/fleet", "fleet.eu.speed"),
                                     ("", "/fleet/fleet/us/temp", "fleet.us.temp")):
            with self.subTest(path):
                gateway = self.start_on(server, 'stream = "FLEET"', subject)
                self.assert_next(self.follow(gateway, path, last_event_id="earliest"), there)
                self.assertEqual(self.fetch("/fleet/eu/too/deep/*", gateway=gateway).status, 404)

    def test_a_client_resumes_on_another_gateway_from_every_position(self):
        server = self.fleet()
        first = self.start_on(server, *STREAM)
        reader = self.follow(first)
        with server.client() as nats:
            for number in range(12):
                nats.publish_acknowledged(f"fleet.{'eu' if number % 2 else 'us'}", str(number))
        ids = [reader.open_event.id, *(event.id for event in reader.take(12))]
        second = self.start_on(server, *STREAM)  # its rings begin here: all of that is the past
        for gateway in (first, second):
            for had, position in enumerate(ids):
                resumed = self.follow(gateway, last_event_id=position)
                self.assertEqual(resumed.open_event.id, position)
                self.assert_next(resumed, *map(str, range(had, 12)))
                resumed.close()
            self.assert_next(self.follow(gateway, "/fleet/eu", last_event_id=ids[6]), "7", "9", "11")
        live = self.follow(second, last_event_id=ids[4])
        self.assert_next(live, *map(str, range(4, 12)))
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "live")
        self.assert_next(live, "live")

    def test_the_past_is_read_in_pages_and_joined_to_the_ring(self):
        server = self.fleet()
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", *map(str, range(5_000)))
            nats.publish_acknowledged("fleet.us", "other")
        gateway = self.start_on(server, *STREAM, "history.entries = 50")
        everything = self.follow(gateway, "/all")
        one = self.follow(gateway, "/fleet/us", last_event_id="earliest")
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", *map(str, range(5_000, 6_000)))
        self.assert_next(everything, *map(str, range(5_000)), "other", *map(str, range(5_000, 6_000)))
        self.assert_next(one, "other")
        self.assertGreaterEqual(metric(gateway, "sluice_source_pages_total"), 6)

    def test_since_begins_at_a_time(self):
        server = self.fleet()
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "before")
            time.sleep(1.1)  # what is asked for is a time
            middle = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
            nats.publish_acknowledged("fleet.eu", "after")
        gateway = self.start_on(server, *STREAM)
        self.assert_next(self.follow(gateway, f"/view?since={middle}"), "after")
        self.assert_next(self.follow(gateway, "/view?since=2001-01-01T00:00:00Z"), "before", "after")

    def test_large_messages_make_pages_of_their_own(self):
        server = self.fleet()
        sizes = [700_000, 600_000, 10, 900_000]
        with server.client() as nats:
            for size in sizes:
                nats.publish_acknowledged("fleet.eu", "x" * size)
        gateway = self.start_on(server, *STREAM)
        self.assertEqual([len(event.data) for event in self.follow(gateway, "/all").take(4)], sizes)

    # --- What the stream no longer has ---

    def test_what_was_purged_is_announced_before_the_next_event(self):
        server = self.fleet()
        gateway = self.start_on(server, *STREAM)
        reader = self.follow(gateway, "/fleet/eu")
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", *map(str, range(10)))
            ids = [event.id for event in reader.take(10)]
            nats.purge("FLEET", keep=3)
        another = self.start_on(server, *STREAM)
        resumed = self.follow(another, "/fleet/eu", last_event_id=ids[1])
        gap = self.assert_gap(resumed, "trimmed")
        self.assertEqual((gap["topic"], gap["from"], gap["to"]), ("fleet/eu", ids[1], ids[6]))
        self.assert_next(resumed, "7", "8", "9")
        self.assert_next(self.follow(another, "/fleet/eu", last_event_id=ids[6]), "7", "8", "9")  # told once
        with server.client() as nats:
            nats.purge("FLEET")
            fresh = self.start_on(server, *STREAM)  # the other one still has the page that it read
            emptied = self.follow(fresh, "/fleet/eu", last_event_id=ids[1])
            self.assertEqual(self.assert_gap(emptied, "trimmed")["to"], ids[9])
            nats.publish_acknowledged("fleet.eu", "new")
        self.assert_next(emptied, "new")

    def test_what_retention_took_while_the_gateway_was_away_is_announced(self):
        server = self.fleet()
        relay = Relay(server.port)
        self.addCleanup(relay.close)
        gateway = self.start_on(server, *STREAM, url=server.url_at(relay.port))
        reader = self.follow(gateway, "/fleet/eu")
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "0")
            self.assert_next(reader, "0")
            relay.refuse()
            relay.cut()
            self.wait_up(gateway, 0)
            nats.publish_acknowledged("fleet.eu", *map(str, range(1, 10)))
            nats.purge("FLEET", keep=2)
        relay.go_on()
        self.assertRegex(self.assert_gap(reader, "trimmed")["to"], r"\.8$")
        self.assert_next(reader, "8", "9")
        self.assertEqual(metric(gateway, "sluice_source_reconnects_total"), 1)

    def test_a_stream_made_anew_is_announced_and_read_from_its_beginning(self):
        server = self.fleet()
        gateway = self.start_on(server, *STREAM)
        reader = self.follow(gateway, "/fleet/eu")
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "a", "b", "c")
            old = reader.take(3)[-1].id
            nats.delete_stream("FLEET")
            nats.create_stream("FLEET", "fleet.>")
            nats.publish_acknowledged("fleet.eu", "new 1", "new 2")
        gap = self.gap(reader.next(RECOVERED_SECONDS))
        self.assertEqual(gap["reason"], "recreated")
        self.assertNotEqual(gap["to"].split(".")[0], old.split(".")[0])
        self.assert_next(reader, "new 1", "new 2")
        resumed = self.follow(gateway, "/fleet/eu", last_event_id=old)
        self.assert_gap(resumed, "unknown_epoch")
        self.assert_next(resumed, "new 1", "new 2")

    def test_a_stream_that_lost_its_end_is_announced(self):
        """Restored from a copy: the creation time is the same, the newest messages are not there."""
        server = self.fleet()
        store = server.folder / "jetstream"
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "kept")
        server.shut_down()
        shutil.copytree(store, server.folder / "copy")
        server.start()
        gateway = self.start_on(server, *STREAM)
        reader = self.follow(gateway, "/fleet/eu")
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "lost 1", "lost 2")
        lost = reader.take(2)[-1].id
        server.shut_down()
        shutil.rmtree(store)
        (server.folder / "copy").rename(store)
        server.start()
        self.assertEqual(self.gap(reader.next(RECOVERED_SECONDS))["reason"], "recreated")
        resumed = self.follow(gateway, "/fleet/eu", last_event_id=lost)
        self.assert_gap(resumed, "recreated")
        self.assert_next(resumed, "kept")
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "new")
        self.assert_next(reader, "new")
        self.assert_next(resumed, "new")

    def test_ids_that_the_stream_never_gave_get_a_gap_and_the_oldest(self):
        server = self.fleet()
        gateway = self.start_on(server, *STREAM)
        reader = self.follow(gateway)
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "a", "b")
        own = reader.take(2)[-1].id.split(".")[0]
        foreign = "zzzz" if own != "zzzz" else "yyyy"
        for position, reason in ((f"{own}.99", "recreated"), (f"{foreign}.1", "unknown_epoch"),
                                 ("1795332250205-0", "unknown_position"), (f"{own}.01", "unknown_position")):
            with self.subTest(position):
                resumed = self.follow(gateway, "/fleet/eu", last_event_id=position)
                self.assert_gap(resumed, reason)
                self.assert_next(resumed, "a", "b")

    # --- Faults ---

    def test_nothing_is_lost_or_repeated_through_kills_of_the_server(self):
        server = self.fleet()
        gateway = self.start_on(server, *STREAM)
        readers = [self.follow(gateway), self.follow(gateway, "/fleet/eu")]
        sent = 0
        for _ in range(3):
            with server.client() as nats:
                nats.publish_acknowledged("fleet.eu", *map(str, range(sent, sent + 500)))
            sent += 500
            server.kill()
            server.start()
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "last")
        for reader in readers:
            deadline = time.monotonic() + RECOVERED_SECONDS
            got = []
            while not got or got[-1] != "last":
                got.append(reader.next(max(1, deadline - time.monotonic())).data)
            self.assertEqual(got, [*map(str, range(sent)), "last"])
        self.assertIn("source down", "\n".join(gateway.lines))
        self.assertIn("source up", "\n".join(gateway.lines))

    def test_a_hung_server_is_noticed_within_ten_seconds_and_nothing_is_lost(self):
        server = self.fleet()
        gateway = self.start_on(server, *STREAM)
        reader = self.follow(gateway)
        with server.client() as nats:
            for number, seconds in enumerate((5, 10)):
                nats.publish_acknowledged("fleet.eu", f"before {number}")
                server.stop_process()
                if seconds == 10:
                    self.wait_up(gateway, 0, seconds)
                    self.assertEqual(self.publish_to(gateway, "/fleet/eu", "x").status, 405)
                else:
                    time.sleep(seconds)  # the fault itself lasts
                server.cont()
                nats.publish_acknowledged("fleet.eu", f"after {number}")
        self.wait_up(gateway)
        self.assert_next(reader, "before 0", "after 0", "before 1", "after 1")

    def test_pages_wait_for_a_server_that_is_away(self):
        server = self.fleet()
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", "old")
        gateway = self.start_on(server, *STREAM)
        server.kill()
        self.wait_up(gateway, 0)
        reader = self.subscribe("/all", gateway=gateway)
        self.assertEqual(reader.status, 200)
        server.start()
        self.assertEqual(reader.next(RECOVERED_SECONDS).type, "sluice.open")
        self.assert_next(reader, "old")

    def test_a_gateway_stops_while_the_server_hangs(self):
        server = self.fleet()
        gateway = self.start_on(server, *STREAM)
        server.stop_process()
        gateway.close()
        server.cont()

    # --- Publishing ---

    def publish_to(self, gateway, path, body, **headers):
        return self.fetch(path, gateway=gateway, body=body, headers={**BEARER, **headers})

    def test_a_publish_is_jetstreams_own_and_comes_back_with_its_position(self):
        server = self.fleet()
        gateway, other = (self.start_on(server, *STREAM, "publish = true") for _ in range(2))
        readers = [self.follow(gateway), self.follow(other, "/fleet/eu/1")]
        first = self.publish("/fleet/eu/1?event=moved&id=a-1&key=car", "one\ntwo", gateway=gateway)
        again = self.publish("/fleet/eu/1?event=moved&id=a-1&key=car", "one\ntwo", gateway=other)
        self.assertEqual(self.ids(first), self.ids(again))
        self.assertEqual((first.json["repeated"], again.json["repeated"]), (0, 1))
        self.publish("/fleet/eu/1", "next", gateway=other)
        for reader in readers:
            event = reader.next()
            self.assertEqual((event.type, event.data, event.id), ("moved", "one\ntwo", self.ids(first)[0]))
            self.assert_next(reader, "next")
        with server.client() as nats:
            stored = nats.message("FLEET", 1)
            self.assertEqual(stored["subject"], "fleet.eu.1")
            self.assertEqual(nats.stream_state("FLEET")["messages"], 2)
        with self.subTest("several at once"):
            refused = self.publish_to(gateway, "/fleet/eu", '{"data": "a"}\n{"data": "b"}\n',
                                      **{"content-type": "application/x-ndjson"})
            self.assertIn("one event per request", self.assert_refused(refused, 400)["detail"])
        with self.subTest("wildcards and the server's own subjects"):
            for path in ("/fleet/eu.us", "/fleet/*", "/fleet/%3E"):
                self.assert_refused(self.publish_to(gateway, path, "x"), 404)

    def test_a_publish_that_cannot_be_stored_says_why(self):
        server = self.serve()
        with server.client() as nats:
            nats.create_stream("FLEET", "fleet.>", max_msgs=1, discard="new")
            nats.publish_acknowledged("fleet.eu", "the only one")
        gateway = self.start_on(server, *STREAM, "publish = true")
        self.assertIn("maximum messages", self.assert_refused(self.publish_to(gateway, "/fleet/eu", "x"), 507)["detail"])
        server.kill()
        self.wait_up(gateway, 0)
        self.assert_refused(self.publish_to(gateway, "/fleet/eu", "x"), 503)

    def test_many_publish_at_once(self):
        server = self.fleet()
        gateway = self.start_on(server, *STREAM, "publish = true")
        reader = self.follow(gateway)
        config = "".join(f'next\nurl = "{gateway.url("/fleet/eu")}"\ndata = "{number}"\nheader = "content-type: text/plain"\n'
                         f'header = "authorization: {BEARER["authorization"]}"\ncacert = "{gateway.ca}"\nsilent\nhttp2\n'
                         for number in range(300)).removeprefix("next\n")
        done = curl.subprocess.run(["curl", "--parallel", "--parallel-max", "50", "-K", "-"], input=config, text=True,
                                   capture_output=True, timeout=60, check=True)
        answered = {position for line in done.stdout.splitlines() for position in json.loads(line)["ids"]}
        events = reader.take(300)
        self.assertEqual({event.id for event in events}, answered)
        self.assertEqual(sorted(int(event.data) for event in events), list(range(300)))

    # --- What is no good ---

    def test_poison_is_mended_or_dropped_and_counted_and_blocks_nothing(self):
        server = self.fleet()
        gateway = self.start_on(server, *STREAM)
        reader = self.follow(gateway)
        with server.client() as nats:
            nats.publish_acknowledged("fleet.eu", b"a\xffb\0c")
            nats.publish_acknowledged("fleet.eu", "x" * (2 * 1024 * 1024))
            nats.publish_acknowledged("fleet.eu", "name", headers={"event": "sluice.gap"})
            nats.publish_acknowledged("fleet.eu", "name", headers={"event": "e" * 300})
            nats.publish_acknowledged("fleet.a/b", "no topic")
            nats.publish_acknowledged("fleet.eu", "line\r\nid: forged")
            nats.publish_acknowledged("fleet.eu", "good")
        for live in (True, False):
            with self.subTest(live=live):
                events = (reader if live else self.follow(self.start_on(server, *STREAM), "/all")).take(5)
                self.assertEqual([(event.type, event.data) for event in events],
                                 [("message", "a\ufffdbc"), ("message", "name"), ("message", "name"),
                                  ("message", "line\nid: forged"), ("message", "good")])
        self.assertEqual(metric(gateway, "sluice_source_poison_total"), 5)
        self.assertEqual(len([line for line in gateway.lines if "no good" in line]), 1)

    def test_mapped_parts_come_from_headers_and_the_payload(self):
        server = self.fleet()
        gateway = self.start_on(server, *STREAM, 'map.topic = "/region"', 'map.event = "kind"', 'map.data = "/body"')
        reader = self.follow(gateway, "/fleet/eu")
        with server.client() as nats:
            nats.publish_acknowledged("fleet.x", '{"region": "eu", "body": {"n": 1}}', headers={"kind": "moved"})
            nats.publish_acknowledged("fleet.x", '{"region": "us", "body": 2}', '{"body": 3}', "no JSON")
            nats.publish_acknowledged("fleet.x", '{"region": "eu", "body": "4"}')
        first, second = reader.take(2)
        self.assertEqual((first.type, first.data, second.type, second.data), ("moved", '{"n":1}', "message", "4"))
        self.assert_next(self.follow(gateway, "/fleet/us", last_event_id="earliest"), "2")

    def test_accounts_tokens_and_tls(self):
        for variant in ({"password": PASSWORD}, {"tls": True}, {"tls": True, "password": PASSWORD}):
            with self.subTest(variant):
                server = self.fleet(**variant)
                gateway = self.start_on(server, *STREAM)
                with server.client() as nats:
                    nats.publish_acknowledged("fleet.eu", "x")
                self.assert_next(self.follow(gateway, "/all"), "x")

    def test_errors_name_the_source_and_the_remedy(self):
        secured = self.fleet(password=PASSWORD)
        tls = self.fleet(tls=True)
        plain = self.fleet()
        bare = self.serve(jetstream=False)
        url = f"nats://sluice:wrong@localhost:{secured.port}"
        rows = [(secured, url, STREAM, "refuses user sluice or the password"),
                (secured, f"nats://localhost:{secured.port}", STREAM, "wants a user and a password"),
                (plain, plain.url.replace("nats:", "tls:"), STREAM, "speaks no TLS: write nats://"),
                (plain, None, ('stream = "NONE"',), "has no stream `NONE`: create it"),
                (plain, None, ('stream = "FLEET"', 'subject = "other.>"'), "has none of the source's `subject`"),
                (bare, None, STREAM, "no JetStream"),
                (plain, "nats://localhost:1", STREAM, "cannot be reached")]
        for server, address, keys, words in rows:
            with self.subTest(words):
                gateway = self.start_on(server, *keys, url=address, up=False)
                line = gateway.wait_for_line("source down")[0]
                self.assertIn(words, next(line for line in gateway.lines if "source down" in line), line)
                self.assertIn("fleet", next(line for line in gateway.lines if "source down" in line))
                self.assertNotIn("wrong", "\n".join(gateway.lines))
        tls.certificates = None  # the gateway is not told whom to trust
        gateway = self.start_on(tls, *STREAM, url=f"tls://localhost:{tls.port}", up=False)
        gateway.wait_for_line("source down.*set tls.ca")

    def test_a_stream_that_is_made_later_is_found(self):
        server = self.serve()
        gateway = self.start_on(server, *STREAM, up=False)
        gateway.wait_for_line("has no stream `FLEET`")
        reader = self.subscribe("/fleet/eu", gateway=gateway)
        with server.client() as nats:
            nats.create_stream("FLEET", "fleet.>")
            self.assertEqual(reader.next(RECOVERED_SECONDS).type, "sluice.open")
            nats.publish_acknowledged("fleet.eu", "x")
        self.assert_next(reader, "x")

    def test_a_file_that_cannot_work_is_refused_before_anything_is_connected(self):
        rows = [('url = "nats://localhost"', "`source.fleet.stream` is missing"),
                ('url = "nats://localhost"\nsubject = "a..b"', "`source.fleet.subject` is no subject"),
                ('url = "nats://localhost"\nstream = "A.B"', "`source.fleet.stream` holds"),
                ('url = "nats://localhost"\nsubject = "news.>"\npublish = true', "core NATS keeps nothing"),
                ('url = "nats://localhost"\nstream = "A"\npublish = true\nmap.data = "/x"', "does not go with")]
        for keys, words in rows:
            with self.subTest(words), self.config(f"[source.fleet]\n{keys}\n") as file:
                done = run_verb("check", "-c", file)
                self.assertEqual(done.returncode, 1)
                self.assertIn(words, done.stdout + done.stderr)

    @staticmethod
    def config(text):
        import contextlib
        import tempfile

        @contextlib.contextmanager
        def file():
            with tempfile.NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as made:
                made.write(text)
                made.flush()
                yield made.name

        return file()


class Core(NatsCase):
    SUBJECT = ('subject = "news.>"',)

    def test_messages_are_heard_in_order(self):
        server = self.serve(jetstream=False)
        gateway = self.start_on(server, *self.SUBJECT)
        view, one = self.follow(gateway), self.follow(gateway, "/fleet/eu")
        with server.client() as nats:
            for number in range(1_000):
                nats.publish("news.eu", str(number), headers={"event": "moved"} if number == 999 else None)
            nats.flush()
        self.assert_next(one, *map(str, range(999)))
        self.assertEqual(one.next().type, "moved")
        events = view.take(1_000)
        resumed = self.follow(gateway, last_event_id=events[989].id)
        self.assert_next(resumed, *map(str, range(990, 1_000)))
        self.assert_refused(self.fetch("/fleet/eu", gateway=gateway, body="x", headers=BEARER), 405)

    def test_a_lost_connection_is_announced_once_it_is_back(self):
        server = self.serve(jetstream=False)
        gateway = self.start_on(server, *self.SUBJECT)
        reader = self.follow(gateway, "/fleet/eu")
        with server.client() as nats:
            nats.publish("news.eu", "before")
            nats.flush()
        before = reader.next()
        server.kill()
        self.wait_up(gateway, 0)
        server.start()
        gap = self.gap(reader.next(RECOVERED_SECONDS))
        self.assertEqual((gap["reason"], gap["from"]), ("source_lost", before.id))
        with server.client() as nats:
            nats.publish("news.eu", "after")
            nats.flush()
        self.assert_next(reader, "after")
        resumed = self.follow(gateway, "/fleet/eu", last_event_id=before.id)
        self.assert_gap(resumed, "source_lost")
        self.assert_next(resumed, "after")

    def test_a_hung_server_is_noticed_within_ten_seconds(self):
        server = self.serve(jetstream=False)
        gateway = self.start_on(server, *self.SUBJECT)
        server.stop_process()
        self.wait_up(gateway, 0, 10)
        server.cont()
        self.wait_up(gateway)

    def test_a_subject_that_is_forbidden_says_so(self):
        server = NatsServer(jetstream=False)
        self.addCleanup(server.close)
        command = server.command

        def with_permissions():
            arguments = command()
            with open(server.folder / "nats.conf", "a", encoding="utf-8") as config:
                config.write('\nauthorization { users = [ { user: a, password: b, permissions: { subscribe: "other.>" } } ] }\n')
            return arguments

        server.command = with_permissions
        server.ask = lambda: server.connect().close()
        server.start()
        gateway = self.start_on(server, *self.SUBJECT, url=f"nats://a:b@localhost:{server.port}", up=False)
        gateway.wait_for_line("refuses subject `news.>`")
