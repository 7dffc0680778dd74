"""What the cases of NATS sources share: servers with a stream, gateways with one source `fleet` of theirs."""

import json
import time

import curl
from case import BEARER, SECRET, Case, metric
from nats_server import NatsServer

PASSWORD = 'sp ace/"@:quote'
STREAM = ('stream = "FLEET"', 'subject = "fleet.>"')
RECOVERED_SECONDS = 40  # the longest wait before a new attempt that a test provokes, beside other tests


class NatsCase(Case):
    def serve(self, **variant) -> NatsServer:
        server = NatsServer(**variant)
        self.addCleanup(server.close)
        return server.start()

    def fleet(self, **variant) -> NatsServer:
        """A server that has the stream FLEET."""
        server = self.serve(**variant)
        with server.client() as nats:
            nats.create_stream("FLEET", "fleet.>")
        return server

    def start_on(self, server: NatsServer, *keys: str, url=None, up=True):
        """A gateway with a source `fleet` of these keys; /all begins at the oldest."""
        if server.certificates:
            keys += (f"tls.ca = {json.dumps(server.ca)}",)
        gateway = self.start(f"""
access = {{ publish_secret = "{SECRET}" }}
log.format = "text"
[source.fleet]
url = {json.dumps(url or server.url)}
{chr(10).join(keys)}
[[route]]
path = "/fleet/**"
source = "fleet"
[[route]]
path = "/fleet"
source = "fleet"
[[route]]
path = "/view"
topics = ["fleet/**"]
[[route]]
path = "/all"
topics = ["fleet/**"]
start = "earliest"
""", {"workers": 2, "heartbeat": "500ms"})  # curl shows a head with the first byte behind it
        if up:
            self.wait_up(gateway)
        return gateway

    def wait_up(self, gateway, up=1, seconds=RECOVERED_SECONDS):
        deadline = time.monotonic() + seconds
        while metric(gateway, "sluice_source_up") != up:
            self.assertLess(time.monotonic(), deadline, gateway.tail())
            time.sleep(0.05)  # the state is scraped, there is no event to await

    def follow(self, gateway, path="/view", **others) -> curl.Subscriber:
        """A subscriber that has been told where it begins."""
        reader = self.subscribe(path, gateway=gateway, **others)
        reader.open_event = reader.opened()
        return reader

    def assert_next(self, reader, *datas: str):
        self.assertEqual([event.data for event in reader.take(len(datas))], list(datas))

    def assert_gap(self, reader, reason: str) -> dict:
        gap = self.gap(reader.next())
        self.assertEqual(gap["reason"], reason)
        return gap

    def publish_to(self, gateway, path, body, **headers) -> curl.Response:
        return self.fetch(path, gateway=gateway, body=body, headers={**BEARER, **headers})
