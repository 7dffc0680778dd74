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

}  // namespace
}  // namespace sluice::source
