"""What a request is answered that is no stream: refusals with a JSON body, CORS, the demo page, the admin listener."""

import case

APP = "https://app.example.com"
LISTED = case.STREAMS + f'\n[cors]\norigins = ["{APP}"]\ncredentials = true\n'


class Refusals(case.SharedCase):
    def test_an_unknown_path_is_404(self):
        self.assert_refused(self.fetch("/nowhere/at/all"), 404)

    def test_a_topic_that_the_source_does_not_have_is_404_and_named(self):
        self.assertIn("demo/nothing", self.assert_refused(self.fetch("/demo/nothing"), 404)["detail"])

    def test_a_wrong_method_is_405_and_says_which_are_right(self):
        for method in ("PUT", "DELETE", "PATCH"):
            refused = self.fetch("/demo/clock", method=method)
            self.assert_refused(refused, 405)
            self.assertIn("GET", refused.fields["allow"])

    def test_an_accept_without_event_streams_is_406(self):
        self.assert_refused(self.fetch("/demo/clock", headers={"accept": "application/json"}), 406)
        self.assert_refused(self.fetch("/demo/clock", headers={"accept": "text/event-stream;q=0, */*"}), 406)
        for accept in ("text/event-stream", "text/*", "*/*;q=0.1", "application/json, text/event-stream"):
            self.assertEqual(self.subscribe("/demo/clock", headers={"accept": accept}).status, 200)

    def test_a_path_that_tries_to_be_another_is_400(self):
        for path in ("/topics/%2e%2e/x", "/topics/a%2Fb", "/topics/a%00b", "/topics/%zz", "/topics/%ff"):
            with self.subTest(path):
                self.assert_refused(self.fetch(path, "--path-as-is"), 400, 404)

    def test_head_has_no_body(self):
        page = self.fetch("/", method="HEAD")
        self.assertEqual((page.status, page.body), (200, b""))
        self.assertIn(self.fetch("/demo/clock", method="HEAD").status, (200, 405))

    def test_head_of_what_does_not_exist_has_no_body_either(self):
        for path in ("/nowhere.html", "/no/where"):
            with self.subTest(path):
                response = self.fetch(path, "-I")
                self.assertEqual((response.status, response.body), (404, b""), response.text)

    def test_the_demo_page_is_served_with_its_own_files_only(self):
        page = self.fetch("/")
        self.assertEqual(page.status, 200)
        self.assertIn("text/html", page.fields["content-type"])
        self.assertNotIn("https://", page.text, "the page asks nobody else")


class Cors(case.SharedCase):
    config = LISTED

    def test_a_preflight_of_a_listed_origin_is_answered(self):
        answer = self.fetch("/topics/a", method="OPTIONS", headers={
            "origin": APP, "access-control-request-method": "POST", "access-control-request-headers": "content-type,last-event-id"})
        self.assertIn(answer.status, (200, 204))
        self.assertEqual(answer.fields["access-control-allow-origin"], APP)
        self.assertEqual(answer.fields["access-control-allow-credentials"], "true")
        self.assertIn("POST", answer.fields["access-control-allow-methods"])
        self.assertIn("last-event-id", answer.fields["access-control-allow-headers"].lower())
        self.assertIn("origin", answer.fields["vary"].lower())

    def test_a_listed_origin_may_read_a_stream_and_its_id(self):
        reader = self.subscribe("/demo/clock", headers={"origin": APP})
        self.assertEqual(reader.fields["access-control-allow-origin"], APP)
        self.assertEqual(reader.fields["access-control-allow-credentials"], "true")
        self.assertIn("last-event-id", reader.fields["access-control-expose-headers"].lower())
        self.assertIn("origin", reader.fields["vary"].lower())

    def test_origins_are_exact(self):
        for origin in ("https://evil.example", f"{APP}.evil.example", "https://app.example.com:444", "http://app.example.com",
                       "null", "https://APP.example.com.", "*"):
            with self.subTest(origin):
                reader = self.subscribe("/demo/clock", headers={"origin": origin})
                self.assertNotIn("access-control-allow-origin", reader.fields)
                preflight = self.fetch("/topics/a", method="OPTIONS",
                                       headers={"origin": origin, "access-control-request-method": "POST"})
                self.assertNotIn("access-control-allow-origin", preflight.fields)
                posted = self.fetch("/topics/a", body="x", headers={**case.BEARER, "origin": origin})
                self.assert_refused(posted, 403)

    def test_a_refusal_can_be_read_by_a_listed_origin(self):
        refused = self.fetch("/topics/a", body="x", headers={"origin": APP})
        self.assertEqual(refused.fields["access-control-allow-origin"], APP)


class Admin(case.SharedCase):
    def test_health_and_readiness(self):
        self.assertEqual(self.fetch("/healthz", admin=True).status, 200)
        self.assertEqual(self.fetch("/readyz", admin=True).status, 200)

    def test_the_status_is_told_to_programs_with_the_amounts_as_text(self):
        self.subscribe("/demo/clock").opened()
        answer = self.fetch("/status", admin=True)
        self.assertEqual(answer.fields["content-type"], "application/json")
        self.assertEqual(answer.fields["cache-control"], "no-store")
        status = answer.json
        self.assertTrue(status["ready"])
        self.assertGreaterEqual(status["streams"], 1)
        self.assertEqual(len(status["load"]["resources"]), 8)
        self.assertIn(status["load"]["resource"], status["load"]["text"])
        self.assertEqual(status["retry_ms"]["low"], 2000)
        self.assertEqual({source["name"]: source["state"] for source in status["sources"]}, {"demo": "up", "topics": "up"})

    def test_the_dashboard_asks_nobody_else_and_runs_nothing_but_its_files(self):
        page = self.fetch("/", admin=True)
        self.assertEqual(page.status, 200)
        self.assertEqual(page.fields["content-security-policy"], "default-src 'self'; frame-ancestors 'none'")
        self.assertNotIn("https://", page.text)
        for file in ("dashboard.js", "chart.js", "dashboard.css", "page.css", "mark.svg"):
            self.assertEqual(self.fetch(f"/{file}", admin=True).status, 200, file)
        self.assertEqual(self.fetch("/dashboard.js").status, 404, "not on the subscribers' port")
        self.assert_refused(self.fetch("/page.js", admin=True), 404)
        self.assert_refused(self.fetch("/", admin=True, body="x"), 405)
        self.assertEqual(self.fetch("/", admin=True, method="HEAD").body, b"")

    def test_the_metrics_follow_prometheus_conventions(self):
        self.subscribe("/demo/clock").opened()
        answer = self.fetch("/metrics", admin=True)
        self.assertIn("text/plain", answer.fields["content-type"])
        names = {sample.split("{")[0] for sample in case.metrics(self.gateway)}
        self.assertTrue(names)
        self.assertFalse([name for name in names if not name.startswith(("sluice_", "process_"))])
        self.assertNotIn("clock", answer.text, "no label names a topic")

    def test_the_subscribers_port_has_no_metrics(self):
        self.assertEqual(self.fetch("/metrics").status, 404)
