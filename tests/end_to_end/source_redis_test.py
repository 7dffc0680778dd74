"""Redis as a source: streams resumed on every node, losses announced, channels, publishing into it; a real server."""

import json
import re
import tempfile
import time

import case
import curl
import raw_h2
from gateway import run_verb
from redis_server import RedisServer

SECRET = "correct-horse-battery-staple"


def config(server, history="entries = 4", more="", tls="", brief=""):
    return f"""
access = {{ publish_secret = "{SECRET}" }}
[source.orders]
url = "{server.url}"
stream = "orders:{{region}}"
publish = true
history = {{ {history} }}
{tls}
[source.audit]
url = "{server.url}"
stream = "audit"
{tls}
[source.news]
url = "{server.url}"
channel = "news:{{topic}}"
publish = true
{tls}
{brief}
[[route]]
path = "/orders/{{region}}"
source = "orders"
[[route]]
path = "/audit"
source = "audit"
[[route]]
path = "/news/{{topic}}"
source = "news"
[[route]]
path = "/stream"
topics = ["orders/**", "audit", "news/**"]
{more}
"""


class WithRedis(case.Case):
    def setUp(self):
        self.server = RedisServer()
        self.addCleanup(self.server.close)
        self.server.start()
        self.redis = self.server.client()
        self.addCleanup(self.redis.close)

    def gateway_of(self, **others):
        return self.start(config(self.server, **others))

    def add(self, count, start=0, key="orders:eu"):
        return self.redis.xadd(key, *({"data": str(number)} for number in range(start, start + count)))


