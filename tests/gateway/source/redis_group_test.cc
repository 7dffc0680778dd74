#include "gateway/source/redis_group.h"

#include "tests/gateway/source/redis_story.h"

namespace sluice::source {
namespace {

using Texts = std::vector<std::string>;

// A read has been refused with that error.
void await_error(RealStory& story, const std::string& kind) {
  story.admin.until([&] { return story.admin.say({"INFO", "errorstats"}).text.find(kind) != std::string::npos; });
}

TEST_CASE("redis: a key of another type waits alone, the others go on, and its stream is read once it is back") {
  const test::RedisServer server;
  RealStory story(server);
  story.open_all({"s/a", "s/bad", "s/b"});
  CHECK(story.admin.say({"SET", "k:bad", "1"}) == test::text("OK"));
  story.add("k:a", "1");
  story.admin.until([&] { return story.events("s/a") == Texts{"1"}; });
  await_error(story, "errorstat_WRONGTYPE");  // a blocking XREAD has ended
  story.add("k:a", "2");
  story.add("k:b", "3");
  story.admin.until([&] { return story.events("s/a") == Texts{"1", "2"} && story.events("s/b") == Texts{"3"}; });
  CHECK(story.is_up());
  CHECK(story.events("s/bad").empty());
  CHECK(story.admin.say({"DEL", "k:bad"}) == test::integer(1));
  story.add("k:bad", "4");
  story.admin.until([&] { return story.events("s/bad") == Texts{"4"}; });
  CHECK(story.is_up());
}

TEST_CASE("redis: a key that the user may not read waits alone") {
  const test::RedisServer server;
  RealStory story(server);
  story.open_all({"s/a", "s/b"});
  story.allow({"resetkeys", "~k:a"});
  await_error(story, "errorstat_NOPERM");
  story.add("k:a", "1");
  story.add("k:b", "2");
  story.admin.until([&] { return story.events("s/a") == Texts{"1"}; });
  CHECK(story.is_up());
  CHECK(story.events("s/b").empty());
  story.allow({"~*"});
  story.admin.until([&] { return story.events("s/b") == Texts{"2"}; });
}

TEST_CASE("redis: while XINFO is refused nothing is passed on, the server is not pestered, and nothing is lost") {
  const test::RedisServer server;
  RealStory story(server);
  story.open_all({"s/a"});
  story.allow({"-xinfo"});
  story.add("k:a", "1");
  story.admin.until([&] { return story.is_down(); });
  CHECK(story.given.metrics.why().find("xinfo") != std::string::npos);
  CHECK(story.admin.say({"CONFIG", "RESETSTAT"}) == test::text("OK"));
  story.admin.settle(3s);
  // A refused command is counted apart; EXEC is called for each attempt.
  const std::string stats = story.admin.say({"INFO", "commandstats"}).text;
  const std::size_t at = stats.find("cmdstat_multi:calls=");
  if (at != std::string::npos) CHECK(std::stoi(stats.substr(at + 20)) < 20);
  CHECK(stats.find("cmdstat_xread:") == std::string::npos);
  CHECK(story.events("s/a").empty());
  story.allow({"+xinfo"});
  story.add("k:a", "2");
  story.admin.until([&] { return story.events("s/a") == Texts{"1", "2"}; });
  story.admin.until([&] { return story.is_up(); });
}

TEST_CASE("redis: a source that was refused is up again once it is answered, without a new connection") {
  const test::RedisServer server;
  RealStory story(server);
  story.open_all({"s/a"});
  story.allow({"-xread"});
  story.add("k:a", "1");
  story.admin.until([&] { return story.is_down(); });
  story.allow({"+xread"});
  story.add("k:a", "2");
  story.admin.until([&] { return story.is_up(); });
  story.admin.until([&] { return story.events("s/a") == Texts{"1", "2"}; });
  CHECK(story.given.metrics.reconnects.value() == 0);
}

}  // namespace
}  // namespace sluice::source
