#include "gateway/source/demo.h"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>

#include "tests/gateway/topic/replicas.h"
#include "tests/support/source_context.h"

using namespace sluice;
using namespace std::chrono_literals;
using source::Demo;
using tests::Replicas;

namespace {

struct DemoStory {
  explicit DemoStory(double rate, const topic::History& history = everything())
      : replicas(history), given("demo:"), demo(with_rate(rate)) {
    demo.start(replicas.now);
  }
  source::Context with_rate(double rate) {
    given.config.rate = rate;
    return given.context(*replicas.home);
  }
  static topic::History everything() {
    topic::History history;
    history.entries = 100'000;
    history.age = 24h;
    return history;
  }

  // Lets `time` pass; the source is called whenever it wants to be.
  void pass(std::chrono::milliseconds time) {
    const topic::TimePoint end = replicas.now + time;
    while (demo.due() <= end) {
      replicas.now = std::max(replicas.now, demo.due());
      demo.on_time(replicas.now);
    }
    replicas.now = end;
  }
  // How many numbers were counted so far; checks that none is missing.
  std::uint64_t count() {
    const topic::TopicLog& log = replicas.log("s/counter");
    for (topic::Offset offset = log.first(); offset != log.head(); ++offset)
      REQUIRE(log.at(offset).rest() == "event: counter\ndata: {\"n\":" + std::to_string(offset + 1) + "}\n\n");
    return log.head();
  }

  Replicas replicas;
  tests::SourceContext given;
  Demo demo;
};

}  // namespace

TEST_CASE("the demo counts at the rate that was asked for, without holes, and the clock once a second") {
  for (const double rate : {1.0, 10.0, 1000.0}) {
    DemoStory story(rate);
    story.pass(10s);
    CHECK(static_cast<double>(story.count()) == doctest::Approx(10 * rate + 1));
    CHECK(story.replicas.log("s/walk").head() == story.count());
    CHECK(story.replicas.log("s/clock").head() == 11);
    CHECK(story.replicas.log("s/clock").at(0).rest().starts_with("event: clock\ndata: {\"time\":\"20"));
    CHECK(story.replicas.log("s/walk").at(0).rest().starts_with("event: walk\ndata: {\"value\":"));
  }
}

TEST_CASE("a paused demo holds its events and goes on where it was") {
  DemoStory story(10);
  story.pass(1s);
  const std::uint64_t before = story.count();
  story.demo.pause();
  story.pass(10s);
  CHECK(story.count() == before);
  story.demo.go_on();
  story.pass(1s);
  CHECK(story.count() > before + 8);
  CHECK(story.count() < before + 13);
}

TEST_CASE("after a process was stopped the demo catches up in steps, and without holes") {
  DemoStory story(1000);
  story.replicas.now += 3s;
  story.demo.on_time(story.replicas.now);
  CHECK(story.count() == 1000);
  CHECK(story.demo.due() <= story.replicas.now);
  story.pass(0s);
  CHECK(story.count() == 3001);
  CHECK(story.replicas.log("s/clock").head() == 1);  // a clock that is late tells the time once
  story.replicas.now += 1h;
  story.demo.on_time(story.replicas.now);
  CHECK(story.count() <= 4001);
  story.pass(0s);
  CHECK(story.count() < 4100);  // the hour is not made up for
}

TEST_CASE("the demo has its three topics, takes no events, and is quiet once stopped") {
  DemoStory story(1);
  for (const auto& [topic, expected] :
       {std::pair{"s/clock", topic::OpenResult::opened}, std::pair{"s/counter", topic::OpenResult::opened},
        std::pair{"s/walk", topic::OpenResult::opened}, std::pair{"s/other", topic::OpenResult::unknown_topic}}) {
    CHECK(story.demo.may_have(topic) == (expected == topic::OpenResult::opened));
    std::optional<topic::OpenResult> opened;
    story.demo.open(topic, story.replicas.now, [&](topic::OpenResult result) { opened = result; });
    CHECK(opened == expected);
  }
  std::optional<topic::PublishResult::Kind> kind;
  story.demo.publish("s/clock", {}, story.replicas.now,
                     [&](const topic::PublishResult& result) { kind = result.kind; });
  CHECK(kind == topic::PublishResult::Kind::not_publishable);
  story.demo.stop();
  CHECK(story.demo.due() == topic::TimePoint::max());
  story.demo.on_time(story.replicas.now + 1h);
  CHECK(story.replicas.log("s/counter").count() == 0);
}

TEST_CASE("a demo so slow that its topics are empty and closed in between goes on with its next event") {
  topic::History history;
  history.age = 1s;
  DemoStory story(0.01, history);
  story.replicas.now += 90s;
  for (int looks = 0; looks != 5; ++looks) story.replicas.home->expire(story.replicas.now);
  CHECK(story.replicas.topics[0]->topic_count() == 0);
  std::optional<topic::OpenResult> opened;
  story.demo.open("s/counter", story.replicas.now, [&](topic::OpenResult result) { opened = result; });
  CHECK(opened == topic::OpenResult::opened);
  CHECK(story.replicas.topics[0]->topic_count() == 1);
  story.replicas.now += 20s;
  story.demo.on_time(story.replicas.now);
  CHECK(story.replicas.log("s/counter").count() == 2);  // the one of the start, and the one of now
}
