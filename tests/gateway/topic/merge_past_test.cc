// Streams that fall out of their rings while an engine forgets, or begins anew.
#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "gateway/topic/merge.h"
#include "tests/gateway/topic/replicas.h"
#include "tests/gateway/topic/trimming_engine.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Engine;
using tests::engine_source;
using tests::position;
using tests::Replicas;
using topic::GapReason;
using topic::Merge;
using topic::PagePtr;
using topic::PartStart;

namespace {

struct Woken final : topic::Subscriber {
  void on_touched() override { merge->remember_missed(); }
  Merge* merge = nullptr;
};

}  // namespace

TEST_CASE("of several topics that were quiet for long, only what was theirs is told as lost") {
  topic::History history;
  history.entries = 3;
  history.age = 24h;
  int fallen = 0, lossless = 0;
  for (unsigned seed = 0; seed != 500; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto pick = [&](unsigned low, unsigned high) {
      return low + static_cast<unsigned>(random() % (high - low + 1));
    };
    Replicas replicas(history, 1, engine_source());
    topic::Topics& topics = *replicas.topics[0];
    replicas.home->start(position(0));
    Engine engine;
    std::vector<std::uint64_t> due;  // of what the stream has asked for, and not been sent
    const auto append = [&](const std::string& name) {
      engine.events.push_back({++engine.last, name});
      topic::Event event;
      event.data = name + "#" + std::to_string(engine.last);
      replicas.home->append(*replicas.home->open(name, replicas.now), position(engine.last), event, replicas.now);
      if (name != "s/other") due.push_back(engine.last);
      if (pick(0, 2) != 0) topics.wake(replicas.now);
    };
    Woken woken;
    Merge merge(woken);
    woken.merge = &merge;
    std::vector<topic::TopicLog*> logs;
    PartStart start;
    for (const char* name : {"s/a", "s/b"}) {
      (void)replicas.home->open(name, replicas.now);
      logs.push_back(topics.join(name));
      start.starts.push_back({.next = 0, .after = replicas.home->last()});
    }
    merge.add(topics, logs, start, position(0));
    ByteBuffer out;
    for (unsigned count = pick(0, 3); count != 0; --count) append(pick(0, 1) == 0 ? "s/a" : "s/b");
    topics.wake(replicas.now);
    merge.render(100'000, out);
    due.clear();
    out.consume(out.size());
    for (unsigned count = pick(0, 20); count != 0; --count) append("s/other");
    const char* names[] = {"s/a", "s/b", "s/other"};
    for (unsigned count = pick(4, 12); count != 0; --count) append(names[pick(0, 2)]);
    topics.wake(replicas.now);
    engine.trimmed_through = pick(0, static_cast<unsigned>(engine.last));
    merge.render(100'000, out);
    const auto wanted = merge.take_want();
    if (wanted) merge.on_page(0, engine.read(wanted->request, 1000));
    merge.render(100'000, out);
    const bool lost = wanted && !due.empty() && due.front() <= engine.trimmed_through;
    fallen += wanted ? 1 : 0;
    lossless += wanted && !lost ? 1 : 0;
    const std::string text(out.text());
    CHECK((text.find("sluice.gap") != std::string::npos) == lost);
    for (const std::uint64_t number : due) {
      const bool sent = text.find("#" + std::to_string(number) + "\n") != std::string::npos;
      CHECK(sent == (!wanted || number > engine.trimmed_through));
    }
    merge.leave(replicas.now);
  }
  CHECK(fallen > 100);
  CHECK(lossless > 20);
}

TEST_CASE("who is behind in a topic that was made anew is told, and goes on where the new one begins") {
  topic::History history;
  history.entries = 3;
  history.age = 24h;
  Replicas replicas(history, 1,
                    std::make_shared<topic::SharedSource>("s", std::make_shared<topic::PairFormat>('-', true), true));
  topic::Topics& topics = *replicas.topics[0];
  const topic::TopicIndex index = *replicas.home->open("s/a", replicas.now, position(0));
  Engine engine;
  const auto append = [&](std::uint64_t count, const std::string& what) {
    for (; count != 0; --count) {
      engine.events.push_back({++engine.last, what});
      topic::Event event;
      event.data = what + "#" + std::to_string(engine.last);
      replicas.home->append(index, position(engine.last), event, replicas.now);
    }
    topics.wake(replicas.now);
  };
  const auto make_anew = [&] {
    engine = {};
    replicas.home->restart(index, position(0), GapReason::recreated, replicas.now);
    append(2, "s/a new");
  };
  Woken woken;
  Merge merge(woken);
  woken.merge = &merge;
  ByteBuffer out;
  const auto answer = [&](std::size_t entries) {
    auto wanted = merge.take_want();
    REQUIRE(wanted);
    wanted->request.topics = {"s/a new", "s/a"};  // the engine's names
    return engine.read(wanted->request, entries);
  };
  topic::TopicLog* log = topics.join("s/a");
  PartStart start;
  std::string last = "2";
  SUBCASE("while it reads the past: a page is asked for") {
    append(9, "s/a");
    start.kind = PartStart::Kind::replay;
    start.after = position(2);
    merge.add(topics, std::span(&log, 1), start, start.after);
    const PagePtr old = answer(100);
    make_anew();
    merge.on_page(0, old);
    merge.render(100'000, out);
    CHECK(out.size() == 0);
  }
  SUBCASE("while it reads the past: a page is sent") {
    append(9, "s/a");
    start.kind = PartStart::Kind::replay;
    start.after = position(2);
    merge.add(topics, std::span(&log, 1), start, start.after);
    merge.on_page(0, answer(3));
    merge.render(10, out);
    make_anew();
    merge.render(100'000, out);
    CHECK(out.text().find("s/a#5") != std::string_view::npos);
    last = "5";
  }
  SUBCASE("while it is in the ring") {
    append(2, "s/a");
    start.starts.push_back({.next = log->head(), .after = replicas.home->last()});
    merge.add(topics, std::span(&log, 1), start, position(2));
    append(1, "s/a");
    make_anew();
    merge.render(100'000, out);
    CHECK(out.size() == 0);
  }
  SUBCASE("and it has left the ring since, whose gap it never read") {
    append(2, "s/a");
    start.starts.push_back({.next = log->head(), .after = replicas.home->last()});
    merge.add(topics, std::span(&log, 1), start, position(2));
    make_anew();
    append(8, "s/a new");
    merge.render(100'000, out);
    CHECK(out.size() == 0);
  }
  const std::uint64_t count = engine.last;
  merge.on_page(0, answer(100));
  merge.render(100'000, out);
  const std::string text(out.text());
  const std::size_t gap =
      text.find("\"from\":\"" + last + "-0\",\"to\":\"0-0\",\"count\":null,\"reason\":\"recreated\"");
  REQUIRE(gap != std::string::npos);
  CHECK(text.find("sluice.gap", gap) == std::string::npos);
  for (std::uint64_t number = 1; number <= count; ++number)
    CHECK(text.find("s/a new#" + std::to_string(number) + "\n", gap) != std::string::npos);
  append(1, "s/a new");
  merge.render(100'000, out);
  CHECK(out.text().find("s/a new#" + std::to_string(count + 1) + "\n") != std::string_view::npos);
  CHECK_FALSE(merge.take_want());

  // And who has heard of it is not told again.
  out.consume(out.size());
  append(10, "s/a new");
  merge.render(100'000, out);
  merge.on_page(0, answer(100));
  merge.render(100'000, out);
  CHECK(out.text().find("sluice.gap") == std::string_view::npos);
  CHECK(out.text().find("s/a new#" + std::to_string(count + 11) + "\n") != std::string_view::npos);
  merge.leave(replicas.now);
}
