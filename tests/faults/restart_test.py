"""kill -9 under load: every subscriber comes back on its own and is told of what it missed."""

import json
import threading

import case
import raw_h2
from event_stream import Parser

STREAMS_OF_A_CONNECTION = 50
CONNECTIONS = 4


class Subscribers:
    """One connection's streams of one topic, each with the id it has come to."""

    def __init__(self, gateway, ids=None):
        self._peer = raw_h2.Peer(gateway)
        self._streams = [self._peer.get("/topics/load", **({"last_event_id": ids[number]} if ids else {}))
                         for number in range(STREAMS_OF_A_CONNECTION)]

    def wait(self, text: bytes):
        for stream in self._streams:
            self._peer.wait_body(stream, text)

    def wait_cut(self):
        self._peer.wait_closed()
        self._peer.close()

    def events(self) -> list[list]:
        return [Parser().feed(self._peer.body(stream)) for stream in self._streams]

    def close(self):
        self._peer.close()


class KillMinusNine(case.Case):
    def test_every_subscriber_comes_back_and_is_told_of_the_gap(self):
        self.gateway = self.start()
        subscribers = [Subscribers(self.gateway) for _ in range(CONNECTIONS)]
        for each in subscribers:
            each.wait(b"sluice.open")
        dead = threading.Event()

        def publish():
            with raw_h2.Peer(self.gateway) as peer:
                number = 0
                while not dead.is_set() and not peer.closed:
                    peer.post("/topics/load", b"%d" % number)
                    number += 1
                    if number % 20 == 0 and not peer.closed:
                        try:
                            peer.answered()
                        except AssertionError:
                            return

        publisher = threading.Thread(target=publish)
        publisher.start()
        for each in subscribers:
            each.wait(b"data: 100\n")
        self.gateway.kill()
        dead.set()
        publisher.join()
        for each in subscribers:
            each.wait_cut()
        ids = []
        for each in subscribers:
            for events in each.events():
                numbers = [int(event.data) for event in events if event.type == "message"]
                self.assertEqual(numbers, list(range(len(numbers))), "nothing lost or repeated up to the kill")
                ids.append(events[-1].id)

        self.gateway.restart()
        again = [Subscribers(self.gateway, ids[at:at + STREAMS_OF_A_CONNECTION])
                 for at in range(0, len(ids), STREAMS_OF_A_CONNECTION)]
        self.publish("/topics/load", "after")
        for each in again:
            self.addCleanup(each.close)
            each.wait(b"data: after\n")
            for events in each.events():
                self.assertEqual([event.type for event in events], ["sluice.open", "sluice.gap", "message"])
                self.assertEqual(json.loads(events[1].data)["topic"], "topics/load")

    def test_the_certificate_authority_survives_so_nobody_has_to_trust_again(self):
        self.gateway = self.start()
        self.subscribe("/topics/a").opened()
        self.gateway.kill()
        self.gateway.restart()
        self.subscribe("/topics/a").opened()
