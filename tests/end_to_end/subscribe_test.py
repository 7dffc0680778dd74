"""Event streams as curl sees them over HTTP/2: the first block, resuming, gaps, several topics on one stream."""

import json
import time

import case


class ZeroConfiguration(case.SharedCase):
    def test_the_demo_clock_ticks_over_http_2(self):
        clock = self.subscribe("/demo/clock")
        self.assertEqual((clock.version, clock.status), ("2", 200))
        self.assertEqual(clock.fields["content-type"], "text/event-stream")
        self.assertEqual(clock.fields["cache-control"], "no-cache")
        self.assertEqual(clock.fields["x-accel-buffering"], "no")
        clock.opened()
        first, second = clock.take(2)
        self.assertNotEqual(first.data, second.data)
        self.assertNotEqual(first.id, second.id)

    def test_every_stream_starts_with_an_event_that_has_an_id(self):
        opened = self.subscribe("/topics/nobody-has-published-here").opened()
        self.assertTrue(opened.id)
        self.assertEqual(json.loads(opened.data)["topics"], ["topics/nobody-has-published-here"])
        self.assertFalse(json.loads(opened.data)["resumed"])

    def test_each_subscriber_is_given_a_reconnection_time_of_its_own(self):
        readers = [self.subscribe("/demo/clock") for _ in range(6)]
        for reader in readers:
            reader.opened()
        times = [reader.parser.retries[0] for reader in readers]
        self.assertTrue(all(2000 <= time <= 5000 for time in times), times)
        self.assertGreater(len(set(times)), 1)

    def test_what_is_published_in_one_terminal_shows_in_another(self):
        reader = self.subscribe("/topics/greetings")
        reader.opened()
        answer = self.publish("/topics/greetings", "hello")
        event = reader.next()
        self.assertEqual((event.type, event.data), ("message", "hello"))
        self.assertEqual([event.id], self.ids(answer))


class Resuming(case.SharedCase):
    config = case.STREAMS

    def fill(self, path, count):
        return [self.ids(self.publish(path, str(number)))[0] for number in range(count)]

    def test_a_subscriber_without_an_id_starts_now(self):
        self.fill("/topics/now", 2)
        reader = self.subscribe("/topics/now")
        reader.opened()
        self.publish("/topics/now", "new")
        self.assertEqual(reader.next().data, "new")

    def test_a_route_may_start_at_the_beginning(self):
        self.fill("/topics/start", 3)
        reader = self.subscribe("/beginning/start")
        reader.opened()
        self.assertEqual([event.data for event in reader.take(3)], ["0", "1", "2"])

    def test_last_event_id_goes_on_right_after_it(self):
        ids = self.fill("/topics/header", 4)
        reader = self.subscribe("/topics/header", last_event_id=ids[1])
        self.assertEqual(reader.fields["last-event-id"], ids[1])
        self.assertTrue(json.loads(reader.opened().data)["resumed"])
        self.assertEqual([(event.data, event.id) for event in reader.take(2)], [("2", ids[2]), ("3", ids[3])])

    def test_the_query_may_carry_the_last_event_id(self):
        ids = self.fill("/topics/query", 3)
        reader = self.subscribe(f"/topics/query?last_event_id={ids[0]}")
        reader.opened()
        self.assertEqual([event.data for event in reader.take(2)], ["1", "2"])

    def test_earliest_asks_for_the_whole_history(self):
        self.fill("/topics/earliest", 3)
        for reader in (self.subscribe("/topics/earliest?last_event_id=earliest"),
                       self.subscribe("/topics/earliest", last_event_id="earliest")):
            reader.opened()
            self.assertEqual([event.data for event in reader.take(3)], ["0", "1", "2"])

    def test_the_id_of_the_first_block_loses_nothing(self):
        first = self.subscribe("/topics/cut-early")
        opened = first.opened()
        first.close()
        self.publish("/topics/cut-early", "while away")
        again = self.subscribe("/topics/cut-early", last_event_id=opened.id)
        again.opened()
        self.assertEqual(again.next().data, "while away")

    def test_what_retention_has_taken_is_announced_before_the_next_event(self):
        ids = self.fill("/short/gap", 10)
        reader = self.subscribe("/short/gap", last_event_id=ids[0])
        reader.opened()
        gap_event = reader.next()
        gap = self.gap(gap_event)
        self.assertEqual(gap["topic"], "short/gap")
        self.assertIn(gap["count"], (6, None))
        self.assertEqual([event.data for event in reader.take(3)], ["7", "8", "9"])
        again = self.subscribe("/short/gap", last_event_id=gap_event.id)
        again.opened()
        self.assertEqual(again.next().data, "7", "a gap is announced once")

    def test_an_unknown_id_is_answered_with_a_gap(self):
        hostile = ["nonsense", "0.0", "zzzzzz.17", "-1", "99999999999999999999.99999999999999999999", "notes=1.1;short=2.2",
                   "a;b;c=;=;;", "../../short/gap", "%00%0a", "é"]
        self.fill("/topics/unknown", 2)
        for number, last_event_id in enumerate(hostile):
            with self.subTest(last_event_id=last_event_id):
                reader = self.subscribe("/topics/unknown", last_event_id=last_event_id)
                self.assertEqual(reader.status, 200)
                reader.opened()
                self.gap(reader.next())
                self.publish("/topics/unknown", f"after {number}")
                seen = reader.next()
                while seen.data != f"after {number}":  # what the topic still has may come first
                    self.assertRegex(seen.data, r"^(\d|after \d+)$")
                    seen = reader.next()

    def test_an_id_of_another_topic_never_gives_that_topics_data(self):
        secret = [self.ids(self.publish("/topics/secret", f"secret {number}"))[0] for number in range(3)]
        reader = self.subscribe("/topics/public", last_event_id=secret[0])
        reader.opened()
        self.publish("/topics/public", "public")
        events = [reader.next()]
        while events[-1].data != "public":
            events.append(reader.next())
        self.assertFalse([event for event in events if "secret" in event.data])


