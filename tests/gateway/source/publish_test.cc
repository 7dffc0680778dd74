#include "gateway/source/publish.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/gateway/topic/replicas.h"
#include "tests/support/source_context.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Replicas;
using topic::PublishResult;

namespace {

topic::Event event(std::string data, std::string key = {}) {
  return {.data = std::move(data), .idempotency_key = std::move(key)};
}

PublishResult publish(source::Publish& source, const std::string& topic, std::vector<topic::Event> events,
                      topic::TimePoint now = tests::epoch_of_tests) {
  std::optional<PublishResult> answered;
  source.publish(topic, std::move(events), now, [&](PublishResult result) { answered = std::move(result); });
  REQUIRE(answered);
  return *answered;
}

}  // namespace

TEST_CASE("a batch is appended whole and in order, and its positions are answered") {
  Replicas replicas;
  tests::SourceContext given("publish:");
  source::Publish source(given.context(*replicas.home));
  source.start(replicas.now);
  CHECK(given.metrics.state() == observe::SourceState::up);
  const PublishResult result = publish(source, "s/a", {event("1"), event("2"), event("3")});
  CHECK(result.kind == PublishResult::Kind::appended);
  CHECK(result.positions == std::vector<std::string>{replicas.position(1), replicas.position(2), replicas.position(3)});
  CHECK(result.repeated == 0);
  CHECK(replicas.log("s/a").count() == 3);
}

TEST_CASE("an event whose id is known is not appended again, and its first position is answered") {
  Replicas replicas;
  tests::SourceContext given("publish:");
  source::Publish source(given.context(*replicas.home));
  publish(source, "s/a", {event("1", "k1")});
  const PublishResult result = publish(source, "s/a", {event("1", "k1"), event("2", "k2"), event("2", "k2")});
  CHECK(result.positions == std::vector<std::string>{replicas.position(1), replicas.position(2), replicas.position(2)});
  CHECK(result.repeated == 2);
  CHECK(replicas.log("s/a").count() == 2);
  CHECK(publish(source, "s/b", {event("1", "k1")}).repeated == 0);  // another topic's keys are its own
}

TEST_CASE("over limits.topics nothing of a batch is appended, and known topics go on") {
  Replicas replicas({}, 1, "s", 1);
  tests::SourceContext given("publish:");
  source::Publish source(given.context(*replicas.home));
  publish(source, "s/a", {event("1")});
  CHECK(publish(source, "s/b", {event("1"), event("2")}).kind == PublishResult::Kind::too_many_topics);
  CHECK(replicas.home->last() == 1);
  CHECK(publish(source, "s/a", {event("2")}).kind == PublishResult::Kind::appended);
  std::optional<topic::OpenResult> opened;
  source.open("s/b", replicas.now, [&](topic::OpenResult result) { opened = result; });
  CHECK(opened == topic::OpenResult::too_many_topics);
}

TEST_CASE("a topic opens on first use, also for a subscriber who comes before the first event") {
  Replicas replicas;
  tests::SourceContext given("publish:");
  source::Publish source(given.context(*replicas.home));
  std::optional<topic::OpenResult> opened;
  source.open("s/a", replicas.now, [&](topic::OpenResult result) { opened = result; });
  CHECK(opened == topic::OpenResult::opened);
  replicas.deliver(1);
  topic::TopicLog* log = replicas.topics[1]->join("s/a");
  REQUIRE(log != nullptr);
  replicas.topics[1]->leave(*log, replicas.now);
}

TEST_CASE("events arrive when the source was told they do, whatever the clock on the wall says") {
  topic::History history;
  history.age = 10s;
  Replicas replicas(history);
  tests::SourceContext given("publish:");
  source::Publish source(given.context(*replicas.home));
  publish(source, "s/a", {event("1")}, replicas.now);
  CHECK(replicas.log("s/a").at(0).arrived() == replicas.now);
  publish(source, "s/a", {event("2")}, replicas.now + 11s);
  CHECK(replicas.log("s/a").count() == 1);  // the first is too old by then
}
