"""Kafka as a source: librdkafka's mock cluster, kcat as its other clients, through its faults."""

import json
import signal
import tempfile

from case import BEARER, SECRET, metric
from gateway import run_verb
from kafka_mock import FETCH, KafkaMock
from source_case import SourceCase

HUNG_SECONDS = 20  # it is noticed within 10; beside other tests


class KafkaCase(SourceCase):
    path = "/orders"

    def cluster(self, partitions=2, brokers=2) -> KafkaMock:
        """With the topic orders."""
        mock = KafkaMock(brokers=brokers)
        self.addCleanup(mock.close)
        mock.start()
        mock.create_topic("orders", partitions)
        return mock

    def start_on(self, mock: KafkaMock, *keys: str, up=True, settings=None):
        """A gateway with a source `orders`; /all begins at the oldest."""
        gateway = self.start(f"""
access = {{ publish_secret = "{SECRET}" }}
log.format = "text"
[source.orders]
url = {json.dumps(mock.url)}
topic = "orders"
{chr(10).join(keys)}
[[route]]
path = "/orders"
source = "orders"
[[route]]
path = "/orders/{{region}}"
source = "orders"
[[route]]
path = "/all"
topics = ["orders"]
start = "earliest"
""", {"workers": 2, **(settings or {})})
        if up:
            self.wait_up(gateway)
        return gateway

    def wait_events(self, gateway, count: int):
        self.wait_metric(gateway, "sluice_source_events_total", lambda value: value >= count)


def place(id: str) -> dict[int, int]:
    """The offset of the last event of each partition."""
    return {int(partition): int(offset) for partition, offset in (pair.split(".") for pair in id.split(","))}


def own(id: str) -> tuple[int, int]:
    """Partition and offset of the event itself."""
    return tuple(map(int, id.split(",")[0].split(".")))


class Following(KafkaCase):
    def test_partitions_come_each_in_its_order_and_an_id_begins_with_the_events_own(self):
        mock = self.cluster(partitions=3)
        mock.produce("orders", "before", partition=0)
        gateway = self.start_on(mock)
        reader = self.follow(gateway)
        self.assertEqual(place(reader.open_event.id), {0: 0, 1: -1, 2: -1})
        for number in range(4):
            for partition in range(3):
                mock.produce("orders", f"{partition}/{number}", partition=partition)
        events = reader.take(12)
        seen = place(reader.open_event.id)
        for event in events:
            partition, offset = own(event.id)
            self.assertEqual(offset, seen[partition] + 1, event.id)
            seen[partition] = offset
            self.assertEqual(place(event.id), seen)
            self.assertEqual(event.data, f"{partition}/{offset - (partition == 0)}")
        self.assertEqual(metric(gateway, "sluice_source_events_total"), 12)

    def test_a_subscriber_waits_until_the_cluster_is_heard_of(self):
        mock = self.cluster()
        mock.broker_down()
        gateway = self.start_on(mock, up=False)
        reader = self.subscribe("/orders", gateway=gateway)
        self.wait_up(gateway, up=0)
        mock.broker_up()
        reader.opened()
        mock.produce("orders", "x")
        self.assertEqual(reader.next().data, "x")

    def test_a_topic_that_is_missing_is_said_and_awaited(self):
        mock = self.cluster()
        mock.deny_topic("orders")
        gateway = self.start_on(mock, up=False)
        gateway.wait_for_line("source down.*there is no topic `orders`")
        self.assertIn("there is no topic", self.fetch("/readyz", gateway=gateway, admin=True).text)
        mock.deny_topic("orders", 0)
        self.wait_up(gateway)
        reader = self.follow(gateway)
        mock.produce("orders", "x")
        self.assertEqual(reader.next().data, "x")

    def test_key_header_and_null_value_become_what_the_documentation_says(self):
        mock = self.cluster(partitions=1)
        gateway = self.start_on(mock)
        reader = self.follow(gateway)
        mock.produce("orders", "two\nlines", key="k", headers={"event": "moved"})
        mock.delete("orders", "k")
        mock.produce("orders", "plain")
        moved, deleted, plain = reader.take(3)
        self.assertEqual((moved.type, moved.data), ("moved", "two\nlines"))
        self.assertEqual((deleted.type, deleted.data), ("message", ""))
        self.assertEqual((plain.type, plain.data), ("message", "plain"))

    def test_topics_names_and_data_come_from_headers_and_from_inside_the_value(self):
        mock = self.cluster(partitions=1)
        gateway = self.start_on(mock, 'map = { topic = "region", event = "/kind", data = "/order" }')
        eu, us = (self.follow(gateway, f"/orders/{region}") for region in ("eu", "us"))
        mock.produce("orders", '{"kind":"new","order":{"n": 1}}', headers={"region": "eu"})
        mock.produce("orders", '{"kind":"new","order":2}', headers={"region": "us"})
        mock.produce("orders", '{"order":3}', '{"none":3}', headers={"region": "eu"})
        mock.produce("orders", '{"order":4}')  # no region
        mock.produce("orders", '{"order":5}', headers={"region": "us"})
        self.assertEqual([(event.type, event.data) for event in eu.take(2)], [("new", '{"n":1}'), ("message", "3")])
        self.assertEqual([(event.type, event.data) for event in us.take(2)], [("new", "2"), ("message", "5")])
        self.assertEqual(metric(gateway, "sluice_source_poison_total"), 2)
        us = self.follow(gateway, "/orders/us", last_event_id="earliest")
        self.assertEqual([event.data for event in us.take(2)], ["2", "5"])

    def test_poison_is_mended_or_dropped_counted_and_logged_once(self):
        mock = self.cluster(partitions=1)
        gateway = self.start_on(mock, settings={"limits.event_size": "64KiB"})
        reader = self.follow(gateway)
        mock.produce("orders", "a\0b")
        mock.produce("orders", b"\xff!")
        mock.produce("orders", "named", headers={"event": "x\ry"})
        mock.produce("orders", "x" * 70_000)  # above limits.event_size
        mock.produce("orders", "last")
        self.assertEqual([event.data for event in reader.take(4)], ["ab", "\ufffd!", "named", "last"])
        self.assertEqual(metric(gateway, "sluice_source_poison_total"), 4)
        self.assertEqual(sum("is no good" in line for line in gateway.lines), 1)


