"""Mosquitto's messages as event streams: wildcards become topics, whatever may have been missed becomes a gap."""

import itertools
import time
import unittest

import case
from certificates import Certificates
from engine import Engine
from mosquitto_broker import MosquittoBroker
from ports import free_port
from relay import Relay

PASSWORD = 'sp ace/"@:quote'
NOTICED = 10  # seconds within which a hung broker must be noticed

CONFIG = """
[source.sensors]
url = "{url}"
topic = "{topic}"
{keys}
history = {{ entries = 1_000_000, bytes = "1GiB", bytes_total = "1GiB" }}
[[route]]
path = "/sensors"
source = "sensors"
[[route]]
path = "/sensors/**"
source = "sensors"
[[route]]
path = "/all"
topics = ["sensors/**"]
"""


class Mqtt(case.Case):
    def broker(self, **variant) -> MosquittoBroker:
        broker = MosquittoBroker(**variant)
        self.addCleanup(broker.close)
        return broker.start()

    def follow(self, broker: Engine, topic="sensors/#", keys="", url=None, up=True):
        if broker.certificates:
            keys += f'\ntls = {{ ca = "{broker.ca}" }}'
        self.gateway = self.start(CONFIG.format(url=url or broker.url, topic=topic, keys=keys))
        if up:
            self.wait_up()

    def wait_up(self):
        deadline = time.monotonic() + 40  # a backoff may have grown
        while case.metric(self.gateway, "sluice_source_up") != 1:
            self.assertLess(time.monotonic(), deadline, self.gateway.tail())
            time.sleep(0.05)  # the state is scraped, there is no event to await

    def assert_gap(self, event):
        self.assertEqual(self.gap(event)["reason"], "source_lost")

    def test_messages_arrive_with_and_without_password_and_tls(self):
        for password, tls in itertools.product((None, PASSWORD), (False, True)):
            with self.subTest(password=password, tls=tls):
                broker = self.broker(password=password, tls=tls)
                self.follow(broker)
                with self.subscribe("/sensors/kitchen/t") as one, self.subscribe("/all") as every:
                    one.opened()
                    every.opened()
                    broker.publish("sensors/attic/t", "1")
                    broker.publish("sensors/kitchen/t", '{"n" : 2}')
                    broker.publish("other/kitchen/t", "3")
                    broker.publish("sensors", "4")
                    event = one.next()
                    self.assertEqual((event.type, event.data), ("message", '{"n" : 2}'))
                    self.assertEqual([event.data for event in every.take(2)], ["1", '{"n" : 2}'])
                with self.subscribe("/sensors", last_event_id="earliest") as own:
                    own.opened()
                    self.assertEqual(own.next().data, "4")
                self.gateway.close()
                broker.close()

    def test_wildcards_choose_the_topic_and_a_filter_without_one_has_a_single_topic(self):
        broker = self.broker()
        self.follow(broker, "site/+/temperature")
        with self.subscribe("/sensors/attic", last_event_id="earliest") as reader:
            reader.opened()
            broker.publish("site/attic/humidity", "1")
            broker.publish("site/attic/temperature", "2")
            self.assertEqual(reader.next().data, "2")
        self.gateway.close()
        self.follow(broker, "site/attic/temperature")
        with self.subscribe("/sensors") as reader:
            reader.opened()
            broker.publish("site/attic/temperature", "3")
            self.assertEqual(reader.next().data, "3")
        self.assert_refused(self.fetch("/sensors/attic"), 404)

    def test_mapped_members_become_topic_name_data_and_key(self):
        broker = self.broker()
        self.follow(broker, "site/#", 'map = { topic = "/room", event = "topic", data = "value", key = "room" }')
        with self.subscribe("/sensors/attic") as reader:
            reader.opened()
            broker.publish("site/t", '{"room":"attic","value":{"c" : 21.50}}')
            event = reader.next()
            self.assertEqual((event.type, event.data), ("site/t", '{"c":21.50}'))

    def test_a_retained_message_is_an_event_once_and_not_again_after_a_reconnect(self):
        broker = self.broker()
        broker.publish("sensors/t", "retained", retain=True)
        self.follow(broker)
        with self.subscribe("/sensors/t", last_event_id="earliest") as reader:
            reader.opened()
            self.assertEqual(reader.next().data, "retained")
            broker.shut_down()
            broker.start()
            self.assert_gap(reader.next(40))
            self.wait_up()
            broker.publish("sensors/t", "live")
            self.assertEqual(reader.next().data, "live")

    def test_a_broker_that_is_killed_comes_back_behind_a_gap_in_every_topic(self):
        broker = self.broker()
        self.follow(broker)
        with self.subscribe("/sensors/a") as one, self.subscribe("/sensors/b") as two:
            for reader in (one, two):
                reader.opened()
            broker.publish("sensors/a", "1")
            self.assertEqual(one.next().data, "1")
            broker.kill()
            self.gateway.wait_for_line("source down")
            broker.start()
            for reader in (one, two):
                self.assert_gap(reader.next(40))
            self.wait_up()
            broker.publish("sensors/a", "2")
            self.assertEqual(one.next().data, "2")
        self.assertEqual(case.metric(self.gateway, "sluice_source_gaps_total"), 2)
        self.assertGreaterEqual(case.metric(self.gateway, "sluice_source_reconnects_total"), 1)

    def test_a_broker_that_hangs_is_noticed_within_ten_seconds(self):
        broker = self.broker()
        self.follow(broker)
        with self.subscribe("/sensors/a") as reader:
            reader.opened()
            broker.stop_process()
            stopped = time.monotonic()
            self.gateway.wait_for_line("source down.*does not answer any more", NOTICED + 5)
            self.assertLess(time.monotonic() - stopped, NOTICED)
            broker.cont()
            self.assert_gap(reader.next(40))
            self.wait_up()
            broker.publish("sensors/a", "again")
            self.assertEqual(reader.next().data, "again")

    def test_a_connection_that_is_cut_is_announced_as_a_loss(self):
        broker = self.broker()
        relay = Relay(broker.port)
        self.addCleanup(relay.close)
        self.follow(broker, url=broker.url_at(relay.port))
        with self.subscribe("/sensors/a") as reader:
            reader.opened()
            relay.cut()
            self.assert_gap(reader.next(40))
            self.wait_up()
            broker.publish("sensors/a", "again")
            self.assertEqual(reader.next().data, "again")

    def test_a_broker_that_is_not_there_yet_is_waited_for(self):
        broker = MosquittoBroker()
        self.addCleanup(broker.close)
        self.follow(broker, up=False)
        self.gateway.wait_for_line(r"source down.*localhost:\d+.*source\.sensors\.url")
        with self.subscribe("/sensors/a") as reader:
            reader.opened()
            broker.start()
            self.assert_gap(reader.next(40))
            self.wait_up()
            broker.publish("sensors/a", "here")
            self.assertEqual(reader.next().data, "here")

    def test_what_a_broker_refuses_is_named_with_the_remedy(self):
        broker = self.broker(password=PASSWORD)
        self.follow(broker, url=f"mqtt://sluice:wrong@localhost:{broker.port}", up=False)
        said = self.gateway.wait_for_line("source down.*refuses us: .*not authorised.*user and password.*source.sensors.url")
        self.assertNotIn("wrong", said.string)
        self.gateway.close()
        self.follow(broker, url=f"mqtt://localhost:{broker.port}", up=False)
        self.gateway.wait_for_line("source down.*refuses us: .*the URL has no user and password")

    def test_a_certificate_of_nobody_we_trust_is_refused(self):
        broker = self.broker(tls=True)
        other = Certificates.make(broker.folder / "other")
        self.gateway = self.start(CONFIG.format(url=broker.url, topic="sensors/#", keys=f'tls = {{ ca = "{other.ca}" }}'))
        self.gateway.wait_for_line("source down.*TLS handshake failed.*certificate.*tls.ca")

    def test_a_host_that_does_not_listen_or_does_not_exist_is_named(self):
        broker = MosquittoBroker()
        self.addCleanup(broker.close)
        self.follow(broker, url=f"mqtt://127.0.0.1:{free_port()}", up=False)
        self.gateway.wait_for_line(r"source down.*127\.0\.0\.1:\d+: Connection refused")
        self.gateway.close()
        self.follow(broker, url="mqtt://no-such-host.invalid", up=False)
        self.gateway.wait_for_line("source down.*no-such-host.invalid:1883", 30)

    def test_poison_is_dropped_or_mended_and_the_next_message_comes(self):
        broker = self.broker()
        self.follow(broker, keys='map = { event = "/event" }')
        with self.subscribe("/sensors/a") as reader:
            reader.opened()
            with self.counts("sluice_source_poison_total", least=4):
                broker.publish("sensors/a", b"x" * 2_100_000)
                broker.publish("sensors/a", b"a\xff\0")
                broker.publish("sensors/a", '{"event":"a\\rid: 9"}')
                broker.publish("sensors/..", "nobody's")
                broker.publish("sensors/a", "end")
                self.assertEqual([(event.type, event.data) for event in reader.take(3)],
                                 [("message", "a\ufffd"), ("message", '{"event":"a\\rid: 9"}'), ("message", "end")])

    def test_many_messages_arrive_all_and_in_order(self):
        broker = self.broker()
        self.follow(broker)
        with self.subscribe("/sensors/many") as reader:
            reader.opened()
            broker.publish_lines("sensors/many", range(20_000))
            self.assertEqual([event.data for event in reader.take(20_000)], [str(number) for number in range(20_000)])

    def test_a_filter_or_url_that_cannot_work_stops_the_start_and_names_the_key(self):
        broker = MosquittoBroker()
        self.addCleanup(broker.close)
        for url, topic, said in ((broker.url, "a/#/b", r"`source\.sensors`: `topic`: `\+` is a whole level"),
                                 (broker.url, "$share/group/a", r"`source\.sensors`: `topic`: a shared subscription"),
                                 ("mqtt:localhost", "a", r"`source\.sensors`: two slashes are missing")):
            with self.subTest(url=url, topic=topic), self.assertRaisesRegex(AssertionError, said):
                self.follow(broker, topic, url=url, up=False)


if __name__ == "__main__":
    unittest.main()
