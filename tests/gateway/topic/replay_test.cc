// What is older than a ring: pages shared by all who ask.
#include "gateway/topic/replay.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/topic/merge.h"
#include "proto/sse.h"
#include "tests/gateway/topic/replicas.h"
#include "tests/gateway/topic/trimming_engine.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::appended_nothing;
using tests::Engine;
using tests::engine_source;
using tests::position;
using tests::Replicas;
using topic::Merge;
using topic::PagePtr;
using topic::PartStart;
using topic::ReadRequest;
using topic::Wish;

TEST_CASE("ten thousand who resume at one position cost the engine one read a page, neighbours included") {
  Engine engine;
  for (std::uint64_t number = 1; number <= 3000; ++number) engine.events.push_back({number, "s/a"});
  const topic::PairFormat format('-', false);
  topic::Replays replays(
      format, [&](const ReadRequest& request, const topic::ReadDone& done) { done(engine.read(request, 1000)); },
      appended_nothing);
  for (int client = 0; client != 10'000; ++client) {
    std::string after = position(client % 2 == 0 ? 0 : 17);
    for (bool at_end = false; !at_end;)
      replays.want({.topics = {"s/a"}, .after = after}, tests::epoch_of_tests, [&](const PagePtr& page) {
        after = page->through;
        at_end = page->at_end;
      });
    CHECK(after == "3000-0");
  }
  CHECK(replays.read_count() == 3);
}

TEST_CASE("who asks while a page is read waits for it, and few reads are in flight") {
  Engine engine;
  for (std::uint64_t number = 1; number <= 100; ++number) engine.events.push_back({number, "s/a"});
  const topic::PairFormat format('-', false);
  std::vector<std::pair<ReadRequest, topic::ReadDone>> asked;
  topic::Replays replays(
      format, [&](const ReadRequest& request, topic::ReadDone done) { asked.emplace_back(request, std::move(done)); },
      appended_nothing);
  int answered = 0;
  for (std::uint64_t client = 0; client != 60; ++client)
    replays.want({.topics = {"s/a"}, .after = position(client % 20)}, tests::epoch_of_tests,
                 [&](const PagePtr& page) { answered += page != nullptr; });
  CHECK(asked.size() == 4);
  for (std::size_t next = 0; next != asked.size(); ++next) {
    const auto [request, done] = asked[next];
    done(engine.read(request, 1000));
  }
  CHECK(answered == 60);
  CHECK(asked.size() == 4);  // the others' positions lie in those pages
}

