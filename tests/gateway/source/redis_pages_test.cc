#include "gateway/source/redis_pages.h"

#include "tests/gateway/source/redis_story.h"
#include "tests/gateway/source/scripted_redis.h"

namespace sluice::source {
namespace {

using proto::RedisReply;
using test::array;
using test::integer;
using test::text;

// A stream of `total` entries, 1-0 on, each of `size` bytes.
struct LargeStream {
  std::size_t size, total;
  std::vector<std::size_t> counts = {};  // asked for, one XRANGE after the other
  std::size_t after = 0;

  [[nodiscard]] RedisReply entry(std::size_t number) const {
    return array({text(std::to_string(number) + "-0"), array({text("data"), text(std::string(size, 'x'))})});
  }
  std::optional<RedisReply> operator()(ByteServer::Connection&, const std::string& line) {
    if (line == "MULTI") return text("OK");
    if (line.starts_with("XRANGE")) {
      after = std::stoul(line.substr(line.find('(') + 1));
      counts.push_back(std::stoul(line.substr(line.rfind(' ') + 1)));
    }
    if (line != "EXEC") return text("QUEUED");
    RedisReply entries = array({});
    for (std::size_t number = after + 1; number <= std::min(total, after + counts.back()); ++number)
      entries.elements.push_back(entry(number));
    const RedisReply info =
        array({text("length"), integer(static_cast<std::int64_t>(total)), text("last-generated-id"),
               text(std::to_string(total) + "-0"), text("entries-added"), integer(static_cast<std::int64_t>(total)),
               text("first-entry"), entry(1), text("last-entry"), entry(total)});
    return array({info, entries});
  }
};

std::vector<std::size_t> read_all(LargeStream& stream) {
  const auto script = [&stream](auto& there, const std::string& line) { return stream(there, line); };
  StreamsStory story("");
  ScriptedRedis redis(story.given.io, script);
  story.given.config.url = "redis://127.0.0.1:" + std::to_string(redis.server.port());
  RedisTalk clock(story.given.io, quick(redis.url()));
  story.start();
  std::string after = "0-0";
  std::size_t entries = 0;
  for (bool end = false; !end;) {
    Awaited<topic::PagePtr> page;
    story.read("s/x", after, page);
    clock.until([&] { return page.count == 1; });
    if (!page.value) return {};
    const topic::Page& got = **page.value;
    CHECK_FALSE(got.gap);
    entries += got.entries.size();
    after = got.through;
    end = got.at_end;
  }
  CHECK(entries == stream.total);
  story.source->stop();
  return stream.counts;
}

TEST_CASE("redis: pages of large entries are asked for in answers of about a MiB") {
  LargeStream stream{.size = 300UL * 1024, .total = 40};
  const std::vector<std::size_t> counts = read_all(stream);
  REQUIRE(counts.size() > 2);
  CHECK(counts[0] == 32);  // nothing is known of it yet
  for (std::size_t index = 1; index < counts.size(); ++index) CHECK(counts[index] <= 3);
}

TEST_CASE("redis: pages of small entries grow to a thousand") {
  LargeStream stream{.size = 100, .total = 2500};
  CHECK(read_all(stream) == std::vector<std::size_t>{32, 64, 128, 256, 512, 1000, 1000});
}

TEST_CASE("redis: who has had the last entry that was trimmed is told of no loss, who has not is") {
  const test::RedisServer server;
  RealStory story(server);
  const std::vector<std::string> ids = {"10-0", "20-0", "30-0", "40-0", "50-0", "60-0"};
  const auto add_all = [&] {
    for (const std::string& id : ids) CHECK(story.admin.say({"XADD", "k:x", id, "data", "x"}) == text(id));
  };
  SUBCASE("of entries that came live") {
    story.open_all({"s/x"});
    add_all();
    story.admin.until([&] { return story.events("s/x").size() == 6; });
  }
  SUBCASE("of entries that were read in pages") {
    add_all();
    CHECK(story.admin.say({"XDEL", "k:x", ids[1]}) == test::integer(1));
    Awaited<topic::PagePtr> page;
    story.read("s/x", "", page);
    story.admin.until([&] { return page.count == 1; });
  }
  for (const std::size_t gone : {3U, 5U}) {  // of six
    CHECK(story.admin.say({"XTRIM", "k:x", "MINID", ids[gone]}).kind == RedisReply::Kind::integer);
    Awaited<topic::PagePtr> had, lost;
    story.read("s/x", ids[gone - 1], had);
    story.read("s/x", ids[gone - 2], lost);
    story.admin.until([&] { return had.count + lost.count == 2; });
    CHECK_FALSE((*had.value)->gap);
    CHECK((*had.value)->from == ids[gone - 1]);
    CHECK((*lost.value)->gap == topic::GapReason::trimmed);
    for (const auto& page : {had, lost}) {
      CHECK((*page.value)->entries.size() == 6 - gone);
      CHECK((*page.value)->through == ids.back());
    }
  }
}

}  // namespace
}  // namespace sluice::source
