#include "gateway/source/redis_group.h"

#include "tests/gateway/source/redis_story.h"
#include "tests/gateway/source/scripted_redis.h"

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

TEST_CASE("redis: a stream made anew with as many entries and later ids is told from the one before") {
  const test::RedisServer server;
  RealStory story(server);
  story.open_all({"s/a"});
  story.add("k:a", "old");
  story.admin.until([&] { return story.events("s/a") == Texts{"old"}; });
  CHECK(story.admin
            .say({"EVAL", "redis.call('DEL', KEYS[1]) return redis.call('XADD', KEYS[1], '*', 'data', 'new')", "1",
                  "k:a"})
            .kind != proto::RedisReply::Kind::error);
  story.admin.until([&] { return story.events("s/a").size() == 3; });
  CHECK(story.events("s/a")[1].find("\"recreated\"") != std::string::npos);
  CHECK(story.events("s/a")[2] == "new");
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

// CLIENT UNBLOCK comes on another connection than the XREAD that it is to end.
TEST_CASE("redis: who reads is unblocked until it answers, however late its XREAD comes") {
  int unblocks = 0;
  bool in_transaction = false;
  ByteServer::Connection* reader = nullptr;
  StreamsStory story("");
  ScriptedRedis redis(story.given.io, [&](auto& there, const std::string& line) -> std::optional<proto::RedisReply> {
    if (line == "CLIENT ID") return test::integer(7);
    if (line == "MULTI" || (in_transaction && line != "EXEC")) {  // the first read after it came up
      in_transaction = true;
      return test::text("QUEUED");
    }
    if (std::exchange(in_transaction, false)) return test::array({test::array({}), test::nil()});
    if (line.starts_with("XREAD")) {
      reader = &there;
      return std::nullopt;
    }
    if (line != "CLIENT UNBLOCK 7") return test::array({});  // XINFO: nothing was ever added
    if (++unblocks < 3) return test::integer(0);             // it does not read yet
    if (unblocks == 3) reader->send(test::reply_bytes(test::nil()));
    return test::integer(1);
  });
  story.given.config.url = "redis://127.0.0.1:" + std::to_string(redis.server.port());
  RedisTalk clock(story.given.io, quick(redis.url()));
  story.start();
  const auto is_read = [&](const std::string& key) {
    return std::ranges::any_of(redis.lines, [&](const std::string& line) {
      return line.find(" BLOCK ") != std::string::npos && line.find(key) != std::string::npos;
    });
  };
  Awaited<topic::OpenResult> first, second;
  story.open("s/a", first);
  clock.until([&] { return is_read("k:a"); });
  story.open("s/b", second);
  clock.until([&] { return is_read("k:b"); });
  CHECK(unblocks >= 3);
  story.source->stop();
}

TEST_CASE("redis: topics that join while others are read get every event") {
  const test::RedisServer server;
  RealStory story(server);
  for (int number = 0; number != 100; ++number) {
    const std::string name = std::to_string(number);
    story.open_all({"s/" + name});
    story.add("k:" + name, "1");
    story.admin.until([&] { return story.events("s/" + name) == Texts{"1"}; });
  }
}

TEST_CASE("redis: a backlog of large and small entries of many topics comes whole and in order") {
  const test::RedisServer server;
  RealStory story(server);
  story.open_all({"s/a", "s/b", "s/c"});
  story.source->pause();
  const std::string large(200'000, 'x');
  std::map<std::string, Texts> expected;
  for (int number = 0; number != 150; ++number)
    for (const std::string name : {"a", "b", "c"}) {
      std::string data = std::to_string(number) + (name == "b" && number % 5 == 0 ? large : "");
      story.add("k:" + name, data);
      expected["s/" + name].push_back(std::move(data));
    }
  story.source->go_on();
  story.admin.until([&] {
    return std::ranges::all_of(expected, [&](const auto& topic) { return story.events(topic.first) == topic.second; });
  });
  CHECK(story.given.metrics.gaps.value() == 0);
}

}  // namespace
}  // namespace sluice::source
