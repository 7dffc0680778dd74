#include "gateway/source/exec.h"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "tests/gateway/topic/replicas.h"
#include "tests/support/source_context.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Replicas;

namespace {

struct Story {
  explicit Story(const std::string& script) : given("exec:"), exec(with(script)) { exec.start(replicas.now); }
  ~Story() { exec.stop(); }
  Story(const Story&) = delete;
  Story& operator=(const Story&) = delete;
  source::Context with(const std::string& script) {
    given.config.command = {"sh", "-c", script};
    given.config.format = config::Source::Format::lines;
    return given.context(*replicas.home);
  }
  topic::TopicLog& log() { return replicas.log("s"); }
  void until(const std::function<bool()>& reached) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!reached() && std::chrono::steady_clock::now() < end) given.io.run_one_for(100ms);
    REQUIRE(reached());
  }

  Replicas replicas;
  tests::SourceContext given;
  source::Exec exec;
};

}  // namespace

TEST_CASE("a source that is paused holds its program, and has all of its events afterwards") {
  Story story("i=0; while [ $i -lt 9000 ]; do echo $i-of-nine-thousand-lines; i=$((i+1)); done; exec sleep 100");
  story.until([&] { return story.log().head() != 0; });
  story.exec.pause();
  const topic::Offset held = story.log().head();
  story.given.io.run_for(300ms);
  CHECK(story.log().head() == held);
  story.exec.go_on();
  story.until([&] { return story.log().head() == 9000; });
  CHECK(story.log().at(8999).rest() == "data: 8999-of-nine-thousand-lines\n\n");
  CHECK(story.given.metrics.paused.value() == 1);
  CHECK(story.given.metrics.events.value() == 9000);
}

TEST_CASE("a program that ends while its source is paused is started again when it goes on") {
  Story story("echo $$");
  story.exec.pause();
  story.given.io.run_for(300ms);
  CHECK(story.log().head() == 0);
  story.exec.go_on();
  story.until([&] { return story.log().head() == 2; });
  CHECK(story.given.metrics.gaps.value() == 0);
}

TEST_CASE("a program that says nothing counts as up when it has run for a second") {
  Story story("exec sleep 100");
  CHECK(story.given.metrics.state() == observe::SourceState::starting);
  story.until([&] { return story.given.metrics.state() == observe::SourceState::up; });
}

TEST_CASE("a program that fails again and again is announced once as a loss, and waits longer each time") {
  Story story("exit 3");
  CHECK(story.log().head() == 0);  // open: somebody subscribes
  story.until([&] { return story.given.metrics.reconnects.value() == 3; });
  CHECK(story.log().head() == 1);
  CHECK(story.log().at(0).rest().starts_with("event: sluice.gap\n"));
  CHECK(story.given.metrics.state() == observe::SourceState::down);
  CHECK(story.given.metrics.why().starts_with("`sh` ended with exit status 3, what it said on standard error"));
}

TEST_CASE("a program has its source's topics and takes no events") {
  Story story("exec sleep 100");
  std::optional<topic::OpenResult> opened;
  story.exec.open("s", story.replicas.now, [&](topic::OpenResult result) { opened = result; });
  CHECK(opened == topic::OpenResult::opened);
  CHECK_FALSE(story.exec.may_have("s/below"));  // lines name no topics
  story.exec.open("s/below", story.replicas.now, [&](topic::OpenResult result) { opened = result; });
  CHECK(opened == topic::OpenResult::unknown_topic);
  std::optional<topic::PublishResult::Kind> kind;
  story.exec.publish("s", {}, story.replicas.now, [&](const topic::PublishResult& result) { kind = result.kind; });
  CHECK(kind == topic::PublishResult::Kind::not_publishable);
}