class Resuming(KafkaCase):
    def test_a_client_resumes_by_every_id_on_a_gateway_that_got_the_partitions_in_another_order(self):
        mock = self.cluster(partitions=3)
        first, second = self.start_on(mock), self.start_on(mock)
        reader, other = self.follow(first), self.follow(second)
        second.signal(signal.SIGSTOP)  # it will get a message of each partition in turn
        events = []
        for partition in range(3):
            for number in range(5):
                mock.produce("orders", f"{partition}/{number}", partition=partition)
            events += reader.take(5)
        second.signal(signal.SIGCONT)
        elsewhere = other.take(15)
        self.assertNotEqual([event.data for event in events], [event.data for event in elsewhere])
        third = self.start_on(mock)  # its ring begins here: all of that is the past
        everything = sorted(event.data for event in events)
        for origin, gateway in ((events, second), (elsewhere, first), (events, third)):
            opened = reader.open_event if origin is events else other.open_event
            for had, id in enumerate([opened.id, *(event.id for event in origin)]):
                resumed = self.follow(gateway, last_event_id=id)
                self.assertEqual(resumed.open_event.id, id)
                got = resumed.take(15 - had)
                self.assertEqual(sorted([event.data for event in origin[:had]] + [event.data for event in got]), everything)
                seen = place(id)
                for event in got:
                    partition, offset = own(event.id)
                    self.assertEqual(offset, seen[partition] + 1)
                    seen[partition] = offset
                    self.assertEqual(place(event.id), seen)
                resumed.close()
        resumed = self.follow(second, last_event_id=events[7].id)
        resumed.take(7)
        mock.produce("orders", "live", partition=1)
        event = resumed.next()
        self.assertEqual((event.data, place(event.id)), ("live", {0: 4, 1: 5, 2: 4}))

    def test_the_past_is_read_in_pages_and_joined_to_the_ring(self):
        mock = self.cluster(partitions=2)
        for partition in range(2):
            mock.produce("orders", *(f"{partition}/{number}" for number in range(1_500)), partition=partition)
        gateway = self.start_on(mock)
        readers = [self.follow(gateway, "/all"), self.follow(gateway, last_event_id="0.999,1.499")]
        mock.produce("orders", "live", partition=1)
        for reader, seen, count in ((readers[0], {0: -1, 1: -1}, 3_001), (readers[1], {0: 999, 1: 499}, 1_501)):
            for event in reader.take(count):
                partition, offset = own(event.id)
                self.assertEqual(offset, seen[partition] + 1)
                seen[partition] = offset
                self.assertEqual(place(event.id), seen)
                self.assertEqual(event.data, "live" if offset == 1_500 else f"{partition}/{offset}")
            self.assertEqual(seen, {0: 1_499, 1: 1_500})
        pages = metric(gateway, "sluice_source_pages_total")
        self.assertGreaterEqual(pages, 3)
        self.assertLessEqual(pages, 12)

    def test_many_clients_at_one_old_position_cost_the_cluster_one_read_a_page(self):
        mock = self.cluster(partitions=2)
        for partition in range(2):
            mock.produce("orders", *map(str, range(750)), partition=partition)
        gateway = self.start_on(mock)
        readers = [self.follow(gateway, last_event_id="0.99,1.99") for _ in range(20)]
        for reader in readers:
            self.assertEqual(len({own(event.id) for event in reader.take(1_300)}), 1_300)
        self.assertLessEqual(metric(gateway, "sluice_source_pages_total"), 8)

    def test_a_partition_that_an_id_does_not_name_begins_at_its_beginning(self):
        mock = self.cluster(partitions=2)
        for partition in range(2):
            mock.produce("orders", *(f"{partition}/{number}" for number in range(3)), partition=partition)
        gateway = self.start_on(mock)
        reader = self.follow(gateway, last_event_id="1.1")
        self.assertEqual(sorted(event.data for event in reader.take(4)), ["0/0", "0/1", "0/2", "1/2"])
        mock.produce("orders", "live", partition=0)
        self.assertEqual(reader.next().data, "live")

    def test_one_stream_over_kafka_and_another_source_resumes_in_both(self):
        mock = self.cluster(partitions=2)
        gateway = self.start_on(mock, '[source.notes]\nurl = "publish:"\n[[route]]\npath = "/notes"\nsource = "notes"\n'
                                      '[[route]]\npath = "/both"\ntopics = ["orders", "notes"]', up=False)
        self.wait_up(gateway, up=2)  # sources
        reader = self.follow(gateway, "/both?topic=orders&topic=notes")
        events = []
        for number in range(3):
            for partition in range(2):
                mock.produce("orders", f"{partition}/{number}", partition=partition)
                events.append(reader.next())
            self.publish("/notes", f"note {number}", gateway=gateway)
            events.append(reader.next())
        second = self.start_on(mock, '[[route]]\npath = "/both"\ntopics = ["orders"]')  # it has no notes
        for had, event in enumerate(events, 1):
            rest = [each.data for each in events[had:]]
            with self.subscribe("/both?topic=orders&topic=notes", gateway=gateway, last_event_id=event.id) as resumed:
                resumed.opened()
                self.assertEqual(sorted(each.data for each in resumed.take(len(rest))), sorted(rest))
            rest = [data for data in rest if not data.startswith("note")]
            with self.subscribe("/orders", gateway=second, last_event_id=event.id) as resumed:
                resumed.opened()
                self.assertEqual(sorted(each.data for each in resumed.take(len(rest))), sorted(rest))

    def test_what_the_partition_has_lost_is_announced_before_the_rest(self):
        mock = self.cluster(partitions=2)
        mock.produce("orders", "other", partition=1)
        for _ in range(6):
            mock.produce("orders", *["x" * 1_000] * 1_000, partition=0)
        low, high = mock.watermarks("orders", 0)
        self.assertGreater(low, 0)
        gateway = self.start_on(mock)
        reader = self.follow(gateway, last_event_id="0.4,1.-1")
        gap = self.assert_gap(reader, "trimmed")
        self.assertEqual((place(gap["from"]), place(gap["to"])), ({0: 4, 1: -1}, {0: low - 1, 1: -1}))
        events = reader.take(high - low + 1)
        self.assertEqual(sorted(own(event.id)[1] for event in events if own(event.id)[0] == 0), list(range(low, high)))
        self.assertEqual(sum(event.data == "other" for event in events), 1)

    def test_a_position_that_the_cluster_never_reached_or_never_wrote_is_a_gap(self):
        mock = self.cluster(partitions=1)
        mock.produce("orders", "a", "b")
        gateway = self.start_on(mock)
        for id, reason in (("0.7", "recreated"), ("0.1,4.9", "recreated"), ("orders", "unknown_position")):
            with self.subTest(id):
                reader = self.follow(gateway, last_event_id=id)
                gap = self.assert_gap(reader, reason)
                datas = [event.data for event in reader.take(2 if id != "0.1,4.9" else 0)]
                self.assertEqual(datas, ["a", "b"] if id != "0.1,4.9" else [])
                self.assertEqual(place(gap["to"]), {0: 1 if id == "0.1,4.9" else -1})
        reader = self.follow(gateway, last_event_id="notes=abcdef.4")  # of another source: no part for this one
        self.assert_gap(reader, "no_position")
        self.assertEqual([event.data for event in reader.take(2)], ["a", "b"])


