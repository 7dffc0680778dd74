"""Publishing with curl: four body types, all or nothing, once for each id, and who may do it."""

import json

import case
import raw_h2

BODIES = [
    ("any other type is one event's data", "text/plain", "a\nb", "", [("message", "a\nb")]),
    ("the query names it", "application/octet-stream", "x", "?event=price", [("price", "x")]),
    ("an event stream has many events", "text/event-stream", "event: up\ndata: 1\ndata: 2\n\nid: k2\ndata: 3\n\n", "",
     [("up", "1\n2"), ("message", "3")]),
    ("an envelope", "application/json", '{"event":"up","data":"text"}', "", [("up", "text")]),
    ("any JSON as data is sent compact", "application/json", '{"data": {"a": [1, 2.5, null], "b": "\\u00e9"}}', "",
     [("message", '{"a":[1,2.5,null],"b":"é"}')]),
    ("an array of envelopes", "application/json", '[{"data":"1"},{"data":"2","event":"two"}]', "",
     [("message", "1"), ("two", "2")]),
    ("a line is an envelope", "application/x-ndjson", '{"data":"1"}\n{"data":"2"}\n', "", [("message", "1"), ("message", "2")]),
]


class FourBodies(case.SharedCase):
    def test_each_body_type_arrives_as_its_events(self):
        reader = self.subscribe("/topics/bodies")
        reader.opened()
        for name, content_type, body, query, expected in BODIES:
            with self.subTest(name):
                answer = self.publish(f"/topics/bodies{query}", body, headers={"content-type": content_type})
                events = reader.take(len(expected))
                self.assertEqual([(event.type, event.data) for event in events], expected)
                self.assertEqual([event.id for event in events], self.ids(answer))

    def test_events_of_one_body_stay_together_and_in_order(self):
        reader = self.subscribe("/topics/order")
        reader.opened()
        body = "".join(json.dumps({"data": str(number)}) + "\n" for number in range(2000))
        self.publish("/topics/order", body, headers={"content-type": "application/x-ndjson"})
        self.assertEqual([event.data for event in reader.take(2000)], [str(number) for number in range(2000)])

    def test_bodies_that_end_together_are_all_taken_in_their_order(self):
        reader = self.subscribe("/topics/together")
        reader.opened()
        with raw_h2.Peer(self.gateway) as peer:
            fields = [("content-type", "application/x-ndjson")]
            streams = [peer.request("POST", "/topics/together", fields, end=False) for _ in range(20)]
            for number, stream in enumerate(streams):
                lines = "".join(json.dumps({"data": f"{number}.{event} {'x' * 80}"}) + "\n" for event in range(80))
                peer.frame(raw_h2.DATA, 0, stream, lines.encode())
            peer.send(b"".join(raw_h2.frame(raw_h2.DATA, raw_h2.END_STREAM, stream) for stream in streams))
            self.assertEqual([peer.status(stream) for stream in streams], [200] * 20)
        self.assertEqual([event.data.split(" ")[0] for event in reader.take(1600)],
                         [f"{number}.{event}" for number in range(20) for event in range(80)])

    def test_a_client_that_waits_to_be_told_to_go_on_is_told(self):
        with raw_h2.Peer(self.gateway) as peer:
            stream = peer.request("POST", "/topics/expect", [("expect", "100-continue")], end=False)
            self.assertEqual(peer.status(stream), 100)
            peer.frames.clear()
            peer.frame(raw_h2.DATA, raw_h2.END_STREAM, stream, b"x")
            self.assertEqual(peer.status(stream), 200)
            refused = peer.request("POST", "/nowhere", [("expect", "100-continue")], end=False)
            self.assertEqual(peer.status(refused), 405)

    def test_an_event_with_an_id_is_published_once(self):
        reader = self.subscribe("/topics/once")
        reader.opened()
        first = self.ids(self.publish("/topics/once?id=order-17", "paid"))
        again = self.ids(self.publish("/topics/once?id=order-17", "paid"))
        self.assertEqual(first, again)
        self.publish("/topics/once?id=order-18", "next")
        self.assertEqual([event.data for event in reader.take(2)], ["paid", "next"])
        self.assertNotIn(b"order-17", reader.raw, "a publisher's id is never shown")

    def test_a_demo_topic_takes_no_publishes(self):
        refused = self.fetch("/demo/clock", body="x")
        self.assert_refused(refused, 405)
        self.assertIn("GET", refused.fields["allow"])
        self.assertNotIn("POST", refused.fields["allow"])


class WhoMayPublish(case.Case):
    def test_zero_configuration_takes_publishes_of_loopback_only(self):
        self.gateway = self.start()
        self.assertIn(self.fetch("/topics/open", body="x").status, (200, 201))
        own = {"origin": f"https://{self.gateway.authority}"}
        self.assertIn(self.fetch("/topics/open", body="x", headers=own).status, (200, 201))
        self.assert_refused(self.fetch("/topics/open", body="x", headers={"origin": "https://evil.example"}), 403)
        self.assert_refused(self.fetch("/topics/open", body="x", headers={"host": "evil.example"}), 403, 421)
        self.assert_refused(self.fetch("/topics/open", headers={"host": "rebound.example:8443"}), 403, 421)

    def test_a_secret_opens_publishing_and_nothing_else_does(self):
        self.gateway = self.start(case.STREAMS)
        self.assert_refused(self.fetch("/topics/a", body="x"), 401, 403)
        for secret in ("x", case.SECRET[:-1], case.SECRET + "!", "wrong"):
            self.assert_refused(self.fetch("/topics/a", body="x", headers={"authorization": f"Bearer {secret}"}), 401, 403)
        self.publish("/topics/a", "x")
        self.assertEqual(self.subscribe("/topics/a").status, 200, "reading stays open")

    def test_without_a_secret_a_configured_gateway_refuses_and_names_the_key(self):
        self.gateway = self.start(case.STREAMS.replace("access =", "#"))
        refused = self.assert_refused(self.fetch("/topics/a", body="x"), 403)
        self.assertIn("publish_secret", json.dumps(refused))
        self.assertIn("publish_secret", "\n".join(self.gateway.lines), "and warns at its start")
