// The disk log as a source uses it: append, resume, restart.
#include "gateway/source/disk_log.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/gateway/source/disk_owner.h"

using namespace sluice;
using source::DiskAppended;
using source::DiskEntry;
using source::DiskPage;
using source::DiskQuery;
using source::DiskTime;
using source::DiskTopic;
using tests::DiskOwner;
using tests::event;
using Strings = std::vector<std::string>;

TEST_CASE("an event that was acknowledged is there after a restart, whole, at the sequence that was answered") {
  DiskOwner owner;
  owner.open(owner.options(7));
  CHECK(owner.log->last() == 0);
  CHECK(owner.log->epoch() == proto::Epoch::from_random(7));
  const topic::Event whole{.type = "edit", .data = "line 1\nzeile ü\0end", .idempotency_key = "k1", .key = "doc/1"};
  const DiskAppended first = owner.append({whole, event("")}, "notes/a", DiskTime(1'700'000'000'123));
  CHECK(first.kind == DiskAppended::Kind::stored);
  REQUIRE(first.places.size() == 2);
  CHECK(first.places[0].sequence == 1);
  CHECK(first.places[1].sequence == 2);
  CHECK(owner.append({event("other")}, "notes/b").places[0].sequence == 3);

  owner.close();
  owner.open(owner.options(8));
  CHECK(owner.log->last() == 3);
  CHECK(owner.log->epoch() == proto::Epoch::from_random(7));
  const std::vector<DiskEntry> all = owner.read_all();
  REQUIRE(all.size() == 3);
  CHECK(all[0].sequence == 1);
  CHECK(all[0].topic == "notes/a");
  CHECK(all[0].time == DiskTime(1'700'000'000'123));
  CHECK(all[0].event == whole);
  CHECK(all[1].event == event(""));
  CHECK(all[2].topic == "notes/b");
  CHECK(owner.append({event("next")}).places[0].sequence == 4);
}

TEST_CASE("what waits while the disk is busy goes into one commit") {
  DiskOwner owner;
  owner.open();
  std::vector<std::size_t> answered;
  const auto append = [&](std::size_t index) {
    return owner.log->append("notes/a", {event(std::to_string(index))}, DiskTime(1),
                             [&answered, index](DiskAppended&& appended) {
                               CHECK(appended.places.at(0).sequence == index + 1);
                               answered.push_back(index);
                             });
  };
  owner.close_gate();
  REQUIRE(append(0));
  owner.await_answers(1);  // the first is committed, and its thread held
  for (std::size_t index = 1; index < 100; ++index) REQUIRE(append(index));
  owner.open_gate();
  owner.await([&] { return answered.size() == 100; });
  CHECK(owner.log->status().commits == 2);
  for (std::size_t index = 0; index < 100; ++index) CHECK(answered[index] == index);
}