class SeveralTopics(case.SharedCase):
    config = case.STREAMS

    def test_one_stream_carries_several_topics_of_one_source(self):
        reader = self.subscribe("/stream?topic=notes/a&topic=notes/b")
        self.assertEqual(json.loads(reader.opened().data)["topics"], ["notes/a", "notes/b"])
        self.publish("/topics/a", "from a")
        self.publish("/topics/b", "from b")
        self.assertEqual([event.data for event in reader.take(2)], ["from a", "from b"])

    def test_an_id_over_two_sources_resumes_both(self):
        reader = self.subscribe("/stream?topic=notes/both&topic=short/both")
        reader.opened()
        self.publish("/topics/both", "note 1")
        self.publish("/short/both", "short 1")
        last = reader.take(2)[-1].id
        self.assertIn("notes=", last)
        self.assertIn("short=", last)
        reader.close()
        self.publish("/topics/both", "note 2")
        self.publish("/short/both", "short 2")
        again = self.subscribe("/stream?topic=notes/both&topic=short/both", last_event_id=last)
        again.opened()
        self.assertEqual(sorted(event.data for event in again.take(2)), ["note 2", "short 2"])

    def test_a_topic_without_its_part_of_the_id_gets_a_gap(self):
        reader = self.subscribe("/stream?topic=notes/part&topic=demo/clock")
        opened = reader.opened()
        part = next(part for part in opened.id.split(";") if part.startswith("notes="))
        again = self.subscribe("/stream?topic=notes/part&topic=short/part", last_event_id=part)
        again.opened()
        gap = self.gap(again.next())
        self.assertEqual(gap["topic"], "short/part")
        self.assertRegex(gap["reason"], "^no.position$")

    def test_a_wildcard_shows_every_topic_that_begins_so(self):
        reader = self.subscribe("/stream?topic=notes/**")
        reader.opened()
        self.publish("/topics/one", "1")
        self.publish("/topics/two", "2")
        self.assertEqual([event.data for event in reader.take(2)], ["1", "2"])

    def test_a_topic_that_the_route_does_not_have_is_refused(self):
        self.assert_refused(self.fetch("/stream?topic=elsewhere/a"), 400, 404)

    def test_a_route_of_several_topics_gives_all_of_them_unless_asked(self):
        reader = self.subscribe("/stream")
        self.assertEqual(json.loads(reader.opened().data)["topics"], ["demo/**", "notes/**", "short/**"])


class Heartbeats(case.SharedCase):
    settings = {"heartbeat": "300ms"}

    def test_a_silent_stream_is_kept_alive_by_comments(self):
        reader = self.subscribe("/topics/silent")
        reader.opened()
        deadline = time.monotonic() + 10
        while len(reader.parser.comments) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)  # a comment is no event that could be awaited
        self.assertGreaterEqual(len(reader.parser.comments), 2)

    def test_a_stream_with_data_gets_no_comments(self):
        reader = self.subscribe("/topics/busy")
        reader.opened()
        started = time.monotonic()
        while time.monotonic() < started + 1.5:
            self.publish("/topics/busy", "data")
            reader.next()
        self.assertLessEqual(len(reader.parser.comments), 1)  # curl's start may once take longer than the interval