class Streams(WithRedis):
    def test_every_entry_comes_once_in_order_with_the_stream_s_own_id(self):
        gateway = self.gateway_of()
        subscriber = self.subscribe("/orders/eu", gateway=gateway)
        subscriber.opened()
        ids = self.add(50)
        events = subscriber.take(50)
        self.assertEqual([event.data for event in events], [str(number) for number in range(50)])
        self.assertEqual([event.id for event in events], ids)

    def test_a_second_gateway_resumes_from_every_position_though_the_ring_holds_four(self):
        first, second = self.gateway_of(), self.gateway_of()
        ids = self.add(12)
        self.subscribe("/orders/eu", gateway=first).opened()
        for gateway in (first, second):
            for at, position in enumerate(ids[:-1]):
                subscriber = self.subscribe("/orders/eu", headers={"last-event-id": position}, gateway=gateway)
                self.assertTrue(json.loads(subscriber.opened().data)["resumed"])
                events = subscriber.take(len(ids) - at - 1)
                self.assertEqual([event.id for event in events], ids[at + 1:])

    def test_an_entry_becomes_an_event_by_its_fields_or_as_json_when_it_has_no_data(self):
        gateway = self.gateway_of()
        subscriber = self.subscribe("/audit", gateway=gateway)
        subscriber.opened()
        self.redis.do("XADD", "audit", "*", "data", "a\r\nb", "event", "login")
        self.redis.do("XADD", "audit", "*", "user", "ann", "age", "7")
        self.redis.do("XADD", "audit", "*", "data", b"\xff\x00x", "event", "a\nb")
        named, whole, poison = subscriber.take(3)
        self.assertEqual((named.type, named.data), ("login", "a\nb"))
        self.assertEqual(json.loads(whole.data), {"user": "ann", "age": "7"})
        self.assertEqual((poison.type, poison.data), ("message", "\ufffdx"))
        self.assertEqual(case.metric(gateway, "sluice_source_poison_total"), 1)

    def test_what_was_trimmed_is_announced_before_the_next_event(self):
        gateway = self.gateway_of()
        ids = self.add(10)
        self.redis.xtrim("orders:eu", 3)
        subscriber = self.subscribe("/orders/eu", headers={"last-event-id": ids[1]}, gateway=gateway)
        self.assertFalse(json.loads(subscriber.opened().data)["resumed"])
        gap, *events = subscriber.take(4)
        self.assertEqual(gap.type, "sluice.gap")
        self.assertEqual(json.loads(gap.data)["reason"], "trimmed")
        self.assertEqual([event.id for event in events], ids[7:])

    def test_earliest_begins_with_the_oldest_entry_and_since_with_a_time(self):
        gateway = self.gateway_of()
        [old] = self.redis.xadd("orders:eu", {"data": "old"}, id="1000000000000-0")
        new = self.add(3)
        subscriber = self.subscribe("/orders/eu?last_event_id=earliest", gateway=gateway)
        subscriber.opened()
        self.assertEqual([event.id for event in subscriber.take(4)], [old, *new])
        subscriber = self.subscribe("/orders/eu?since=2020-01-01T00:00:00Z", gateway=gateway)
        subscriber.opened()
        self.assertEqual([event.id for event in subscriber.take(3)], new)
        self.assertEqual(self.fetch("/orders/eu?since=yesterday", gateway=gateway).status, 400)

    def test_an_id_of_a_stream_that_was_made_anew_is_answered_with_a_gap_and_all_that_there_is(self):
        gateway = self.gateway_of()
        self.add(3)
        self.redis.delete("orders:eu")
        self.redis.do("XADD", "orders:eu", "5-0", "data", "new")
        subscriber = self.subscribe("/orders/eu", headers={"last-event-id": "1795332250205-0"}, gateway=gateway)
        subscriber.opened()
        gap, event = subscriber.take(2)
        self.assertEqual((gap.type, json.loads(gap.data)["reason"]), ("sluice.gap", "recreated"))
        self.assertEqual((event.id, event.data), ("5-0", "new"))

    def test_a_stream_that_is_made_anew_by_lower_ids_while_it_is_followed_is_announced_and_read(self):
        gateway = self.gateway_of()
        self.add(1)
        with self.subscribe("/orders/eu", gateway=gateway) as subscriber:
            subscriber.opened()
            self.redis.do("XADD", "orders:eu", "*", "data", "old")
            self.assertEqual(subscriber.next().data, "old")
            self.redis.delete("orders:eu")
            self.redis.do("XADD", "orders:eu", "5-0", "data", "new")  # XREAD would never give it
            gap, event = subscriber.take(2, 60)
            self.assertEqual((gap.type, json.loads(gap.data)["reason"]), ("sluice.gap", "recreated"))
            self.assertEqual((event.id, event.data), ("5-0", "new"))

    def test_foreign_and_hostile_ids_get_a_gap_and_never_another_topic(self):
        gateway = self.gateway_of()
        self.add(2)
        self.add(1, start=100, key="orders:us")
        for hostile in ("zzzzzz.7", "x", "1-2-3", "orders/us=1-0", "99999999999999999999-0"):
            subscriber = self.subscribe("/orders/eu", headers={"last-event-id": hostile}, gateway=gateway)
            subscriber.opened()
            gap, *events = subscriber.take(3)
            self.assertEqual(gap.type, "sluice.gap", hostile)
            self.assertEqual([event.data for event in events], ["0", "1"])

    def test_several_topics_of_redis_have_a_part_each_and_resume_together(self):
        gateway = self.gateway_of()
        subscriber = self.subscribe("/stream?topic=orders/eu&topic=orders/us&topic=audit", gateway=gateway)
        subscriber.opened()
        for number in range(3):
            for key in ("orders:eu", "orders:us", "audit"):
                self.redis.xadd(key, {"data": f"{key} {number}"})
        events = subscriber.take(9)
        seen = [event.data for event in events]
        for at, event in enumerate(events):
            again = self.subscribe("/stream?topic=orders/eu&topic=orders/us&topic=audit",
                                   headers={"last-event-id": event.id}, gateway=gateway)
            again.opened()
            rest = [other.data for other in again.take(8 - at)] if at != 8 else []
            self.assertEqual(sorted(seen[:at + 1] + rest), sorted(seen))
            again.close()

    def test_a_wildcard_over_captured_topics_is_refused_with_what_to_ask_for(self):
        gateway = self.gateway_of()
        refused = self.fetch("/stream?topic=orders/**", gateway=gateway)
        self.assertEqual((refused.status, refused.json["error"]), (400, "no-wildcard"))
        self.assertEqual(self.fetch("/orders/a%2Ab", gateway=gateway).status, 404)

    def test_a_slow_reader_falls_out_of_the_ring_and_loses_nothing(self):
        gateway = self.gateway_of()
        subscriber = self.subscribe("/orders/eu", "--limit-rate", "200k", gateway=gateway)
        subscriber.opened()
        payload = "x" * 20_000
        for number in range(200):
            self.redis.xadd("orders:eu", {"data": f"{number} {payload}"})
        events = subscriber.take(200, timeout=60)
        self.assertEqual([int(event.data.split()[0]) for event in events], list(range(200)))

    def test_thousand_who_resume_at_an_old_position_cost_the_engine_a_read_a_page(self):
        gateway = self.gateway_of()
        ids = self.add(2500)
        with raw_h2.Peer(gateway) as peer, raw_h2.Peer(gateway) as other:
            before = self.redis.command_counts().get("xrange", 0)
            streams = [(each, each.get("/orders/eu", last_event_id=ids[0])) for each in (peer, other) for _ in range(200)]
            for each, stream in streams:
                each.wait_body(stream, b"id: " + ids[-1].encode() + b"\n")
            reads = self.redis.command_counts().get("xrange", 0) - before
        self.assertLessEqual(reads, 8)


