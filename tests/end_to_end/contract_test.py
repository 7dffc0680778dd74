"""The adapter contract: one table of promises against every adapter (support/contract*.py), a case for each pair.

An engine that keeps its past resumes on every gateway; one that keeps nothing announces what may be lost. A row that an
engine cannot have by its nature is a case as well, which says why.
"""

import json
import signal
import unittest

import case
from case import metric
from contract import OVERFLOW, POSITIONS_OF_OTHERS, RECOVERED_SECONDS, in_background
from contract_engines import (CoreNats, JetStream, Kafka, Mqtt, PostgresListen, PostgresOutbox, RedisChannel, RedisStream,
                              SilentSseBackend, SseBackend)
from contract_local import File, Program, Publish, PublishOnDisk
from stalled_thread import stalled_thread

ADAPTERS = (RedisStream, RedisChannel, PostgresOutbox, PostgresListen, JetStream, CoreNats, Kafka, Mqtt, SseBackend,
            SilentSseBackend, Program, File, Publish, PublishOnDisk)


def short(data: str) -> str:
    """For a message that can be read when it is not what it should be."""
    return data if len(data) < 200 else f"{data[:20]}… {len(data)}"


class Contract(case.Case):
    """A row's tools; the classes below it have one adapter each, whose engine and gateways their cases share."""

    adapter = None

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(cls.adapter.close)
        cls.adapter.start()

    def follow(self, topic, gateway=None, last_event_id=None):
        """A subscriber that has been told where it begins."""
        reader = self.subscribe(f"/s/{topic}", gateway=gateway or self.adapter.one, last_event_id=last_event_id)
        reader.open_event = reader.opened(RECOVERED_SECONDS)
        return reader

    def assert_data(self, reader, data):
        """Exactly these, in this order, and nothing called lost; the events."""
        events = []
        for _ in data:
            events.append(event := reader.next(RECOVERED_SECONDS))
            self.assertNotEqual(event.type, "sluice.gap", event.data)
        self.assertEqual([(event.type, short(event.data)) for event in events], [("message", short(each)) for each in data])
        return events

    def assert_gap(self, reader, *reasons) -> dict:
        event = reader.next(RECOVERED_SECONDS)
        gap = self.gap(event)
        self.assertIn(gap["reason"], reasons)
        gap["id"] = event.id
        return gap

    def written(self, topic, count: int) -> tuple[list[str], list[str]]:
        """Events that a subscriber has had: their data, and their ids behind the one of the opening."""
        reader = self.follow(topic)
        data = [f"{topic} {number}" for number in range(count)]
        self.adapter.publish(topic, *data)
        ids = [reader.open_event.id, *(event.id for event in self.assert_data(reader, data))]
        self.assertEqual(len(set(ids)), count + 1)
        reader.close()
        return data, ids


def order(case, adapter):
    readers = [case.follow("order", gateway) for gateway in ([adapter.one, adapter.two] if adapter.engine else [adapter.one])]
    data = [str(number) for number in range(50)]
    adapter.publish("order", *data[:30])
    adapter.publish("another", "not of this topic")
    adapter.publish("order", *data[30:])
    for reader in readers:
        case.assert_data(reader, data)


def resume(case, adapter):
    data, ids = case.written("resume", 8)
    for gateway in (adapter.one, adapter.two) if adapter.everywhere else (adapter.one,):
        for had, position in enumerate(ids):
            reader = case.follow("resume", gateway, position)
            case.assertEqual(reader.open_event.id, position)
            case.assertTrue(json.loads(reader.open_event.data)["resumed"])
            case.assert_data(reader, data[had:])
            reader.close()
    if not adapter.everywhere:  # another opening, whose gateway knows nothing of that position
        reader = case.follow("resume", adapter.two, ids[4])
        case.assert_gap(reader, "unknown_epoch")


def trimmed(case, adapter):
    before = metric(adapter.two, "sluice_source_events_total")
    data, ids = case.written("trimmed", 10)
    if adapter.everywhere and not adapter.opens_on_demand:  # the other gateway has had what goes then
        adapter.wait_metric(adapter.two, "sluice_source_events_total", lambda now: now >= before + 10)
    left = adapter.trim("trimmed", data)
    reader = case.follow("trimmed", adapter.two if adapter.everywhere else adapter.one, ids[1])
    gap = case.assert_gap(reader, "trimmed")
    case.assertEqual((gap["topic"], gap["from"]), ("s/trimmed", ids[1]))
    case.assert_data(reader, left)
    told = case.follow("trimmed", adapter.two if adapter.everywhere else adapter.one, gap["id"])
    case.assert_data(told, left)
    adapter.publish("trimmed", "next")
    for each in (reader, told):
        case.assert_data(each, ["next"])


def future(case, adapter):
    data, ids = case.written("future", 3)
    reader = case.follow("future", last_event_id=adapter.future(ids[-1]))
    case.assert_gap(reader, adapter.future_reason)
    case.assert_data(reader, data)


def foreign(case, adapter):
    data, _ = case.written("foreign", 3)
    positions = list(POSITIONS_OF_OTHERS)
    if not adapter.everywhere:
        positions.append(case.follow("foreign", adapter.two).open_event.id)
    for position in positions:
        with case.subTest(position):
            reader = case.follow("foreign", last_event_id=position)
            case.assertFalse(json.loads(reader.open_event.data)["resumed"])
            case.assert_gap(reader, "unknown_epoch", "unknown_position", "no_position")
            case.assert_data(reader, data)
            reader.close()


def poison(case, adapter):
    reader = case.follow("poison")
    before = metric(adapter.one, "sluice_source_poison_total")
    count, data = adapter.poison("poison")
    case.assert_data(reader, data)
    case.assertEqual(metric(adapter.one, "sluice_source_poison_total") - before, count)
    case.assertEqual(sum("is no good" in line for line in adapter.one.lines), min(count, 1), "logged once")


