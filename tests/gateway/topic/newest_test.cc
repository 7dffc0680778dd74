#include "gateway/topic/newest.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/gateway/topic/replicas.h"

using namespace sluice;
using tests::Replicas;
using topic::Newest;
using topic::RoundPtr;
using topic::TopicLog;
using Lines = std::vector<std::string>;

namespace {

topic::History values() {
  topic::History history;
  history.keyed = history.snapshot = true;
  return history;
}

std::shared_ptr<topic::SharedSource> source(bool replays, bool whole = true) {
  auto shared = std::make_shared<topic::SharedSource>(
      "s", std::make_shared<topic::EpochFormat>(proto::Epoch::from_random(7)), replays);
  shared->whole = whole;
  return shared;
}

// The data of a round's entries, in order.
Lines data_of(const RoundPtr& round) {
  Lines lines;
  for (const topic::EntryPtr& entry : round->entries) {
    const std::string_view rest = entry->rest();
    lines.emplace_back(rest.starts_with("data: ") ? rest.substr(6, rest.size() - 8) : "");
  }
  return lines;
}

topic::EntryPtr past_entry(const Replicas& replicas, topic::Sequence sequence, const std::string& key,
                           std::string_view data) {
  const std::string named = topic::conflation_key("s/a", key, true);
  return topic::Entry::make({.position = replicas.position(sequence), .data = data, .key = named, .sequence = 0});
}

}  // namespace

TEST_CASE(
    "a snapshot has the newest event of each key in the order of their log, also of what the ring has forgotten") {
  topic::History history = values();
  history.entries = 2;
  Replicas replicas(history, 1, source(false));
  replicas.set("s/a", "x", "x1");
  replicas.set("s/a", "y", "y1");
  replicas.set("s/a", "z", "z1");
  replicas.set("s/a", "x", "x2");
  TopicLog& log = replicas.log("s/a");
  CHECK(log.count() == 2);
  const RoundPtr round = replicas.topics[0]->snapshot(log);
  CHECK(data_of(round) == Lines{"y1", "z1", "x2"});
  CHECK(round->complete);
  CHECK(round->next == log.head());
  CHECK(round->position == replicas.position(4));
  CHECK(topic::round_data(*round, log.name()) == R"({"topic":"s/a","events":3,"complete":true})");
}

TEST_CASE("an event without a key is its topic's value; one without data deletes its key") {
  Replicas replicas(values(), 1, source(false));
  replicas.append("s/a", "1");
  replicas.append("s/a", "2");
  replicas.set("s/a", "x", "x1");
  TopicLog& log = replicas.log("s/a");
  CHECK(data_of(replicas.topics[0]->snapshot(log)) == Lines{"2", "x1"});
  const topic::Sequence before = replicas.home->last();
  replicas.set("s/a", "x", "");
  for (int count = 0; count != 100; ++count) replicas.append("s/a", "3");  // the snapshot above is no longer fresh
  CHECK(data_of(replicas.topics[0]->snapshot(log)) == Lines{"3"});
  // Who had the key is told that it is gone.
  const RoundPtr round = replicas.topics[0]->conflate(log, before, log.after(before), 10);
  REQUIRE(round);
  CHECK(data_of(round) == Lines{"", "3"});
}

TEST_CASE("topics of one wildcard do not share their keys") {
  Replicas replicas(values(), 1, source(false));
  replicas.set("s/a", "x", "of a");
  replicas.set("s/b", "x", "of b");
  TopicLog& view = replicas.topics[0]->join_view("s/**", replicas.now);
  CHECK(data_of(replicas.topics[0]->snapshot(view)) == Lines{"of a", "of b"});
  replicas.topics[0]->leave(view, replicas.now);
}

TEST_CASE("whoever comes at the same time gets the same round, and follows from where it was taken") {
  Replicas replicas(values(), 1, source(false));
  replicas.set("s/a", "x", "x1");
  TopicLog& log = replicas.log("s/a");
  const RoundPtr first = replicas.topics[0]->snapshot(log);
  replicas.set("s/a", "x", "x2");
  CHECK(replicas.topics[0]->snapshot(log) == first);
  CHECK(log.head() == first->next + 1);
  for (int count = 0; count != 100; ++count) replicas.set("s/a", "x", "later");
  CHECK(replicas.topics[0]->snapshot(log) != first);
}

TEST_CASE("more keys than history.keys: what deletes is forgotten first, then the oldest, and the snapshot says so") {
  topic::History history = values();
  history.keys = 3;
  Replicas replicas(history, 1, source(false));
  for (const char* key : {"a", "b", "c"}) replicas.set("s/a", key, key);
  replicas.set("s/a", "b", "");
  replicas.set("s/a", "d", "d");
  TopicLog& log = replicas.log("s/a");
  RoundPtr round = replicas.topics[0]->snapshot(log);
  CHECK(data_of(round) == Lines{"a", "c", "d"});
  CHECK(round->complete);
  round.reset();
  replicas.set("s/a", "e", "e");
  round = replicas.topics[0]->snapshot(log);
  CHECK(data_of(round) == Lines{"c", "d", "e"});
  CHECK_FALSE(round->complete);
  CHECK(log.newest()->size() == 3);
}

