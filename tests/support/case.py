"""What end-to-end cases share: a gateway that is judged when the case ends, and the words they speak in."""

import contextlib
import json
import re
import time
import unittest

import curl
from gateway import Gateway

# Several topics of two sources, history short enough to fall out of, publishing open to a secret or to loopback alone.
SECRET = "correct-horse-battery-staple"
STREAMS = f"""
access = {{ publish_secret = "{SECRET}" }}
[source.notes]
url = "publish:"
[source.short]
url = "publish:"
history = {{ entries = 3 }}
[source.demo]
url = "demo:"
[[route]]
path = "/topics/{{topic}}"
source = "notes"
[[route]]
path = "/short/{{topic}}"
source = "short"
[[route]]
path = "/beginning/{{topic}}"
source = "notes"
start = "earliest"
[[route]]
path = "/demo/{{name}}"
source = "demo"
[[route]]
path = "/stream"
topics = ["notes/**", "short/**", "demo/**"]
"""
BEARER = {"authorization": f"Bearer {SECRET}"}


class Case(unittest.TestCase):
    """A case that starts gateways of its own."""

    maxDiff = 2000

    def start(self, config=None, settings=None, **others) -> Gateway:
        gateway = Gateway(config, settings, **others)
        self.addCleanup(gateway.close)
        return gateway.start()

    def subscribe(self, path, *arguments, gateway=None, **others) -> curl.Subscriber:
        subscriber = curl.Subscriber(gateway or self.gateway, path, *arguments, **others)
        self.addCleanup(subscriber.close)
        return subscriber

    def fetch(self, path, *arguments, gateway=None, **others) -> curl.Response:
        return curl.fetch(gateway or self.gateway, path, *arguments, **others)

    def publish(self, path, body, gateway=None, headers=None, **others) -> curl.Response:
        response = self.fetch(path, gateway=gateway, body=body, headers={**BEARER, **(headers or {})}, **others)
        self.assertIn(response.status, (200, 201), response.text)
        return response

    def assert_refused(self, response: curl.Response, *statuses: int) -> dict:
        """Refused with a short JSON body that says why."""
        self.assertIn(response.status, statuses, response.text)
        self.assertIn("application/json", response.fields.get("content-type", ""))
        self.assertLess(len(response.body), 1024)
        return response.json

    def ids(self, response: curl.Response) -> list[str]:
        """The positions that a publish was answered with."""
        return response.json["ids"]

    def gap(self, event) -> dict:
        """What a sluice.gap tells."""
        self.assertEqual(event.type, "sluice.gap", event)
        self.assertTrue(event.id, "a gap has an id, so that it is announced once")
        return json.loads(event.data)

    def assert_descriptors_back(self, before: int):
        """The gateway has at most as many open as before, soon."""
        deadline = time.monotonic() + 10
        while self.gateway.descriptors() > before and time.monotonic() < deadline:
            time.sleep(0.05)  # closing is noticed from outside only by looking
        self.assertLessEqual(self.gateway.descriptors(), before)

    @contextlib.contextmanager
    def counts(self, name: str, gateway=None, least=1):
        """What happens inside is counted by a metric that carries this name in its own or in a label's value."""
        gateway = gateway or self.gateway
        before = metric(gateway, name)
        yield
        deadline = time.monotonic() + 5
        while (now := metric(gateway, name)) < before + least:
            if time.monotonic() > deadline:
                self.fail(f"no metric counted '{name}': {before} before, {now} now")
            time.sleep(0.05)  # counters are per worker and scraped, there is no event to await


class SharedCase(Case):
    """Cases that share one gateway: none may change what another sees (topics of its own, no limits crossed)."""

    config: str | None = None
    settings: dict = {}
    gateway: Gateway

    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway(cls.config, cls.settings)
        cls.addClassCleanup(cls.gateway.close)
        cls.gateway.start()


def metrics(gateway) -> dict[str, float]:
    """Samples by name and labels, as /metrics has them."""
    text = curl.fetch(gateway, "/metrics", admin=True).text
    return {name: float(value) for name, value in re.findall(r"^([a-z_:0-9]+(?:\{[^\n]*\})?) (\S+)$", text, re.MULTILINE)}


def metric(gateway, name: str) -> float:
    """The sum of the samples whose name, or one of whose label values, is this."""
    return sum(value for sample, value in metrics(gateway).items()
               if sample.split("{")[0] == name or f'="{name}"' in sample)
