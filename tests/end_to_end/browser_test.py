"""Chromium's own EventSource over HTTP/2, with the development CA trusted as a user would trust it."""

import os
import pathlib
import threading

import case
import httpx
from browser import Browser
from relay import Relay

# Subscribes in the page and keeps what comes: numbers of the topic's data, other events by name, connections opened.
SUBSCRIBE = """
window.seen = [], window.named = [], window.gaps = [], window.opens = 0, window.closed = false;
window.source = new EventSource(%r);
source.onopen = () => opens++;
source.onmessage = (event) => seen.push({data: event.data, id: event.lastEventId});
source.onerror = () => { closed = source.readyState === EventSource.CLOSED; };
source.addEventListener('price', (event) => named.push(event.data));
source.addEventListener('sluice.gap', (event) => gaps.push(JSON.parse(event.data)));
"""


class Publisher:
    """Posts 0, 1, 2, ... until it is stopped; count says how many were acknowledged."""

    def __init__(self, gateway, path: str, seconds: float):
        self.count = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(gateway, path, seconds))
        self._thread.start()

    def _run(self, gateway, path, seconds):
        with httpx.Client(http2=True, verify=gateway.ca, base_url=gateway.url(""), timeout=15) as client:
            while not self._stop.wait(seconds):
                client.post(path, content=str(self.count)).raise_for_status()
                self.count += 1

    def stop(self) -> int:
        self._stop.set()
        self._thread.join()
        return self.count


class Chromium(case.Case):
    def setUp(self):
        self.gateway = self.start(settings={"retry.min": "1s", "retry.max": "1s"})
        self.browser = Browser(self.gateway.ca)
        self.addCleanup(self.browser.close)

    def visit(self, path="/", port=None):
        self.assertEqual(self.browser.open(f"https://localhost:{port or self.gateway.port}{path}"), 200)

    def test_named_events_arrive_over_h2(self):
        self.visit()
        self.browser.evaluate(SUBSCRIBE % "/topics/prices")
        self.browser.until("opens === 1")
        self.publish("/topics/prices?event=price", "42")
        self.publish("/topics/prices", "plain")
        self.browser.until("named.length === 1 && seen.length === 1")
        self.assertEqual(self.browser.evaluate("[named[0], seen[0].data]"), ["42", "plain"])
        protocols = self.browser.evaluate("[...new Set(performance.getEntriesByType('resource').map(e => e.nextHopProtocol))]")
        self.assertEqual([name for name in protocols if name], ["h2"])

    def test_nothing_is_lost_or_repeated_through_cut_connections(self):
        relay = Relay(self.gateway.port)
        self.addCleanup(relay.close)
        self.visit(port=relay.port)
        self.browser.evaluate(SUBSCRIBE % "/topics/numbers")
        self.browser.until("opens === 1")
        publisher = Publisher(self.gateway, "/topics/numbers", 0.02)
        for cut in range(3):
            self.browser.until(f"seen.length > {cut * 60 + 20}")
            self.assertGreater(relay.cut(), 0)
            self.browser.until(f"opens === {cut + 2}")
        count = publisher.stop()
        self.browser.until(f"seen.length >= {count}")
        self.assertEqual(self.browser.evaluate("seen.map(event => Number(event.data))"), list(range(count)))
        self.assertEqual(self.browser.evaluate("gaps"), [])

    def test_it_comes_back_after_a_restart_and_is_told_of_the_gap(self):
        self.visit()
        self.browser.evaluate(SUBSCRIBE % "/topics/restarted")
        self.browser.until("opens === 1")
        self.publish("/topics/restarted", "before")
        self.browser.until("seen.length === 1")
        self.gateway.kill()
        self.gateway.restart()
        self.browser.until("opens === 2 && gaps.length === 1")
        self.publish("/topics/restarted", "after")
        self.browser.until("seen.length === 2")
        self.assertEqual(self.browser.evaluate("[seen[1].data, gaps[0].topic]"), ["after", "topics/restarted"])

    def test_it_comes_back_after_a_drain(self):
        self.visit()
        self.browser.evaluate(SUBSCRIBE % "/topics/drained")
        self.browser.until("opens === 1")
        self.gateway.signal(15)
        self.assertEqual(self.gateway.wait(), 0)
        self.gateway.restart()
        self.browser.until("opens === 2")
        self.assertFalse(self.browser.evaluate("closed"))

    def test_200_streams_of_one_page_do_not_hang_its_other_requests(self):
        self.visit()
        self.browser.evaluate("""
            window.opened = 0;
            window.sources = Array.from({length: 200}, (_, n) => new EventSource(`/topics/stream-${n}`));
            for (const source of sources) source.onopen = () => opened++;
        """)
        self.browser.until("opened === 200")
        self.assertEqual(self.browser.evaluate("fetch('/topics/stream-7', {method: 'POST', body: 'x'}).then(answer => answer.ok)"), True)

    def test_the_demo_page_is_alive_in_light_and_dark(self):
        pictures = pathlib.Path(os.environ["SLUICE_PICTURES"])
        pictures.mkdir(parents=True, exist_ok=True)
        for scheme in ("light", "dark"):
            self.browser.call("colors", scheme=scheme)
            self.visit()
            before = self.browser.evaluate("document.body.innerText")
            self.browser.evaluate(f"window.before = {before!r}")
            self.browser.until("document.body.innerText !== before")
            self.browser.evaluate("new Promise(done => setTimeout(done, 2500))")
            self.browser.call("picture", path=str(pictures / f"demo-{scheme}.png"))
        self.assertEqual(self.browser.call("complaints"), [])
