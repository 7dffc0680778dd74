"""PostgreSQL that is killed, stopped, cut off: what its outbox tables and channels lose (nothing), or say that they lost."""

import json
import time

import case
from outbox import OutboxCase, config
from postgres_server import PostgresServer
from relay import Relay

BACKOFF = 60  # seconds; beside other tests, the server takes its time to come back, and the gateway to try again


class Faults(OutboxCase):
    """Each case has a server of its own."""

    def setUp(self):
        self.server = PostgresServer()
        self.addCleanup(self.server.close)
        self.server.start()
        self.create()

    @classmethod
    def setUpClass(cls):
        pass

    def test_nothing_is_lost_or_repeated_when_the_server_is_killed(self):
        self.gateway = self.gateway_over_table("publish = true")
        reader = self.subscribe("/audit")
        reader.opened()
        places = self.insert("a", "b")
        self.assert_events(reader, "ab", places)
        self.server.kill()
        self.wait_until(self.gateway, "down")
        self.assertIn("source-unavailable", self.fetch("/audit", body="x", headers=case.BEARER).text)
        late = self.subscribe("/audit", last_event_id=places[0])
        self.server.start()
        self.sql = self.session()
        more = self.insert("c", "d")
        self.wait_until(self.gateway, "up", BACKOFF)
        self.assert_events(reader, "cd", more)
        late.opened()
        self.assert_events(late, "bcd", places[1:] + more)

    def test_a_gateway_that_starts_before_its_server_opens_its_streams_when_it_comes(self):
        self.server.shut_down()
        self.gateway = self.gateway_over_table()
        self.wait_until(self.gateway, "down.*nobody listens")
        reader = self.subscribe("/audit")
        self.assertEqual(reader.status, 200)
        self.server.start()
        self.assertEqual(reader.next(BACKOFF).type, "sluice.open")
        self.sql = self.session()
        self.assert_events(reader, "a", self.insert("a"))

    def test_a_server_that_hangs_is_noticed_within_ten_seconds(self):
        self.gateway = self.gateway_over_table()
        reader = self.subscribe("/audit")
        reader.opened()
        place = self.insert("a")
        self.assert_events(reader, "a", place)
        self.server.stop_process()
        stopped = time.monotonic()
        self.wait_until(self.gateway, "down.*does not answer")
        self.assertLess(time.monotonic() - stopped, 10)
        self.assertIn("audit", self.fetch("/readyz", admin=True).text)
        self.server.cont()
        self.wait_until(self.gateway, "up", BACKOFF)
        self.assert_events(reader, "b", self.insert("b"))

    def test_cut_and_delayed_connections_lose_nothing(self):
        relay = Relay(self.server.port)
        self.addCleanup(relay.close)
        self.gateway = self.gateway_over_table("publish = true", url=self.server.url_at(relay.port))
        reader = self.subscribe("/audit")
        reader.opened()
        relay.delay(30)
        places = self.insert(*"ab")
        self.assert_events(reader, "ab", places)
        relay.cut()
        places = self.insert(*"cd")
        self.assert_events(reader, "cd", places)
        relay.cut_after(2_000)
        places = self.insert(*"ef")
        self.assert_events(reader, "ef", places)

    def test_rows_deleted_while_the_gateway_was_cut_off_are_announced(self):
        relay = Relay(self.server.port)
        self.addCleanup(relay.close)
        self.gateway = self.gateway_over_table(url=self.server.url_at(relay.port))
        reader = self.subscribe("/audit")
        reader.opened()
        self.assert_events(reader, "a", self.insert("a"))
        relay.refuse()
        relay.cut()
        self.wait_until(self.gateway, "down")
        places = self.insert(*"bcd")
        self.sql.run(f"DELETE FROM {self.table} WHERE data < 'd'")
        relay.go_on()
        self.assertEqual(self.gap(reader.next(BACKOFF))["reason"], "trimmed")
        self.assert_events(reader, "d", places[2:])

    def test_a_table_dropped_and_made_anew_goes_on(self):
        self.gateway = self.gateway_over_table()
        reader = self.subscribe("/audit")
        reader.opened()
        self.assert_events(reader, "a", self.insert("a"))
        self.sql.run(f"ALTER TABLE {self.table} RENAME TO hidden")
        self.gateway.wait_for_line("source down.*has gone", 15)
        self.sql.run(f"ALTER TABLE hidden RENAME TO {self.table}")
        self.wait_until(self.gateway, "up", BACKOFF)
        self.assert_events(reader, "b", self.insert("b"))


class Channels(OutboxCase):
    def channel(self, more="", url=None):
        self.sql = self.session()
        self.gateway = self.start(config(url or self.server.url, 'channel = "news"', more))
        reader = self.subscribe("/audit")
        reader.opened()
        return reader

    def test_notifications_are_events(self):
        reader = self.channel()
        for text in ("one", "", "three"):
            self.sql.run(f"NOTIFY news, '{text}'")
        events = reader.take(3)
        self.assertEqual([event.data for event in events], ["one", "", "three"])
        epochs, numbers = zip(*(event.id.split(".") for event in events))
        self.assertEqual((len(set(epochs)), numbers), (1, ("1", "2", "3")))

    def test_json_says_topic_and_name(self):
        self.channel('map.topic = "/region"\nmap.event = "/kind"\nmap.data = "/body"')
        reader = self.subscribe("/audit/eu")
        reader.opened()
        self.sql.run("""NOTIFY news, '{"region":"eu","kind":"sale","body":{"n": 1}}'""")
        event = reader.next()
        self.assertEqual((event.type, event.data), ("sale", '{"n":1}'))

    def test_a_post_is_a_notification(self):
        reader = self.channel("publish = true")
        answered = self.ids(self.publish("/audit", json.dumps([{"data": "a"}, {"data": "b"}]),
                                         headers={"content-type": "application/json"}))
        self.assert_events(reader, "ab", answered)
        for path, body, text in [("/audit", "x" * 8000, "at most 7999 bytes"), ("/audit?id=1", "x", "without id"),
                                 ("/audit?event=e", "x", "data alone"), ("/audit", '[{"data":"x"},{"data":"x"}]', "one by one")]:
            kind = {"content-type": "application/json"} if body.startswith("[") else {}
            with self.subTest(text):
                refused = self.assert_refused(self.fetch(path, body=body, headers=case.BEARER | kind), 400)
                self.assertIn(text, refused["detail"])
        self.publish("/audit", "y" * 7999)
        self.assertEqual(reader.next().data, "y" * 7999)

    def test_a_lost_connection_is_announced_as_a_gap(self):
        relay = Relay(self.server.port)
        self.addCleanup(relay.close)
        reader = self.channel(url=self.server.url_at(relay.port))
        self.sql.run("NOTIFY news, 'before'")
        self.assertEqual(reader.next().data, "before")
        relay.cut()
        self.assertEqual(self.gap(reader.next())["reason"], "source_lost")
        self.sql.run("NOTIFY news, 'after'")
        self.assertEqual(reader.next().data, "after")

    def test_a_server_that_hangs_is_noticed_within_ten_seconds(self):
        reader = self.channel()
        self.server.stop_process()
        stopped = time.monotonic()
        self.wait_until(self.gateway, "down.*does not answer")
        self.assertLess(time.monotonic() - stopped, 10)
        self.server.cont()
        self.assertEqual(self.gap(reader.next(BACKOFF))["reason"], "source_lost")
        self.sql.run("NOTIFY news, 'after'")
        self.assertEqual(reader.next().data, "after")
