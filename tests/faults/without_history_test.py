"""Engines that keep nothing through a storm of faults: what is lost is always announced, nothing is repeated or out of
order. Redis pub/sub, core NATS, MQTT."""

import case
from engine import EngineError
from fault_storm import Storm, relays_to
from mosquitto_broker import MosquittoBroker
from nats_server import NatsServer
from redis_server import RedisServer

CONFIG = """
[source.news]
url = "{url}"
{keys}
history = {{ entries = 50 }}
[[route]]
path = "/news/{{topic}}"
source = "news"
"""
PATIENCE = 15  # seconds, longer than any engine hangs: one that gives up would be overtaken by its successor


class WithoutHistory(case.Case):
    def storm(self, engine, keys: str, write):
        self.addCleanup(engine.close)
        engine.start()
        relays = relays_to(self, engine.port)
        gateways = [self.start(CONFIG.format(url=engine.url_at(relay.port), keys=keys)) for relay in relays]
        storm = Storm(self, gateways, "/news/a", relays, engine)
        storm.run_with_losses(write)
        storm.check_announced()

    def over_a_connection(self, engine, publish):
        """`publish(client, data)`; the client is made again when it is lost."""
        clients = []
        self.addCleanup(lambda: [each.close() for each in clients])

        def write(data):
            try:
                if not clients:
                    clients.append(engine.client(timeout=PATIENCE))
                publish(clients[0], data)
            except (OSError, EngineError) as error:
                while clients:
                    clients.pop().close()
                raise OSError("not acknowledged") from error

        return write

    def test_a_redis_channel_announces_whatever_it_loses(self):
        server = RedisServer()
        self.storm(server, 'channel = "news:{topic}"',
                   self.over_a_connection(server, lambda redis, data: redis.do("PUBLISH", "news:a", data)))

    def test_core_nats_announces_whatever_it_loses(self):
        def publish(nats, data):
            nats.publish("news.a", data)
            nats.flush()

        server = NatsServer(jetstream=False)
        self.storm(server, 'subject = "news.>"', self.over_a_connection(server, publish))

    def test_mqtt_announces_whatever_it_loses(self):
        broker = MosquittoBroker()

        def write(data):
            try:
                broker.publish("news/a", data, timeout=PATIENCE)
            except EngineError as error:
                raise OSError("not acknowledged") from error

        self.storm(broker, 'topic = "news/#"', write)
