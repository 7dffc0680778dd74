#include "tests/gateway/source/scripted_redis.h"

namespace sluice::source {
namespace {

using proto::RedisReply;
using test::failure;
using test::integer;
using test::reply_bytes;
using test::text;
using test::texts;

std::optional<RedisReply> confirm(ByteServer::Connection& there, const std::string& line) {
  if (line != "SUBSCRIBE a b") return std::nullopt;
  there.send(reply_bytes(test::array({text("subscribe"), text("a"), integer(1)})));
  there.send(reply_bytes(texts({"message", "a", "early"})));
  return test::array({text("subscribe"), text("b"), integer(2)});
}

TEST_CASE("redis: messages of a subscription come apart from answers, PING among them") {
  Story story(confirm);
  RedisConnection::Options options = quick(story.redis.url());
  options.ping_interval = 10ms;
  RedisTalk& talk = story.begin(options);
  talk.come_up();
  story.redis.answers_ping = false;
  const auto answer = talk.subscribe({"SUBSCRIBE", "a", "b"});
  talk.until([&] { return answer->count == 1; });
  CHECK(answer->is(test::array({text("subscribe"), text("b"), integer(2)})));
  // A subscribed client's PING is answered with an array.
  story.redis.script = [](auto&, const std::string& line) -> std::optional<RedisReply> {
    return line == "PING" ? std::optional(texts({"pong", ""})) : std::nullopt;
  };
  talk.settle(30ms);
  story.redis.there().send(reply_bytes(texts({"pmessage", "c*", "c1", "late"})));
  talk.until([&] { return talk.heard.messages.size() == 2; });
  CHECK(talk.heard.messages == std::vector{texts({"message", "a", "early"}), texts({"pmessage", "c*", "c1", "late"})});
}

TEST_CASE("redis: a refused subscription is answered, and the connection stays") {
  Story story([](auto&, const std::string&) { return failure("NOPERM no permissions to access a channel"); });
  RedisTalk& talk = story.begin_up();
  const auto answer = talk.subscribe({"SUBSCRIBE", "a", "b"});
  talk.until([&] { return answer->count == 1; });
  CHECK(answer->is(failure("NOPERM no permissions to access a channel")));
  CHECK(talk.connection->up());
  CHECK(talk.connection->in_flight() == 0);
}

TEST_CASE("redis: paused, it gives no message more, not even of those that were read; resumed, it gives all in order") {
  Story story(confirm);
  RedisConnection::Options options = quick(story.redis.url());
  options.ping_interval = options.answer_timeout = 1500ms;  // silence while paused is none of the server's
  RedisTalk& talk = story.begin(options);
  talk.heard.when_message = [&] {
    if (talk.heard.messages.size() == 3) talk.connection->pause_reading();
  };
  std::string bytes;
  for (int i = 0; i < 50'000; ++i) bytes += reply_bytes(texts({"message", "a", std::to_string(i)}));
  talk.come_up();
  talk.subscribe({"SUBSCRIBE", "a", "b"});
  talk.until([&] { return talk.heard.messages.size() == 1; });
  story.redis.there().send(bytes);
  talk.until([&] { return talk.heard.messages.size() == 3; });
  talk.settle(3500ms);
  CHECK(talk.heard.messages.size() == 3);
  CHECK(talk.heard.downs.empty());
  talk.connection->resume_reading();
  CHECK(talk.heard.messages.size() == 3);
  talk.until([&] { return talk.heard.messages.size() == 50'001; });
  CHECK(talk.heard.downs == Words{});
  for (std::size_t i = 1; i < talk.heard.messages.size(); ++i)
    REQUIRE(talk.heard.messages[i].elements[2].text == std::to_string(i - 1));
}

}  // namespace
}  // namespace sluice::source