class Outages(WithRedis):
    def test_what_was_trimmed_while_the_gateway_was_cut_off_is_announced_in_its_place(self):
        gateway = self.gateway_of()
        subscriber = self.subscribe("/orders/eu", gateway=gateway)
        subscriber.opened()
        self.add(2)
        subscriber.take(2)
        self.redis.do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        ids = self.add(30, start=2)
        self.redis.xtrim("orders:eu", 5)
        gap, *events = subscriber.take(6, timeout=20)
        self.assertEqual((gap.type, json.loads(gap.data)["reason"]), ("sluice.gap", "trimmed"))
        self.assertEqual([event.id for event in events], ids[-5:])

    def test_a_subscriber_of_a_down_engine_holds_its_stream_and_is_served_when_it_is_back(self):
        self.server.kill()
        gateway = self.gateway_of()
        subscriber = self.subscribe("/orders/eu", gateway=gateway)
        self.assertIn("source orders: down", self.fetch_ready(gateway))
        self.server.start()
        subscriber.opened(timeout=20)

    def test_a_topic_that_the_engine_refuses_is_given_up_when_its_last_subscriber_has_gone(self):
        gateway = self.gateway_of(more='[[route]]\npath = "/brief/{region}"\nsource = "brief"',
                                  brief=f'[source.brief]\nurl = "{self.server.url}"\nstream = "brief:{{region}}"\nlinger = "1s"')
        self.redis.do("ACL", "SETUSER", "default", "-xinfo")
        subscribers = [self.subscribe("/brief/eu", gateway=gateway) for _ in range(3)]
        self.assertIn("NOPERM", self.fetch_ready(gateway, "brief: down"))
        for subscriber in subscribers:
            subscriber.close()
        self.assertIn("brief: up", self.fetch_ready(gateway, "brief: up"))
        self.redis.do("ACL", "SETUSER", "default", "+xinfo")
        self.subscribe("/brief/eu", gateway=gateway).opened()

    def fetch_ready(self, gateway, awaited="orders: down"):
        """What /readyz says once it says that of a source, or in the end."""
        deadline = time.monotonic() + 15
        while True:
            text = curl.fetch(gateway, "/readyz", admin=True).text
            if awaited in text or time.monotonic() > deadline:
                return text

    def test_a_hung_engine_is_noticed_within_ten_seconds_and_then_goes_on(self):
        gateway = self.gateway_of()
        subscriber = self.subscribe("/orders/eu", gateway=gateway)
        subscriber.opened()
        self.server.stop_process()
        started = time.monotonic()
        self.assertIn("source orders: down", self.fetch_ready(gateway))
        self.assertLess(time.monotonic() - started, 10.5)
        self.server.cont()
        self.add(3)
        self.assertEqual([event.data for event in subscriber.take(3, timeout=40)], ["0", "1", "2"])


