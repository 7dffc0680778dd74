"""What the cases of NATS sources share: servers with a stream, gateways with one source `fleet` of theirs."""

import json

import curl
from case import BEARER, SECRET
from nats_server import NatsServer
from source_case import SourceCase

PASSWORD = 'sp ace/"@:quote'
STREAM = ('stream = "FLEET"', 'subject = "fleet.>"')


class NatsCase(SourceCase):
    path = "/view"

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

    def publish_to(self, gateway, path, body, **headers) -> curl.Response:
        return self.fetch(path, gateway=gateway, body=body, headers={**BEARER, **headers})