TEST_CASE("the cache of pages is bounded, and what nobody asks for goes") {
  Engine engine;
  for (std::uint64_t number = 1; number <= 1000; ++number) engine.events.push_back({number, "s/a"});
  const topic::PairFormat format('-', false);
  topic::Replays replays(
      format, [&](const ReadRequest& request, const topic::ReadDone& done) { done(engine.read(request, 10)); },
      appended_nothing, {.bytes = 10'000, .in_flight = 4, .unused = 30s, .age = 60s});
  for (std::uint64_t number = 0; number < 1000; number += 10) {
    replays.want({.topics = {"s/a"}, .after = position(number)}, tests::epoch_of_tests, [](const PagePtr&) {});
    CHECK(replays.bytes() <= 10'000);
  }
  CHECK(replays.bytes() != 0);
  replays.expire(tests::epoch_of_tests + 31s);
  CHECK(replays.bytes() == 0);
}

TEST_CASE("what an engine has deleted since is sent for a minute at most, and not after its stream was made anew") {
  Engine engine;
  for (std::uint64_t number = 1; number <= 10; ++number) engine.events.push_back({number, "s/a"});
  const topic::PairFormat format('-', false);
  std::vector<topic::ReadDone> late;
  bool answers = true;
  topic::Replays replays(
      format,
      [&](const ReadRequest& request, topic::ReadDone done) {
        if (answers)
          done(engine.read(request, 10));
        else
          late.push_back(std::move(done));
      },
      appended_nothing);
  const ReadRequest request{.topics = {"s/a"}, .after = position(2)};
  topic::TimePoint now = tests::epoch_of_tests;
  std::size_t entries = 0;
  const auto want = [&] { replays.want(request, now, [&](const PagePtr& page) { entries = page->entries.size(); }); };
  want();
  CHECK(entries == 8);
  engine.events.clear();
  for (int second = 0; second != 59; ++second) {
    now += 1s;
    want();
    replays.expire(now);
  }
  CHECK(entries == 8);
  CHECK(replays.read_count() == 1);
  now += 1s;
  want();
  CHECK(entries == 0);

  engine.events.push_back({20, "s/a"});
  answers = false;
  want();
  replays.forget();  // of what is being read, too
  REQUIRE(late.size() == 1);
  late.front()(engine.read(request, 10));
  CHECK(entries == 1);
  CHECK(replays.bytes() == 0);
  answers = true;
  want();
  CHECK(replays.bytes() != 0);
  replays.forget();
  CHECK(replays.bytes() == 0);
}

TEST_CASE("a topic that was quiet while its engine forgot others' events tells of no loss when its ring runs over") {
  topic::History history;
  history.entries = 3;
  history.age = 24h;
  Replicas replicas(history, 1, engine_source());
  replicas.home->start(position(0));
  Engine engine;
  const auto append = [&](std::uint64_t number, const std::string& name) {
    engine.events.push_back({number, name});
    topic::Event event;
    event.data = name + "#" + std::to_string(number);
    replicas.home->append(*replicas.home->open(name, replicas.now), position(number), event, replicas.now);
  };
  struct Woken final : topic::Subscriber {
    void on_touched() override {}
  } woken;
  append(1, "s/quiet");
  topic::Topics& topics = *replicas.topics[0];
  topic::TopicLog* log = topics.join("s/quiet");
  topic::Cursor cursor;
  cursor.join(*log, log->head(), replicas.home->last(), woken);
  for (std::uint64_t number = 2; number <= 100; ++number) append(number, "s/other");
  for (std::uint64_t number = 101; number <= 106; ++number) append(number, "s/quiet");
  REQUIRE(cursor.has_gap());
  PartStart start;
  start.kind = PartStart::Kind::replay;
  start.after = log->position_before(cursor.next());
  start.missed = log->position_at(cursor.next());
  CHECK(start.after == position(1));
  CHECK(start.missed == position(101));
  CHECK(log->position_at(log->head()).empty());
  cursor.leave();

  Merge merge(woken);
  merge.add(topics, std::span(&log, 1), start, start.after);
  ByteBuffer out;
  const auto render_from = [&](std::uint64_t trimmed_through) {
    engine.trimmed_through = trimmed_through;
    auto wanted = merge.take_want();
    REQUIRE(wanted);
    merge.on_page(0, engine.read(wanted->request, 1000));
    merge.render(100'000, out);
    return out.text();
  };
  SUBCASE("all that it forgot were others'") {
    const std::string_view text = render_from(100);
    CHECK(text.find("sluice.gap") == std::string_view::npos);
    CHECK(text.find("s/quiet#101") != std::string_view::npos);
    CHECK(text.find("s/quiet#106") != std::string_view::npos);
  }
  SUBCASE("but of the first of its own") {
    const std::string_view text = render_from(101);
    CHECK(text.find("sluice.gap") != std::string_view::npos);
    CHECK(text.find("s/quiet#101") == std::string_view::npos);
    CHECK(text.find("s/quiet#102") != std::string_view::npos);
  }
  merge.leave(replicas.now);
}

TEST_CASE("a ring that runs over while the engine says that it has nothing tells of no loss") {
  topic::History history;
  history.entries = 3;
  history.age = 24h;
  Replicas replicas(history, 1, engine_source());
  replicas.home->start(position(0));
  const topic::TopicIndex index = *replicas.home->open("s/a", replicas.now);
  Engine engine;
  const auto append = [&](std::uint64_t number) {
    engine.events.push_back({number, "s/a"});
    topic::Event event;
    event.data = "s/a#" + std::to_string(number);
    replicas.home->append(index, position(number), event, replicas.now);
  };
  for (std::uint64_t number = 1; number <= 6; ++number) append(number);
  std::vector<std::pair<ReadRequest, topic::ReadDone>> asked;
  topic::Replays replays(
      *replicas.shared->format,
      [&](const ReadRequest& request, topic::ReadDone done) { asked.emplace_back(request, std::move(done)); },
      [&] { return replicas.home->last(); });

  struct Woken final : topic::Subscriber {
    void on_touched() override {}
  } woken;
  Merge merge(woken);
  topic::Topics& topics = *replicas.topics[0];
  topic::TopicLog* log = topics.join("s/a");
  PartStart start;
  start.kind = PartStart::Kind::replay;
  start.after = position(6);
  merge.add(topics, std::span(&log, 1), start, position(6));
  const auto want = [&] {
    auto wanted = merge.take_want();
    REQUIRE(wanted);
    replays.want(std::move(wanted->request), replicas.now, [&](PagePtr page) { merge.on_page(0, std::move(page)); });
  };
  const auto answer = [&] {
    const auto [request, done] = std::exchange(asked, {}).front();
    done(engine.read(request, 1000));
  };
  want();
  answer();  // nothing after 6
  for (std::uint64_t number = 7; number <= 12; ++number) append(number);
  ByteBuffer out;
  merge.render(100'000, out);
  CHECK(out.size() == 0);
  want();
  answer();
  merge.render(100'000, out);
  CHECK(out.text().find("sluice.gap") == std::string_view::npos);
  CHECK(out.text().find("s/a#7") != std::string_view::npos);
  CHECK(out.text().find("s/a#12") != std::string_view::npos);

  SUBCASE("but of one that the engine does not have either") {
    for (std::uint64_t number = 13; number <= 22; ++number) append(number);
    engine.events.clear();
    (void)merge.pending();
    want();
    answer();
    (void)merge.pending();
    out.consume(out.size());
    merge.render(100'000, out);
    CHECK(out.text().find("sluice.gap") != std::string_view::npos);
    CHECK(out.text().find("s/a#20") != std::string_view::npos);
  }
  merge.leave(replicas.now);
}

TEST_CASE("a stream tells how much memory its page keeps, by its share") {
  Replicas replicas({}, 1, engine_source());
  replicas.home->start(position(0));
  (void)replicas.home->open("s/a", replicas.now);
  Engine engine;
  for (std::uint64_t number = 1; number <= 100; ++number) engine.events.push_back({number, "s/a"});
  struct Woken final : topic::Subscriber {
    void on_touched() override {}
  } woken;
  Merge merge(woken);
  topic::Topics& topics = *replicas.topics[0];
  topic::TopicLog* log = topics.join("s/a");
  PartStart start;
  start.kind = PartStart::Kind::replay;
  start.after = position(50);
  merge.add(topics, std::span(&log, 1), start, start.after);
  CHECK(merge.held_bytes() == 0);
  auto wanted = merge.take_want();
  REQUIRE(wanted);
  PagePtr page = engine.read(wanted->request, 1000);
  const std::size_t whole = page->footprint();
  CHECK(whole > 50 * sizeof(topic::Entry));
  merge.on_page(0, page);
  CHECK(merge.held_bytes() == whole / 2);
  page.reset();
  CHECK(merge.held_bytes() == whole);
  merge.leave(replicas.now);
}