def overflow(case, adapter):
    """Of what came in one batch, what has no topic is read from the engine all the same, or a gap stands in its place; and
    whoever is cut anywhere gets the rest so."""
    writes = [("kept", "1"), ("kept", "2"), ("other", "x"), ("another", "y"), ("kept", "3"), ("other", "z"), ("kept", "4")]
    data = [each for _, each in writes]

    def follow_to_the_end(expected, last_event_id=None, told=False):
        """The ids: with each how many of what is expected had come, and whether a gap had told of what comes then."""
        reader = case.subscribe("/all?topic=s/**", gateway=gateway, last_event_id=last_event_id)
        places = [(reader.opened(RECOVERED_SECONDS).id, 0, False)]
        if expected is data:
            adapter.publish(*writes[0])
            case.assert_data(reader, data[:1])
            gateway.signal(signal.SIGSTOP)
            for write in writes[1:]:
                adapter.publish(*write)
            gateway.signal(signal.SIGCONT)
            expected = data[1:]
        at = 0
        while at != len(expected):
            event = reader.next(RECOVERED_SECONDS)
            if event.type == "message":
                found = expected.index(event.data, at)
                case.assertTrue(found == at or told, f"{event.data} without a gap after {expected[:at]}")
                at, told = found + 1, False
            else:
                case.assertIn(case.gap(event)["reason"], ("too_many_topics", "trimmed"))
                told = True
            places.append((event.id, at, told))
        data.append(f"end {len(data)}")  # nothing is told twice before it
        adapter.publish("kept", data[-1])
        case.assert_data(reader, data[-1:])
        reader.close()
        return places

    with adapter.crowded() as gateway:
        places = follow_to_the_end(data)
        case.assertEqual(len({position for position, _, _ in places}), len(places), places)
        for position, had, told in places[1:]:
            follow_to_the_end(data[1 + had:], position, told)


def pause(case, adapter):
    reader = case.follow("pause")
    before = metric(adapter.one, "sluice_source_pauses_total")
    with stalled_thread(adapter.one, "worker 1"):
        writer = in_background(adapter.publish, "pause", *adapter.burst)
        adapter.wait_metric(adapter.one, "sluice_source_pauses_total", lambda now: now > before)
    writer.join(RECOVERED_SECONDS)
    case.assertFalse(writer.is_alive(), "the engine was never read again")
    case.assert_data(reader, adapter.burst)
    adapter.publish("pause", "next")
    case.assert_data(reader, ["next"])


def engine_restart(case, adapter):
    reader = case.follow("engine")
    adapter.publish("engine", "before")
    case.assert_data(reader, ["before"])
    adapter.restart()
    if adapter.outage_loses:
        gap = case.assert_gap(reader, "source_lost")
        case.assertEqual(gap["topic"], "s/engine")
        adapter.wait_up(adapter.one)
    adapter.publish("engine", "after 1", "after 2")
    case.assert_data(reader, ["after 1", "after 2"])


def gateway_restart(case, adapter):
    data, ids = case.written("gateway", 3)
    adapter.one.kill()
    adapter.after_kill()
    if adapter.everywhere:
        adapter.publish("gateway", "meanwhile")
        data.append("meanwhile")
    adapter.one.restart()
    adapter.wait_up(adapter.one)
    reader = case.follow("gateway", last_event_id=ids[1])
    if adapter.over_restart:
        case.assertEqual(reader.open_event.id, ids[1])
        case.assert_data(reader, data[1:])
    else:
        case.assert_gap(reader, "unknown_epoch")
    adapter.publish("gateway", "live")
    case.assert_data(reader, ["live"])


def recreated(case, adapter):
    reasons = adapter.recreated_reasons if isinstance(adapter.recreated_reasons, tuple) else (adapter.recreated_reasons,)
    process = adapter.one.process
    reader = case.follow("recreated")
    data = [f"old {number}" for number in range(10)]
    adapter.publish("recreated", *data)
    last = case.assert_data(reader, data)[-1].id
    adapter.make_anew()
    adapter.publish("recreated", "new")
    for each in [reader] if adapter.one.process is process else []:  # it was served by a gateway that is still there
        case.assert_gap(each, *reasons)
        case.assert_data(each, ["new"])
    if adapter.tells_old_positions:
        reader = case.follow("recreated", last_event_id=last)
        case.assert_gap(reader, *reasons)
        case.assert_data(reader, ["new"])


# In this order: the last ones change what all topics stand on.
TABLE = {
    "every event comes once and in order": order,
    "a client resumes from every position": resume,
    "a position of the future is a gap and then all there is": future,
    "a position of somebody else is a gap and then all there is": foreign,
    "poison is mended or dropped and blocks nothing": poison,
    "what was trimmed is announced once": trimmed,
    OVERFLOW: overflow,
    "pause": pause,
    "the engine's restart": engine_restart,
    "the gateway's restart": gateway_restart,
    "recreated": recreated,
}


def load_tests(_loader, _tests, _pattern):
    """A class for each adapter, a case for each row."""
    suite = unittest.TestSuite()
    for adapter in ADAPTERS:
        cases = {name: (lambda self, row=row: row(self, self.adapter)) if name not in adapter.never else (lambda self: None)
                 for name, row in TABLE.items()}
        titles = {name: f"test_{adapter.name}: {name}" + (f" cannot be: {adapter.never[name]}" if name in adapter.never else "")
                  for name in cases}
        contract = type(adapter.__name__, (Contract,), {"adapter": adapter(), **{titles[name]: run for name, run in cases.items()}})
        suite.addTests(contract(title) for title in titles.values())
    return suite
