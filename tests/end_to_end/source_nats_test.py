"""NATS as a source: JetStream streams and core NATS against the real nats-server, through its faults."""

import json
import pathlib
import re
import time

import curl
from case import BEARER, SECRET, Case, metric, metrics
from nats_server import NatsServer

PASSWORD = 'sp ace/"@:quote'
HUNG_SECONDS = 12  # noticed within 10, beside other tests
RECOVERED_SECONDS = 30


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

    def start_on(self, server: NatsServer, *keys: str, url=None, up=True, settings=None):
        """A gateway with one source of these keys, its topics below /fleet and /view, and at /oldest from the oldest."""
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
path = "/oldest"
topics = ["fleet/**"]
start = "earliest"
""", {"workers": 2, **(settings or {})})
        if up:
            self.wait_state(gateway, "up")
        return gateway

    def stream_on(self, server: NatsServer, *keys: str, **others):
        keys = ('stream = "FLEET"', 'subject = "fleet.>"', *keys)
        if server.certificates:
            keys += (f"tls.ca = {json.dumps(server.ca)}",)
        return self.start_on(server, *keys, **others)

    def wait_state(self, gateway, state: str, seconds=RECOVERED_SECONDS):
        name = f'sluice_source_state{{source="fleet",state="{state}"}}'
        deadline = time.monotonic() + seconds
        while not self.is_in(gateway, state):
            self.assertLess(time.monotonic(), deadline, f"{name}: {gateway.tail()}")
            time.sleep(0.05)  # states are scraped, there is no event to await

    @staticmethod
    def is_in(gateway, state: str) -> bool:
        return curl.fetch(gateway, "/readyz", admin=True).text.find(f'"{state}"') >= 0

    def datas(self, events) -> list[str]:
        return [event.data for event in events]
