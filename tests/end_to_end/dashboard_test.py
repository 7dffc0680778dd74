"""The admin listener's page in Chromium: it shows what the gateway is at, and says when there is no gateway."""

import os
import pathlib

import case
from browser import Browser

STREAM = {"accept": "text/event-stream"}


class Dashboard(case.Case):
    def setUp(self):
        self.gateway = self.start(settings={"limits.streams": 10, "retry.min": "1s"})
        self.browser = Browser(self.gateway.ca)
        self.addCleanup(self.browser.close)
        self.pictures = pathlib.Path(os.environ["SLUICE_PICTURES"])
        self.pictures.mkdir(parents=True, exist_ok=True)
        self.assertEqual(self.browser.open(self.gateway.admin_url("/")), 200)

    def until(self, element: str, holds: str):
        """`holds` says of `text`, what the element shows."""
        self.browser.until(f"(text => {holds})(document.getElementById('{element}').textContent)")

    def picture(self, name: str):
        for scheme in ("light", "dark"):
            self.browser.call("colors", scheme=scheme)
            self.browser.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            self.browser.call("picture", path=str(self.pictures / f"{name}-{scheme}.png"))

    def test_the_dashboard_shows_the_load_while_it_changes(self):
        self.until("state-text", "text === 'ready'")
        self.until("streams", "text === '0'")
        readers = [self.subscribe("/topics/busy") for _ in range(9)]
        for reader in readers:
            reader.opened()
        self.until("streams", "text === '9'")
        self.until("resources", "text.includes('9 of 10')")
        self.until("percent", "parseInt(text) >= 90")
        self.assertIn(self.browser.evaluate("document.getElementById('bar').dataset.level"), ("high", "full"))
        for number in range(30):
            self.publish("/topics/busy", str(number))
        self.until("deliveries", "parseFloat(text) > 0")
        self.until("delivered", "parseInt(text) >= 270")
        self.subscribe("/topics/busy").opened()
        for _ in range(2):
            self.fetch("/topics/busy", headers=STREAM)
        self.until("refused", "text === '2'")
        self.until("refused-by", "text === 'limits.streams 2'")
        self.until("sources", "text.includes('demo') && text.includes('up')")
        self.picture("dashboard")
        for reader in readers:
            reader.close()
        self.until("streams", "text === '1'")
        self.until("percent", "parseInt(text) < 60")
        self.assertEqual(self.browser.call("complaints") + self.browser.call("logged"), [])
        origin = self.gateway.admin_url("/")
        self.assertEqual([url for url in self.browser.call("requested") if not url.startswith(origin)], [])

    def test_the_dashboard_says_when_the_gateway_is_gone_and_goes_on_when_it_is_back(self):
        self.until("state-text", "text === 'ready'")
        self.assertTrue(self.browser.evaluate("document.getElementById('gone').hidden"))
        self.gateway.kill()
        self.browser.until("!document.getElementById('gone').hidden")
        self.until("state-text", "text.startsWith('no answer for ')")
        self.browser.until("document.title === 'no answer · sluice'")
        self.picture("dashboard-gone")
        self.gateway.restart()
        self.browser.until("document.getElementById('gone').hidden")
        self.until("state-text", "text === 'ready'")
        self.assertEqual(self.browser.call("complaints"), [])
