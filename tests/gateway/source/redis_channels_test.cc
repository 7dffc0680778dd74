#include "gateway/source/redis_channels.h"

#include "tests/gateway/source/redis_story.h"

namespace sluice::source {
namespace {

using topic::OpenResult;

struct ChannelsStory {
  explicit ChannelsStory(const test::RedisServer& server, std::size_t topics_max)
      : given("redis://127.0.0.1:" + std::to_string(server.port())),
        replicas({}, 1, "s", topics_max),
        admin(given.io, patient(server.port())) {
    given.config.channel = "c:{name}";
    source = std::make_unique<RedisChannels>(given.context(*replicas.home));
  }
  void start() {
    source->start(replicas.now);
    admin.come_up();
  }
  void open(std::size_t first, std::size_t count) {
    for (std::size_t number = first; number != first + count; ++number)
      source->open("s/" + std::to_string(number), std::chrono::steady_clock::now(),
                   [this](OpenResult result) { ++results[result]; });
  }
  std::size_t channel_count() { return admin.say({"PUBSUB", "CHANNELS"}).elements.size(); }

  tests::SourceContext given;
  tests::Replicas replicas;
  RedisTalk admin;
  std::map<OpenResult, std::size_t> results;
  std::unique_ptr<RedisChannels> source;
};

TEST_CASE("redis: more channels than commands fit on a connection open, and come back with a gap each") {
  const test::RedisServer server;
  ChannelsStory story(server, 20'000);
  story.open(0, 10'000);  // before there is a connection
  story.start();
  story.admin.until([&] { return story.results[OpenResult::opened] == 10'000; });
  story.open(10'000, 1'000);
  story.admin.until([&] { return story.results[OpenResult::opened] == 11'000; });
  CHECK(story.admin.say({"CLIENT", "KILL", "TYPE", "pubsub"}) == test::integer(1));
  story.admin.until([&] { return story.given.metrics.gaps.value() == 11'000; });
  CHECK(story.channel_count() == 11'000);
}

TEST_CASE("redis: a channel for which there is no room is left again") {
  const test::RedisServer server;
  ChannelsStory story(server, 5);
  story.start();
  story.open(0, 8);
  story.admin.until(
      [&] { return story.results[OpenResult::opened] + story.results[OpenResult::too_many_topics] == 8; });
  CHECK(story.results[OpenResult::opened] == 5);
  story.admin.until([&] { return story.channel_count() == 5; });
}

TEST_CASE("redis: a channel for which nobody waits any more is not heard") {
  const test::RedisServer server;
  ChannelsStory story(server, 10);
  SUBCASE("because there is no connection yet") {
    story.open(0, 3);
    story.source->stop_opening({"s/1", "s/never"});
    story.start();
    story.admin.until([&] { return story.results[OpenResult::opened] == 2; });
  }
  SUBCASE("because the user may not hear it") {
    story.start();
    story.open(0, 1);
    story.admin.until([&] { return story.results[OpenResult::opened] == 1; });
    CHECK(story.admin.say({"ACL", "SETUSER", "default", "resetchannels", "&c:0"}) == test::text("OK"));
    story.open(1, 1);
    story.admin.until([&] { return !story.admin.say({"ACL", "LOG"}).elements.empty(); });
    story.source->stop_opening({"s/1"});
    CHECK(story.admin.say({"ACL", "SETUSER", "default", "allchannels"}) == test::text("OK"));
    story.open(2, 1);
    story.admin.until([&] { return story.results[OpenResult::opened] == 2; });
  }
  SUBCASE("although it is heard when they go") {
    story.start();
    story.open(0, 2);
    story.source->stop_opening({"s/1"});
    story.admin.until([&] { return story.results[OpenResult::opened] == 1; });
    story.open(2, 1);
    story.admin.until([&] { return story.results[OpenResult::opened] == 2; });
    story.admin.until([&] { return story.channel_count() == 2; });
  }
  CHECK(story.channel_count() == 2);
  CHECK(story.results.size() == 1);
  CHECK_FALSE(story.replicas.home->find("s/1"));
}

}  // namespace
}  // namespace sluice::source