class Publishing(WithRedis):
    headers = {"authorization": f"Bearer {SECRET}"}

    def test_a_post_is_the_engine_s_own_write_and_is_seen_on_every_node(self):
        first, second = self.gateway_of(), self.gateway_of()
        subscribers = [self.subscribe("/orders/eu", gateway=gateway) for gateway in (first, second)]
        for subscriber in subscribers:
            subscriber.opened()
        body = '{"event":"order","data":{"n":1},"id":"a"}\n{"data":"two","id":"b"}\n'
        answer = self.fetch("/orders/eu", body=body, gateway=first,
                            headers={**self.headers, "content-type": "application/x-ndjson"})
        self.assertEqual(answer.status, 200, answer.text)
        for subscriber in subscribers:
            events = subscriber.take(2)
            self.assertEqual([event.id for event in events], answer.json["ids"])
            self.assertEqual([event.data for event in events], ['{"n":1}', "two"])
        again = self.fetch("/orders/eu", body=body, gateway=second,
                           headers={**self.headers, "content-type": "application/x-ndjson"})
        self.assertEqual((again.json["ids"], again.json["repeated"]), (answer.json["ids"], 2))

    def test_a_post_while_the_engine_is_down_is_refused_and_nothing_is_written(self):
        gateway = self.gateway_of()
        self.subscribe("/orders/eu", gateway=gateway).opened()
        self.server.kill()
        answer = self.fetch("/orders/eu", body="x", gateway=gateway, headers=self.headers)
        self.assertEqual((answer.status, answer.json["error"]), (503, "source-unavailable"))

    def test_a_channel_passes_on_what_is_published_and_announces_a_lost_connection(self):
        gateway = self.gateway_of()
        subscriber = self.subscribe("/news/a", gateway=gateway)
        subscriber.opened()
        self.assertEqual(self.fetch("/news/a", body="hello", gateway=gateway, headers=self.headers).status, 200)
        self.assertEqual(subscriber.take(1)[0].data, "hello")
        self.redis.do("CLIENT", "KILL", "TYPE", "pubsub")
        gap = subscriber.take(1, timeout=20)[0]
        self.assertEqual((gap.type, json.loads(gap.data)["reason"]), ("sluice.gap", "source_lost"))
        deadline = time.monotonic() + 10
        while self.redis.do("PUBLISH", "news:a", "again") == 0 and time.monotonic() < deadline:
            pass
        self.assertEqual(subscriber.take(1)[0].data, "again")


class Checked(WithRedis):
    def check(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(config(self.server))
            file.flush()
            return run_verb("check", "-c", file.name, "--connect")

    def test_check_connect_says_of_each_source_whether_its_engine_is_reached(self):
        reached = self.check()
        self.assertEqual(reached.returncode, 0, reached.stdout + reached.stderr)
        self.assertIn("source orders: up", reached.stdout)
        self.server.kill()
        refused = self.check()
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stdout, "source orders: down: connection refused by localhost:[0-9]+")


class Secured(case.Case):
    def test_a_password_over_tls_with_the_engine_s_own_authority(self):
        server = RedisServer(password="correct horse", tls=True)
        self.addCleanup(server.close)
        server.start()
        gateway = self.start(config(server, tls=f'tls.ca = "{server.ca}"'))
        subscriber = self.subscribe("/orders/eu", gateway=gateway)
        subscriber.opened()
        with server.client() as redis:
            redis.xadd("orders:eu", {"data": "secret"})
        self.assertEqual(subscriber.take(1)[0].data, "secret")

    def test_a_wrong_password_is_said_with_the_source_and_the_remedy(self):
        server = RedisServer(password="correct horse")
        self.addCleanup(server.close)
        server.start()
        text = config(server)
        text = re.sub(r"://[^@]*@", "://:wrong@", text)
        gateway = self.start(text)
        said = gateway.wait_for_line(r'"source down","source":"orders".*', 15)[0]
        self.assertIn("password", said)
