"""Input that is wrong is refused whole and told where; input that is merely strange arrives as it was."""

import json
import re

import case

NDJSON = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}
EVENT_STREAM = {"content-type": "text/event-stream"}

REFUSED = [
    # name, query, fields, body, statuses, what the answer must mention
    ("a line feed in the event's name", "?event=a%0Ab", {}, "x", (400,), "event"),
    ("a carriage return in the event's name", "?event=a%0Db", {}, "x", (400,), "event"),
    ("a NUL in the id", "?id=a%00b", {}, "x", (400,), "id"),
    ("a line feed in an envelope's id", "", JSON, '{"id":"a\\nid: 9","data":"x"}', (400,), "id"),
    ("a line feed in an envelope's event", "", JSON, '{"event":"a\\n\\ndata: forged","data":"x"}', (400,), "event"),
    ("bytes that are not UTF-8", "", {}, b"\xff\xfe", (400,), "utf-8"),
    ("an overlong encoding", "", {}, b"\xc0\xaf", (400,), "utf-8"),
    ("a surrogate in UTF-8", "", {}, b"\xed\xa0\x80", (400,), "utf-8"),
    ("an envelope that is no JSON", "", JSON, '{"data":', (400,), "line 1"),
    ("an envelope without data", "", JSON, '{"event":"x"}', (400,), "data"),
    ("an unknown member", "", JSON, '{"data":"x","colour":"red"}', (400,), "colour"),
    ("an event's name that is no text", "", JSON, '{"data":"x","event":7}', (400,), "event"),
    ("broken JSON in line 3", "", NDJSON, '{"data":"1"}\n{"data":"2"}\n{"data":\n{"data":"4"}\n', (400,), "line 3"),
    ("a name of ours", "?event=sluice.gap", {}, "x", (400,), "sluice."),
    ("a name of ours in an event stream", "", EVENT_STREAM, "event: sluice.open\ndata: x\n\n", (400,), "sluice."),
    ("a retry time", "", EVENT_STREAM, "retry: 1\ndata: x\n\n", (400,), "retry"),
    ("an event of more than 1 MiB", "", {}, b"x" * (1024 * 1024 + 1), (413,), "event_size"),
    ("too large an event among small ones", "", NDJSON,
     json.dumps({"data": "small"}) + "\n" + json.dumps({"data": "x" * (1024 * 1024 + 1)}) + "\n", (413,), "event_size"),
    ("a body of more than 8 MiB", "", NDJSON, b'{"data":"x"}\n' * 800_000, (413,), "body_size"),
    ("more than 65536 lines", "", {}, "\n" * 65_536, (400, 413), "lines_per_event"),
]

STRANGE = [
    ("a space first", " two leading spaces follow: "),
    ("a colon first", ": not a comment"),
    ("CR", "a\rb"),
    ("LF", "a\nb"),
    ("CRLF", "a\r\nb"),
    ("all line ends", "\r\n\n\r\r\n"),
    ("a trailing line feed", "a\n"),
    ("a NUL", "a\0b"),
    ("a byte order mark", "\ufeffa\n\ufeffb"),
    ("line and paragraph separators", "a\u2028b\u2029c\u0085d\x0be\x0cf"),
    ("fields of its own", "data: x\nid: 9\nevent: forged\nretry: 1\n\n: comment\n\nid: 10"),
    ("a carriage return that forges an id", "a\rid: 666\r\rdata: forged"),
    ("four bytes a character", "\U0001f680" * 100),
    ("32768 empty lines", "\n" * 32_768),
    ("1 MiB in one line", "x" * (1024 * 1024)),
]


class BadInput(case.SharedCase):
    def test_a_bad_publish_is_refused_whole_and_told_where(self):
        reader = self.subscribe("/topics/refused")
        reader.opened()
        for name, query, fields, body, statuses, mention in REFUSED:
            with self.subTest(name):
                refused = self.fetch(f"/topics/refused{query}", body=body, headers=fields)
                answer = self.assert_refused(refused, *statuses)
                self.assertTrue(answer["error"])
                self.assertIn(mention, refused.text.lower())
                self.assertNotIn("\ufffd", refused.text)
                self.publish("/topics/refused", f"after: {name}")
                self.assertEqual(reader.next().data, f"after: {name}", "nothing of a refused body is published")

    def test_strange_data_arrives_as_exactly_one_event_with_equal_data(self):
        reader = self.subscribe("/topics/strange")
        reader.opened()
        for name, data in STRANGE:
            with self.subTest(name):
                before = len(reader.raw)
                self.publish("/topics/strange", data.encode())
                event = reader.next()
                self.assertTrue(event.data == re.sub("\r\n?", "\n", data), f"{event.data[:100]!r}")
                self.assertEqual(event.type, "message")
                lines = 1 + len(re.findall("\r\n|\r|\n", data))
                overhead = len(reader.raw) - before - len(data.encode())
                self.assertLessEqual(overhead, 16 * lines + 100)  # 100: the id line and the empty one
        self.assertEqual(reader.parser.retries[1:], [], "no data can set the reconnection time")

    def test_the_same_data_arrives_equal_through_every_body_type(self):
        reader = self.subscribe("/topics/equal")
        reader.opened()
        for name, data in [("nothing", ""), *STRANGE]:
            with self.subTest(name):
                self.publish("/topics/equal", json.dumps({"data": data}), headers=JSON)
                self.publish("/topics/equal", json.dumps({"data": data}) + "\n", headers=NDJSON)
                expected = re.sub("\r\n?", "\n", data)
                self.assertTrue(all(event.data == expected for event in reader.take(2)))
