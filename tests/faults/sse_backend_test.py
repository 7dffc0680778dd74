"""Two gateways whose backend is a third, with its history on disk, through a storm of faults: nothing lost, nothing
repeated, nothing out of order."""

import signal

import case
import curl
import httpx
from fault_storm import Storm, relays_to
from gateway import Gateway
from source_case import SSE_BACKEND

CONFIG = """
[source.feeds]
url = "https://localhost:{port}/feeds/{{region}}"
tls.ca = "{ca}"
history = {{ entries = 50 }}
[[route]]
path = "/feeds/{{region}}"
source = "feeds"
"""


class Backend:
    """A gateway as the storm sees an engine."""

    def __init__(self, gateway: Gateway):
        self._gateway = gateway
        self.kill, self.start = gateway.kill, gateway.start

    def stop_process(self):
        self._gateway.signal(signal.SIGSTOP)

    def cont(self):
        self._gateway.signal(signal.SIGCONT)


class SseBackend(case.Case):
    def test_every_acknowledged_event_reaches_every_subscriber_once_in_order(self):
        backend = self.start(SSE_BACKEND)
        relays = relays_to(self, backend.port)
        gateways = [self.start(CONFIG.format(port=relay.port, ca=backend.ca)) for relay in relays]
        clients = []

        def write(data):
            """Again under the same id until it is acknowledged: the backend keeps it once."""
            try:
                if not clients:
                    clients.append(httpx.Client(http2=True, verify=backend.ca, timeout=3, trust_env=False))
                clients[0].post(backend.url(f"/feeds/eu?id={data}"), content=data,
                                headers={"content-type": "text/plain", **case.BEARER}).raise_for_status()
            except httpx.HTTPError as error:
                if clients:
                    clients.pop().close()
                raise OSError("not acknowledged") from error

        def truth():
            count = len(storm.acknowledged)
            with curl.Subscriber(backend, "/feeds/eu", last_event_id="earliest") as reader:
                reader.opened()
                return [event.data for event in reader.take(count)]

        storm = Storm(self, gateways, "/feeds/eu", relays, Backend(backend))
        storm.check_exact(storm.run(write, truth))
        for each in clients:
            each.close()
