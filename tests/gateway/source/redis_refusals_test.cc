// What a real server refuses for a while (permissions, a busy script) loses nothing and makes no gap.
#include "tests/gateway/source/redis_story.h"

namespace sluice::source {
namespace {

using topic::OpenResult;

void page_comes_whole(RealStory& story, Awaited<topic::PagePtr>& page, const std::vector<std::string>& ids) {
  story.admin.until([&] { return page.count == 1; });
  REQUIRE(page.value);
  const topic::Page& read = **page.value;
  CHECK_FALSE(read.gap);
  CHECK(read.from == ids.front());
  CHECK(read.through == ids.back());
  CHECK(read.entries.size() == ids.size() - 1);
  CHECK(story.is_up());
}

TEST_CASE("redis: a page that the server refuses is told and asked again, and no gap is made of it") {
  test::RedisServer server;
  RealStory story(server);
  std::vector<std::string> ids;
  for (const std::string_view data : {"a", "b", "c"}) ids.push_back(story.add("k:x", data));
  Awaited<topic::PagePtr> page;
  SUBCASE("because the user may not read") {
    story.allow({"-xrange"});
    story.read("s/x", ids.front(), page);
    story.admin.until([&] { return story.is_down(); });
    CHECK(story.given.metrics.why().find("NOPERM") != std::string::npos);
    story.admin.settle(1500ms);  // it has asked again
    CHECK(page.count == 0);
    story.allow({"+xrange"});
    page_comes_whole(story, page, ids);
  }
  SUBCASE("because a script keeps it busy") {
    CHECK(story.admin.say({"CONFIG", "SET", "busy-reply-threshold", "20"}) == test::text("OK"));
    RedisTalk script(story.given.io, patient(server.port()));
    script.come_up();
    const auto running = script.ask({"EVAL", "while true do end", "0"});
    story.admin.settle(100ms);
    story.read("s/x", ids.front(), page);
    story.admin.until([&] { return story.is_down(); });
    CHECK(story.given.metrics.why().find("BUSY") != std::string::npos);
    CHECK(page.count == 0);
    CHECK(story.admin.say({"SCRIPT", "KILL"}) == test::text("OK"));
    page_comes_whole(story, page, ids);
  }
}

TEST_CASE("redis: a page of a key that is no stream any more says that the stream was made anew") {
  test::RedisServer server;
  RealStory story(server);
  CHECK(story.admin.say({"SET", "k:x", "1"}) == test::text("OK"));
  Awaited<topic::PagePtr> page;
  story.read("s/x", "5-0", page);
  story.admin.until([&] { return page.count == 1; });
  REQUIRE(page.value);
  CHECK((*page.value)->gap == topic::GapReason::recreated);
  CHECK((*page.value)->at_end);
}

TEST_CASE("redis: a topic that the server will not tell of opens once it does") {
  test::RedisServer server;
  RealStory story(server);
  story.allow({"-xinfo"});
  Awaited<OpenResult> opened;
  story.open("s/x", opened);
  story.admin.until([&] { return story.is_down(); });
  CHECK(story.given.metrics.why().find("NOPERM") != std::string::npos);
  CHECK(opened.count == 0);
  story.allow({"+xinfo"});
  story.admin.until([&] { return opened.count == 1; });
  CHECK(opened.value == OpenResult::opened);
  CHECK(story.is_up());
}

TEST_CASE("redis: a topic that the server will not tell of is given up when nobody waits for it") {
  test::RedisServer server;
  RealStory story(server);
  story.allow({"-xinfo"});
  Awaited<OpenResult> opened, again;
  story.open("s/x", opened);
  story.admin.until([&] { return story.is_down(); });
  story.source->stop_opening({"s/x", "s/never"});
  CHECK(story.is_up());
  story.allow({"+xinfo"});
  story.admin.settle(2s);
  CHECK(opened.count == 0);
  CHECK_FALSE(story.replicas.home->find("s/x"));
  story.open("s/x", again);
  story.admin.until([&] { return again.count == 1; });
  CHECK(again.value == OpenResult::opened);
}

TEST_CASE("redis: a key of another type is no topic") {
  test::RedisServer server;
  RealStory story(server);
  CHECK(story.admin.say({"SET", "k:x", "1"}) == test::text("OK"));
  Awaited<OpenResult> opened;
  story.open("s/x", opened);
  story.admin.until([&] { return opened.count == 1; });
  CHECK(opened.value == OpenResult::unknown_topic);
  CHECK(story.is_up());
}

}  // namespace
}  // namespace sluice::source
