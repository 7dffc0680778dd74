"""NATS as a source, against the real nats-server: its faults, publishing into it, messages that are no good, errors that
name their remedy, and core NATS, which keeps nothing."""

import json
import subprocess
import tempfile
import time

from case import BEARER, SECRET, metric
from gateway import run_verb
from nats_case import PASSWORD, STREAM, NatsCase
from nats_server import NatsServer
from source_case import RECOVERED_SECONDS


class Faults(NatsCase):
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


class Publishing(NatsCase):
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
        done = subprocess.run(["curl", "--parallel", "--parallel-max", "50", "-K", "-"], input=config, text=True,
                                   capture_output=True, timeout=60, check=True)
        answered = {position for line in done.stdout.splitlines() for position in json.loads(line)["ids"]}
        events = reader.take(300)
        self.assertEqual({event.id for event in events}, answered)
        self.assertEqual(sorted(int(event.data) for event in events), list(range(300)))


class Messages(NatsCase):
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


class Errors(NatsCase):
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
                ('url = "nats://:x@localhost"\nstream = "A"', "the user is missing"),
                ('url = "tls://localhost"\nstream = "A"\ntls.ca = "/nowhere.pem"', "tls.ca: cannot read"),
                ('url = "nats://localhost"\nstream = "A.B"', "`source.fleet.stream` holds"),
                ('url = "nats://localhost"\nsubject = "news.>"\npublish = true', "core NATS keeps nothing"),
                ('url = "nats://localhost"\nstream = "A"\npublish = true\nmap.data = "/x"', "does not go with")]
        for keys, words in rows:
            with self.subTest(words), tempfile.NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as file:
                file.write(f'[source.fleet]\n{keys}\n[[route]]\npath = "/fleet/**"\nsource = "fleet"\n')
                file.flush()
                done = run_verb("check", "-c", file.name)
                self.assertEqual(done.returncode, 1)
                self.assertIn(words, done.stdout + done.stderr)


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
