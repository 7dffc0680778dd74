"""Chromium's EventSource and a gateway that is full: it is told when to come back, is never closed, and is served when
there is room."""

import re

import case
from browser import Browser

# Three that are served and one that is not. Every error is noted with the state that the browser is in.
SOURCES = """
window.served = [], window.states = [], window.reasons = [], window.seen = [], window.opens = 0;
window.held = [1, 2, 3].map((n) => {
  const source = new EventSource('/topics/held');
  source.addEventListener('sluice.open', () => served.push(n));
  return source;
});
"""
FOURTH = """
window.fourth = new EventSource('/topics/late');
fourth.onerror = () => states.push(fourth.readyState);
fourth.addEventListener('sluice.busy', (event) => reasons.push(JSON.parse(event.data).reason));
fourth.addEventListener('sluice.open', () => opens++);
fourth.onmessage = (event) => seen.push(event.data);
"""
LATE_MS = 1000  # that a browser beside sanitized processes may take to ask, above its time


class Busy(case.Case):
    def setUp(self):
        self.gateway = self.start(settings={"limits.streams": 3, "retry.min": "1s", "retry.max": "4s"})
        self.browser = Browser(self.gateway.ca)
        self.addCleanup(self.browser.close)
        self.assertEqual(self.browser.open(self.gateway.url("/page.css")), 200)  # of our origin, and without streams

    def test_an_event_source_that_is_refused_stays_connecting_and_is_served_when_one_leaves(self):
        self.browser.evaluate(SOURCES)
        self.browser.until("served.length === 3")
        self.browser.evaluate(FOURTH)
        self.browser.until("reasons.length === 3")
        self.assertEqual(self.browser.evaluate("[...new Set(reasons)]"), ["limits.streams"])
        self.assertEqual(self.browser.evaluate("[...new Set(states)]"), [0])  # CONNECTING, never CLOSED
        self.assertEqual(self.browser.evaluate("fetch('/page.css').then(answer => answer.status)"), 200)
        self.assertEqual(self.browser.evaluate("opens"), 0)

        self.browser.evaluate("held[0].close()")
        self.browser.until("opens === 1")
        self.publish("/topics/late", "served")
        self.browser.until("seen.length === 1")
        self.assertEqual(self.browser.evaluate("fourth.readyState"), 1)
        self.assertEqual(self.browser.evaluate("states.filter(state => state !== 0)"), [])
        self.assert_each_came_back_in_its_slot()

    def assert_each_came_back_in_its_slot(self):
        visits = [stream for stream in self.browser.call("streams") if stream["path"] == "/topics/late"]
        self.assertGreaterEqual(len(visits), 4)
        told = []
        for refused, back in zip(visits, visits[1:]):
            retry = int(re.match(r"retry: (\d+)\n", refused["text"])[1])
            told.append(retry)
            away = back["begun"] - refused["ended"]
            self.assertGreaterEqual(away, 0.9 * retry)
            self.assertLessEqual(away, 1.1 * retry + LATE_MS)
        self.assertGreaterEqual(min(told), 1000)
        self.assertLessEqual(max(told), 4000)
