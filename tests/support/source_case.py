"""What the cases of sources that have an engine share: readers that follow a gateway, and waits until it has recovered."""

import time

import curl
from case import SECRET, Case, metric

RECOVERED_SECONDS = 60  # the longest wait before a new attempt that a test provokes, of both sides, beside other tests
# A gateway that is another's engine, with its history on disk; it sends readers back soon.
SSE_BACKEND = f"""
access = {{ publish_secret = "{SECRET}" }}
retry = {{ min = "1s", max = "1s" }}
[source.feeds]
url = "publish:"
history = {{ store = "disk", path = "feeds.db" }}
[[route]]
path = "/feeds/{{region}}"
source = "feeds"
"""


class SourceCase(Case):
    path = "/"  # where follow() goes

    def wait_metric(self, gateway, name: str, reached, seconds=RECOVERED_SECONDS):
        deadline = time.monotonic() + seconds
        while not reached(metric(gateway, name)):
            self.assertLess(time.monotonic(), deadline, gateway.tail())
            time.sleep(0.05)  # metrics are scraped, there is no event to await

    def wait_up(self, gateway, up=1, seconds=RECOVERED_SECONDS):
        self.wait_metric(gateway, "sluice_source_up", lambda value: value == up, seconds)

    def follow(self, gateway, path=None, **others) -> curl.Subscriber:
        """A subscriber that has been told where it begins."""
        reader = self.subscribe(path or self.path, gateway=gateway, **others)
        reader.open_event = reader.opened(RECOVERED_SECONDS)
        return reader

    def assert_next(self, reader, *datas: str):
        events = reader.take(len(datas), RECOVERED_SECONDS)
        self.assertEqual([event.data for event in events], list(datas))
        return events

    def assert_gap(self, reader, reason: str) -> dict:
        gap = self.gap(reader.next(RECOVERED_SECONDS))
        self.assertEqual(gap["reason"], reason)
        return gap
