"""What crosses threads: everything here runs with two workers, and again under TSan (./dev test tsan)."""

import signal
import threading

import case
import raw_h2

TWO = {"workers": 2}


class Workers(case.Case):
    def test_workers_every_connection_gets_what_any_connection_publishes(self):
        self.gateway = self.start(settings=TWO)
        readers = [raw_h2.Peer(self.gateway) for _ in range(8)]
        for reader in readers:
            self.addCleanup(reader.close)
            reader.wait_body(reader.get("/topics/shared"), b"sluice.open")

        def publish(first: int):
            with raw_h2.Peer(self.gateway) as peer:
                for number in range(first, first + 25):
                    peer.wait(lambda frame, stream=peer.post("/topics/shared", b"%d;" % number):
                              frame.type == raw_h2.HEADERS and frame.stream == stream, "an answer")

        publishers = [threading.Thread(target=publish, args=(first,)) for first in (100, 200, 300, 400)]
        for publisher in publishers:
            publisher.start()
        for publisher in publishers:
            publisher.join()
        self.publish("/topics/shared", "the end")
        orders = set()
        for reader in readers:
            reader.wait_body(1, b"data: the end\n")
            numbers = [line for line in reader.body(1).decode().split("\n") if line.startswith("data: ") and line.endswith(";")]
            self.assertEqual(len(set(numbers)), 100)
            self.assertEqual(len(numbers), 100)
            orders.add(tuple(numbers))
        self.assertEqual(len(orders), 1, "one order for all workers")

    def test_workers_connections_come_and_go_while_events_flow(self):
        self.gateway = self.start(settings={**TWO, "limits.resets_burst": 10_000})
        failures = []

        def come_and_go():
            try:
                for _ in range(15):
                    with raw_h2.Peer(self.gateway) as peer:
                        streams = [peer.get("/demo/counter"), peer.get("/topics/busy"), peer.get("/demo/clock")]
                        peer.wait_body(streams[0], b"sluice.open")
                        peer.reset(streams[1])
                        peer.post("/topics/busy", b"x")
            except AssertionError as failure:
                failures.append(failure)

        visitors = [threading.Thread(target=come_and_go) for _ in range(4)]
        for visitor in visitors:
            visitor.start()
        for _ in range(20):
            case.metrics(self.gateway)
            self.publish("/topics/busy", "y")
        for visitor in visitors:
            visitor.join()
        self.assertFalse(failures, failures)

    def test_workers_drain_together(self):
        self.gateway = self.start(settings=TWO)
        readers = [self.subscribe("/demo/clock") for _ in range(6)]
        for reader in readers:
            reader.opened()
        self.gateway.signal(signal.SIGTERM)
        for reader in readers:
            reader.rest()
        self.assertEqual(self.gateway.wait(), 0)
