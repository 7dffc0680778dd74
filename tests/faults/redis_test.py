"""Redis Streams (AOF, fsync always) through a storm of faults: nothing lost, nothing repeated, nothing out of order."""

import case
from fault_storm import Storm, relays_to
from redis_server import RedisServer

CONFIG = """
[source.orders]
url = "{url}"
stream = "orders:{{region}}"
history = {{ entries = 50 }}
[[route]]
path = "/orders/{{region}}"
source = "orders"
"""


class RedisStreams(case.Case):
    def test_every_acknowledged_event_reaches_every_subscriber_once_in_order(self):
        server = RedisServer()
        self.addCleanup(server.close)
        server.start()
        relays = relays_to(self, server.port)
        gateways = [self.start(CONFIG.format(url=server.url_at(relay.port))) for relay in relays]
        clients = []

        def client():
            if not clients:
                clients.append(server.client(timeout=3))
            return clients[0]

        def write(data):
            try:
                client().xadd("orders:eu", {"data": data})
            except Exception as error:
                if clients:
                    clients.pop().close()
                raise OSError("not acknowledged") from error

        def truth():
            with server.client() as reader:
                return [fields[1].decode() for _, fields in reader.do("XRANGE", "orders:eu", "-", "+")]

        storm = Storm(self, gateways, "/orders/eu", relays, server)
        storm.check_exact(storm.run(write, truth))
        for each in clients:
            each.close()