TEST_CASE("the memory of the newest entries is bounded, of one log and of all logs of a source") {
  topic::History history = values();
  history.bytes = 4000;
  history.bytes_total = 6000;
  Replicas replicas(history, 1, source(false));
  std::size_t footprint = 0;
  for (int number = 0; number != 100; ++number)
    for (const char* topic : {"s/a", "s/b", "s/c"})
      replicas.set(topic, "key " + std::to_string(number), std::string(100, 'x'));
  for (const char* topic : {"s/a", "s/b", "s/c"}) {
    CHECK(replicas.log(topic).newest()->footprint() <= 4000);
    footprint += replicas.log(topic).newest()->footprint();
  }
  CHECK(footprint <= 6000);
}

TEST_CASE("where only the ring knows what was, a snapshot after a start or after a loss is not complete") {
  Replicas replicas(values(), 1, source(false, false));
  replicas.set("s/a", "x", "x1");
  CHECK_FALSE(replicas.topics[0]->snapshot(replicas.log("s/a"))->complete);

  Replicas whole(values(), 1, source(false));
  whole.set("s/a", "x", "x1");
  TopicLog& log = whole.log("s/a");
  CHECK(whole.topics[0]->snapshot(log)->complete);
  whole.home->lose(topic::GapReason::source_lost, {}, whole.now);
  CHECK_FALSE(whole.topics[0]->snapshot(log)->complete);
}

TEST_CASE(
    "what is older than the log is loaded from pages before the first snapshot, and never replaces newer values") {
  topic::History history = values();
  Replicas replicas(history, 1, source(true));
  replicas.home->start(replicas.position(10), 10);
  replicas.set("s/a", "x", "x11");
  TopicLog& log = replicas.log("s/a");
  replicas.topics[0]->keep_newest(log);
  const topic::PositionFormat& format = replicas.topics[0]->format();
  Newest& newest = *log.newest();
  REQUIRE(newest.wanted_page() != nullptr);
  CHECK(newest.wanted_page()->empty());

  const auto page = [&](topic::Sequence after, topic::Sequence through, std::vector<topic::EntryPtr> entries) {
    topic::Page read;
    read.after = after == 0 ? "" : replicas.position(after);
    read.from = replicas.position(after);
    read.through = replicas.position(through);
    read.entries = std::move(entries);
    return std::make_shared<const topic::Page>(std::move(read));
  };
  const auto first = page(0, 5,
                          {past_entry(replicas, 1, "x", "x1"), past_entry(replicas, 2, "y", "y2"),
                           past_entry(replicas, 3, "z", "z3"), past_entry(replicas, 4, "w", "w4")});
  newest.on_page(format, first);
  REQUIRE(newest.wanted_page() != nullptr);
  CHECK(*newest.wanted_page() == replicas.position(5));
  newest.on_page(format, first);  // somebody else had asked for it, too
  CHECK(*newest.wanted_page() == replicas.position(5));
  newest.on_page(format, page(5, 11,
                              {past_entry(replicas, 6, "z", ""), past_entry(replicas, 7, "y", "y7"),
                               past_entry(replicas, 11, "y", "of the log")}));
  CHECK(newest.wanted_page() == nullptr);
  const RoundPtr round = replicas.topics[0]->snapshot(log);
  CHECK(data_of(round) == Lines{"w4", "y7", "x11"});
  CHECK(round->complete);
}

TEST_CASE("the engine's topic is made anew: nothing of the old one is left, and its past is read again") {
  Replicas replicas(values(), 1, source(true));
  replicas.set("s/a", "x", "x1");
  TopicLog& log = replicas.log("s/a");
  replicas.topics[0]->keep_newest(log);
  log.newest()->on_page(replicas.topics[0]->format(), nullptr);
  CHECK(log.newest()->wanted_page() == nullptr);
  replicas.home->restart(replicas.position(20), topic::GapReason::recreated, replicas.now);
  CHECK(log.newest()->size() == 0);
  CHECK(log.newest()->wanted_page() != nullptr);
}

TEST_CASE("a round of changes is given only to who is far behind, saves something by it, and can be told all") {
  topic::History history;
  history.keyed = true;
  history.entries = 50;
  Replicas replicas(history, 1, source(false));
  TopicLog& log = replicas.log("s/a");
  replicas.topics[0]->keep_newest(log);
  const topic::Sequence begin = replicas.home->last();
  for (int number = 0; number != 30; ++number)
    replicas.set("s/a", number % 2 == 0 ? "even" : "odd", std::to_string(number));
  CHECK(replicas.topics[0]->conflate(log, begin, 0, 30) == nullptr);
  const RoundPtr round = replicas.topics[0]->conflate(log, begin, 0, 29);
  REQUIRE(round);
  CHECK(data_of(round) == Lines{"28", "29"});
  CHECK(round->skipped == 30);
  CHECK(topic::round_data(*round, log.name()) == R"({"topic":"s/a","events":2,"skipped":30})");

  // Events without a key are each sent; then little is saved, and ids are worth more.
  for (int number = 0; number != 10; ++number) replicas.append("s/a", "plain");
  CHECK(replicas.topics[0]->conflate(log, begin, 0, 29)->entries.size() == 12);
  const topic::Sequence before_plain = begin + 30;
  CHECK(replicas.topics[0]->conflate(log, before_plain, 30, 5) == nullptr);

  // The ring loses one without a key: who has not had it cannot be told all.
  for (int number = 0; number != 60; ++number) replicas.set("s/a", "even", "later");
  CHECK(replicas.topics[0]->conflate(log, begin, 0, 5) == nullptr);
  // But who has missed only what has a key can, long after the ring.
  const topic::Sequence after_plain = begin + 40;
  CHECK(replicas.topics[0]->conflate(log, after_plain, 40, 5)->entries.size() == 1);
}
