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

}  // namespace
}  // namespace sluice::source