class Faults(KafkaCase):
    def test_brokers_go_down_and_come_back_and_nothing_is_lost_or_repeated(self):
        mock = self.cluster(partitions=2)
        gateway = self.start_on(mock)
        reader = self.follow(gateway)
        mock.produce("orders", "0", partition=0)
        self.assertEqual(reader.next().data, "0")
        mock.broker_down()
        self.wait_up(gateway, up=0)
        gateway.wait_for_line("source down")
        resumed = self.subscribe("/orders", gateway=gateway, last_event_id="0.-1,1.-1")
        mock.broker_up()
        mock.produce("orders", "1", "2", partition=1)
        mock.produce("orders", "3", partition=0)
        self.assertEqual(sorted(event.data for event in reader.take(3)), ["1", "2", "3"])
        resumed.opened()
        self.assertEqual(sorted(event.data for event in resumed.take(4)), ["0", "1", "2", "3"])
        self.wait_up(gateway)
        self.assertGreaterEqual(metric(gateway, "sluice_source_reconnects_total"), 1)
        self.assertEqual(metric(gateway, "sluice_source_events_total"), 4)

    def test_a_cluster_that_hangs_is_noticed_and_goes_on(self):
        mock = self.cluster(partitions=1)
        gateway = self.start_on(mock)
        reader = self.follow(gateway)
        mock.stop_process()
        self.wait_up(gateway, up=0, seconds=HUNG_SECONDS)
        mock.cont()
        self.wait_up(gateway)
        mock.produce("orders", "x")
        self.assertEqual(reader.next().data, "x")

    def test_a_source_that_falls_behind_retention_announces_its_loss_and_goes_on(self):
        mock = self.cluster(partitions=2, brokers=1)
        gateway = self.start_on(mock)
        reader = self.follow(gateway)
        mock.produce("orders", "first", partition=0)
        mock.produce("orders", "other", partition=1)
        self.assertEqual({event.data for event in reader.take(2)}, {"first", "other"})
        gateway.signal(signal.SIGSTOP)
        for _ in range(7):
            mock.produce("orders", *["x" * 1_000] * 1_000, partition=0)
        low, high = mock.watermarks("orders", 0)
        self.assertGreater(low, 1)
        gateway.signal(signal.SIGCONT)
        seen = 0
        while (event := reader.next()).type != "sluice.gap":  # librdkafka may have had some on their way
            self.assertEqual(own(event.id), (0, seen + 1))
            seen += 1
        gap = self.gap(event)
        self.assertEqual((gap["reason"], place(gap["to"])), ("trimmed", {0: low - 1, 1: 0}))
        events = reader.take(high - low)
        self.assertEqual([own(event.id)[1] for event in events], list(range(low, high)))
        mock.produce("orders", "live", partition=1)
        self.assertEqual(reader.next().data, "live")
        self.assertEqual(metric(gateway, "sluice_source_gaps_total"), 1)

    def test_requests_that_fail_are_tried_again(self):
        mock = self.cluster(partitions=1)
        gateway = self.start_on(mock)
        reader = self.follow(gateway)
        mock.fail(FETCH, -195, 2)  # the connection is cut
        mock.fail(FETCH, 6, 2)  # not the leader any more
        mock.produce("orders", *map(str, range(20)))
        self.assertEqual([event.data for event in reader.take(20)], [*map(str, range(20))])

    def test_a_gateway_killed_and_started_again_serves_the_ids_of_before(self):
        mock = self.cluster(partitions=2)
        gateway = self.start_on(mock)
        reader = self.follow(gateway)
        for partition in range(2):
            mock.produce("orders", *(f"{partition}/{number}" for number in range(5)), partition=partition)
        events = reader.take(10)
        gateway.kill()
        mock.produce("orders", "meanwhile", partition=1)
        gateway.restart()
        self.wait_up(gateway)
        resumed = self.follow(gateway, last_event_id=events[4].id)
        datas = [event.data for event in events[:5]] + [event.data for event in resumed.take(6)]
        self.assertEqual(sorted(datas), sorted([event.data for event in events] + ["meanwhile"]))


