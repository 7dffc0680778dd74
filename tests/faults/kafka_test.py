"""Kafka (librdkafka's mock cluster) through a storm of faults: of each partition nothing lost, nothing repeated, nothing
out of order. The mock keeps its log in memory, so it hangs, and its brokers go away, but its process is not killed."""

import random
import subprocess
import time

import case
from engine import EngineError
from fault_storm import Storm
from kafka_mock import KafkaMock

PARTITIONS = 3
CONFIG = """
[source.orders]
url = "{url}"
topic = "orders"
history = {{ entries = 50 }}
[[route]]
path = "/orders"
source = "orders"
"""


class Brokers:
    """What the storm takes for a relay: brokers that go away and come back."""

    def __init__(self, mock: KafkaMock):
        self._mock = mock
        self._random = random.Random(7)

    def cut(self, *_):
        self._mock.broker_down(self._random.choice((1, 2)))

    cut_after = delay = partition = stall = refuse = cut

    def go_on(self):
        self._mock.broker_up()


class Kafka(case.Case):
    def test_every_acknowledged_event_reaches_every_subscriber_once_in_its_partitions_order(self):
        mock = KafkaMock(brokers=2)
        self.addCleanup(mock.close)
        mock.start()
        mock.create_topic("orders", PARTITIONS)
        gateways = [self.start(CONFIG.format(url=mock.url)) for _ in range(2)]
        written = 0

        def write(data):
            nonlocal written
            try:
                mock.produce("orders", data, partition=int(data) % PARTITIONS, timeout=3)
                written += 1
            except (EngineError, subprocess.TimeoutExpired) as error:
                raise OSError("not acknowledged") from error

        def truth():
            return [each["payload"] for partition in range(PARTITIONS)
                    for each in mock.consume("orders", mock.watermarks("orders", partition)[1], partition=partition)]

        storm = Storm(self, gateways, "/orders", [Brokers(mock)], mock, engine_dies=False)
        expected = storm.run(write, truth)
        for follower in storm.followers:
            by_partition: dict[int, list[str]] = {}
            for id, data in follower.events:
                by_partition.setdefault(int(id.partition(".")[0]), []).append(data)
            got = [data for partition in range(PARTITIONS) for data in by_partition.get(partition, [])]
            self.assertEqual(got, expected)
            self.assertEqual(follower.gaps, [])
