"""A JetStream stream through a storm of faults: nothing lost, repeated, out of order.

JetStream acknowledges before its file is synced: a kill of the server keeps what the operating system has, a power cut
may not. That is what this storm has."""

import case
from fault_storm import Storm, relays_to
from nats_server import NatsServer

CONFIG = """
[source.fleet]
url = "{url}"
stream = "FLEET"
subject = "fleet.>"
history = {{ entries = 50 }}
[[route]]
path = "/fleet/**"
source = "fleet"
"""


class JetStream(case.Case):
    def test_every_acknowledged_event_reaches_every_subscriber_once_in_order(self):
        server = NatsServer()
        self.addCleanup(server.close)
        server.start()
        with server.client() as nats:
            nats.create_stream("FLEET", "fleet.>")
        relays = relays_to(self, server.port)
        gateways = [self.start(CONFIG.format(url=server.url_at(relay.port))) for relay in relays]
        clients = []

        def write(data):
            try:
                if not clients:
                    clients.append(server.client(timeout=3))
                # An id makes what was written before a lost answer one message.
                clients[0].publish_acknowledged("fleet.eu", data, headers={"Nats-Msg-Id": data})
            except Exception as error:
                if clients:
                    clients.pop().close()
                raise OSError("not acknowledged") from error

        storm = Storm(self, gateways, "/fleet/eu", relays, server)
        storm.check_exact(storm.run(write, lambda: [str(number) for number in range(len(storm.acknowledged))]))
        for each in clients:
            each.close()