class Publishing(KafkaCase):
    def test_a_post_is_acknowledged_by_kafka_and_comes_back_on_every_gateway(self):
        mock = self.cluster(partitions=2)
        gateways = [self.start_on(mock, "publish = true"), self.start_on(mock)]
        readers = [self.follow(gateway) for gateway in gateways]
        answer = self.publish("/orders?event=new&key=k", "hello", gateway=gateways[0])
        for reader in readers:
            event = reader.next()
            self.assertEqual((event.type, event.data), ("new", "hello"))
            self.assertEqual(event.id.split(",")[0], self.ids(answer)[0])
        partition, offset = own(self.ids(answer)[0])
        written = mock.consume("orders", 1, partition=partition)[0]
        self.assertEqual((written["offset"], written["key"], written["payload"], written["headers"]),
                         (offset, "k", "hello", ["event", "new"]))
        refused = self.fetch("/orders", gateway=gateways[0], body='[{"data":1},{"data":2}]',
                             headers={**BEARER, "content-type": "application/json"})
        self.assertIn("one in a request", self.assert_refused(refused, 400)["detail"])
        self.assertEqual(self.fetch("/orders", gateway=gateways[1], body="x", headers=BEARER).status, 405)

    def test_a_post_without_its_acknowledgement_is_told_so(self):
        mock = self.cluster(partitions=1)
        gateway = self.start_on(mock, "publish = true")
        mock.broker_down()
        refused = self.fetch("/orders", gateway=gateway, body="x", headers=BEARER)
        self.assertEqual(self.assert_refused(refused, 503)["error"], "source-unavailable")
        mock.broker_up()
        self.wait_up(gateway)
        reader = self.follow(gateway)
        self.publish("/orders", "after", gateway=gateway)
        self.assertEqual(reader.next().data, "after")