TEST_CASE("a publisher is told at once when too much waits for the disk, and memory stays bounded") {
  DiskOwner owner;
  source::DiskOptions options = owner.options();
  options.queue_bytes = 10'000;
  owner.open(options);
  int answered = 0;
  const auto append = [&](std::size_t size) {
    return owner.log->append("notes/a", {event(std::string(size, 'x'))}, DiskTime(1),
                             [&answered](DiskAppended&& appended) {
                               CHECK(appended.kind == DiskAppended::Kind::stored);
                               ++answered;
                             });
  };
  owner.close_gate();
  REQUIRE(append(20'000));  // alone it may be larger than the bound: nothing else could ever let it in
  owner.await_answers(1);
  REQUIRE(append(6'000));
  CHECK_FALSE(append(6'000));
  CHECK(owner.log->status().queued_bytes < 10'000);
  owner.open_gate();
  owner.await([&] { return answered == 2; });
  CHECK(owner.log->status().queued_bytes == 0);
  CHECK(owner.append({event("there is room again")}).kind == DiskAppended::Kind::stored);
}

TEST_CASE("an event that a publisher sends again is answered with the place of the first") {
  DiskOwner owner;
  owner.open();
  CHECK(owner.append({event("a", "k1"), event("b"), event("again", "k1"), event("c", "k2")}).places.size() == 4);
  const DiskAppended again = owner.append({event("a", "k1"), event("d"), event("c", "k2")});
  REQUIRE(again.places.size() == 3);
  CHECK(again.places[0].repeated);
  CHECK(again.places[0].sequence == 1);
  CHECK_FALSE(again.places[1].repeated);
  CHECK(again.places[1].sequence == 4);
  CHECK(again.places[2].repeated);
  CHECK(again.places[2].sequence == 3);
  CHECK_FALSE(owner.append({event("a", "k1")}, "notes/b").places[0].repeated);  // another topic's key

  SUBCASE("while the first still waits for the disk") {
    std::vector<DiskAppended> answers;
    owner.close_gate();
    for (int time = 0; time < 3; ++time)
      REQUIRE(owner.log->append("notes/a", {event("e", "k3")}, DiskTime(1),
                                [&](DiskAppended&& appended) { answers.push_back(std::move(appended)); }));
    owner.open_gate();
    owner.await([&] { return answers.size() == 3; });
    CHECK_FALSE(answers[0].places[0].repeated);
    for (const std::size_t index : {1U, 2U}) {
      CHECK(answers[index].places[0].repeated);
      CHECK(answers[index].places[0].sequence == answers[0].places[0].sequence);
    }
  }
  SUBCASE("after a restart") {
    owner.close();
    owner.open();
    CHECK(owner.append({event("a", "k1")}).places[0].sequence == 1);
    CHECK(owner.data_of(owner.read_all({"notes/a"})) == Strings{"a", "b", "c", "d"});
  }
}

TEST_CASE("an idempotency key is remembered exactly as long as its entry is retained") {
  DiskOwner owner;
  owner.open();
  owner.append({event("a", "k1"), event("b", "k2")});
  owner.log->trim("notes/a", 1);
  owner.await_status([](const source::DiskStatus& status) { return status.entries == 1; });
  const DiskAppended again = owner.append({event("a", "k1"), event("b", "k2")});
  CHECK_FALSE(again.places[0].repeated);
  CHECK(again.places[0].sequence == 3);
  CHECK(again.places[1].repeated);
}

TEST_CASE("who resumes gets pages in order: all topics, some, or all below a name") {
  DiskOwner owner;
  owner.open();
  // 1 a, 2 a/b, 3 a/b/c, 4 ab, 5 a, ...
  const Strings topics = {"notes/a", "notes/a/b", "notes/a/b/c", "notes/ab"};
  for (std::size_t index = 0; index < 40; ++index)
    owner.append({event(topics[index % 4] + " " + std::to_string(index + 1))}, topics[index % 4]);
  for (const std::size_t entries_max : {1U, 2U, 3U, 7U, 1000U}) {
    CAPTURE(entries_max);
    CHECK(owner.read_all({}, 0, entries_max).size() == 40);
    CHECK(owner.read_all({"notes/**"}, 0, entries_max).size() == 40);
    CHECK(owner.read_all({"notes/a"}, 0, entries_max).size() == 10);
    CHECK(owner.read_all({"notes/a", "notes/a"}, 0, entries_max).size() == 10);
    CHECK(owner.read_all({"notes/a/**"}, 0, entries_max).size() == 20);
    CHECK(owner.read_all({"notes/a/**", "notes/a"}, 0, entries_max).size() == 30);
    CHECK(owner.read_all({"other", "notes/a/b/**", "notes/a/b/c/d"}, 0, entries_max).size() == 10);
    CHECK(owner.data_of(owner.read_all({"notes/ab", "notes/a"}, 35, entries_max)) ==
          Strings{"notes/ab 36", "notes/a 37", "notes/ab 40"});
  }
  const DiskPage page = owner.read({.topics = {"notes/a"}, .after = 3, .entries_max = 2});
  CHECK(owner.data_of(page.entries) == Strings{"notes/a 5", "notes/a 9"});
  CHECK(page.through == 9);
  CHECK_FALSE(page.end);
  CHECK(page.evicted_through == 0);
  // The end joins the live events: the page is complete up to the newest sequence of all.
  const DiskPage last = owner.read({.topics = {"notes/a"}, .after = 37});
  CHECK(last.entries.empty());
  CHECK(last.end);
  CHECK(last.through == 40);
  // A position that only a forged id can name.
  const DiskPage future = owner.read({.after = ~source::DiskSequence{0}});
  CHECK(future.entries.empty());
  CHECK(future.end);
}

TEST_CASE("a page ends at its bytes, but has one entry at least") {
  DiskOwner owner;
  owner.open();
  for (const std::size_t size : {10U, 10U, 5'000U, 10U}) owner.append({event(std::string(size, 'x'))});
  DiskPage page = owner.read({.after = 0, .entries_max = 10, .bytes_max = 100});
  CHECK(page.entries.size() == 2);
  CHECK(page.through == 2);
  CHECK_FALSE(page.end);
  page = owner.read({.after = 2, .entries_max = 10, .bytes_max = 100});
  CHECK(page.entries.size() == 1);
  CHECK(page.through == 3);
  page = owner.read({.after = 3, .entries_max = 10, .bytes_max = 100});
  CHECK(page.entries.size() == 1);
  CHECK(page.end);
}

TEST_CASE("more topics than are merged are read in order all the same, in bounded pages") {
  DiskOwner owner;
  source::DiskOptions options = owner.options();
  options.sync = source::DiskSync::process;  // hundreds of commits whose safety is not the question
  owner.open(options);
  std::vector<topic::Event> many(200, event("x"));
  for (int round = 0; round < 2; ++round)
    for (int index = 0; index < 300; ++index) owner.append({event("y")}, "notes/t" + std::to_string(index));
  for (int round = 0; round < 110; ++round) owner.append(many, "other/busy");
  const auto all = owner.read_all({"notes/**"}, 0, 100);
  REQUIRE(all.size() == 600);
  for (std::size_t index = 0; index < all.size(); ++index) CHECK(all[index].sequence == index + 1);
  // Behind them 22,000 entries of another topic: a page gives up before it has looked at all of them.
  const DiskPage page = owner.read({.topics = {"notes/**"}, .after = 600});
  CHECK(page.entries.empty());
  CHECK_FALSE(page.end);
  CHECK(page.through == 20'600);
}

TEST_CASE("who asks for a time gets nothing older") {
  DiskOwner owner;
  owner.open();
  for (int index = 1; index <= 50; ++index)
    owner.append({event(std::to_string(index))}, index % 2 == 0 ? "notes/a" : "notes/b", DiskTime(index * 100));
  const auto first_since = [&](int time) {
    const DiskPage page = owner.read({.after = 0, .since = DiskTime(time), .entries_max = 1});
    return page.entries.empty() ? "none" : page.entries[0].event.data;
  };
  CHECK(first_since(0) == "1");
  CHECK(first_since(100) == "1");
  CHECK(first_since(101) == "2");
  CHECK(first_since(2'350) == "24");
  CHECK(first_since(5'000) == "50");
  CHECK(first_since(5'001) == "none");
}

TEST_CASE("a start loads the newest of each topic, says from where, and reads no more than it may keep") {
  DiskOwner owner;
  owner.open();
  for (int index = 1; index <= 60; ++index)
    owner.append({event(std::string(99, '.') + std::to_string(index % 10))}, index % 3 == 0 ? "notes/a" : "notes/b");
  owner.close();
  owner.open();
  std::vector<source::DiskSequence> loaded;
  const auto load = [&](source::DiskLoadLimits limits) {
    loaded.clear();
    std::vector<DiskTopic> topics =
        owner.log->load(limits, [&](DiskEntry&& entry) { loaded.push_back(entry.sequence); });
    std::sort(topics.begin(), topics.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return topics;
  };
  auto topics = load({.entries = 2});
  CHECK(loaded == std::vector<source::DiskSequence>{57, 58, 59, 60});
  REQUIRE(topics.size() == 2);
  CHECK(topics[0].name == "notes/a");
  CHECK(topics[0].loaded_after == 54);
  CHECK(topics[1].loaded_after == 56);

  topics = load({.entries = 100, .bytes = 350, .bytes_total = 10'000});
  CHECK(loaded == std::vector<source::DiskSequence>{54, 56, 57, 58, 59, 60});
  CHECK(topics[0].loaded_after == 51);
  CHECK(topics[1].loaded_after == 55);
  topics = load({.entries = 100, .bytes = 100'000, .bytes_total = 1'000});
  CHECK(loaded.size() == 10);
  CHECK(topics[0].loaded_after == 50);
  CHECK(topics[1].loaded_after == 50);
  topics = load({});
  CHECK(loaded.size() == 60);
  CHECK(topics[0].loaded_after == 0);
}

TEST_CASE("closing the log commits and answers what waits") {
  DiskOwner owner;
  owner.open();
  int answered = 0;
  bool read = false;
  for (int index = 0; index < 50; ++index)
    REQUIRE(owner.log->append("notes/a", {event("x")}, DiskTime(1), [&](DiskAppended&& appended) {
      CHECK(appended.kind == DiskAppended::Kind::stored);
      ++answered;
    }));
  REQUIRE(owner.log->read({}, [&](DiskPage&& page) { read = page.problem.empty(); }));
  owner.close();
  CHECK(answered == 50);
  CHECK(read);
  owner.open();
  CHECK(owner.log->last() == 50);
}

TEST_CASE("too many reads at once are refused") {
  DiskOwner owner;
  source::DiskOptions options = owner.options();
  options.reads = 3;
  owner.open(options);
  int answered = 0;
  const auto read = [&] { return owner.log->read({}, [&](DiskPage&&) { ++answered; }); };
  owner.close_gate();
  REQUIRE(read());
  owner.await_answers(1);
  for (int index = 0; index < 3; ++index) REQUIRE(read());
  CHECK_FALSE(read());
  owner.open_gate();
  owner.await([&] { return answered == 4; });
  CHECK(read());
  owner.await([&] { return answered == 5; });
}