class Checking(KafkaCase):
    def check(self, keys: str, *arguments):
        with tempfile.NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as file:
            file.write(f'[source.orders]\n{keys}\n[[route]]\npath = "/orders"\nsource = "orders"\n')
            file.flush()
            done = run_verb("check", "-c", file.name, *arguments)
        return done.returncode, done.stdout + done.stderr

    def test_a_file_that_cannot_work_is_refused_before_anything_is_connected(self):
        topic = 'topic = "orders"'
        rows = [(f'url = "kafka:localhost"\n{topic}', "two slashes are missing"),
                (f'url = "kafka://localhost:0"\n{topic}', "the port must be a number"),
                (f'url = "kafka://alone@localhost"\n{topic}', "password is missing"),
                (f'url = "kafka://u:se#cret@local host"\n{topic}', "write % as %25"),
                ('url = "kafka://localhost"', "needs exactly one"),
                (f'url = "kafka://localhost"\n{topic}\ntls.ca = "/none.pem"', "/none.pem"),
                (f'url = "kafka://localhost"\n{topic}\npublish = true\nmap.data = "/x"', "does not go with")]
        for keys, words in rows:
            with self.subTest(words):
                status, text = self.check(keys)
                self.assertEqual(status, 1, text)
                self.assertIn(words, text)
                self.assertNotIn("se#cret", text)

    def test_check_connect_tells_how_the_cluster_is(self):
        mock = self.cluster()
        status, text = self.check(f'url = "{mock.url}"\ntopic = "orders"', "--connect")
        self.assertEqual((status, "source orders: up" in text), (0, True), text)
        mock.deny_topic("orders")
        status, text = self.check(f'url = "{mock.url}"\ntopic = "orders"', "--connect")
        self.assertEqual((status, "there is no topic `orders`" in text), (1, True), text)
        mock.broker_down()
        status, text = self.check(f'url = "{mock.url}"\ntopic = "orders"', "--connect")
        self.assertEqual((status, "does it run" in text), (1, True), text)
