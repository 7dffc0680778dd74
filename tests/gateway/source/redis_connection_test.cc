#include "gateway/source/redis_connection.h"

#include <algorithm>
#include <thread>

#include "tests/gateway/source/scripted_redis.h"

namespace sluice::source {
namespace {

using proto::RedisReply;
using test::ByteServer;
using test::failure;
using test::integer;
using test::reply_bytes;
using test::text;
using test::texts;
using Words = std::vector<std::string>;

// --- coming up -----------------------------------------------------------------------------------------------------

TEST_CASE("redis: it introduces itself, and is up once all of it was answered") {
  Story story;
  SUBCASE("with a password") {
    story.begin(quick(story.redis.url(":secret@"))).come_up();
    CHECK(story.redis.lines == Words{"AUTH secret", "PING", "CLIENT SETNAME sluice"});
  }
  SUBCASE("with a user and a database") {
    story.begin(quick(story.redis.url("reader:se%20cret@", "/2"))).come_up();
    CHECK(story.redis.lines == Words{"AUTH reader se cret", "PING", "SELECT 2", "CLIENT SETNAME sluice"});
  }
  SUBCASE("with neither") {
    story.begin_up();
    CHECK(story.redis.lines == Words{"PING", "CLIENT SETNAME sluice"});
  }
  CHECK(story.talk->connection->up());
  CHECK(story.talk->connection->error() == "");
  CHECK(story.talk->connection->up_count() == 1);
  CHECK(story.talk->heard.downs.empty());
}

TEST_CASE("redis: a refused password is told with its remedy, and tried again until it is mended") {
  Story story;
  int refusals = 0;
  story.redis.on_greeting = [&](auto&, const std::string& line) -> std::optional<RedisReply> {
    if (!line.starts_with("AUTH") || ++refusals > 3) return std::nullopt;
    return failure("WRONGPASS invalid username-password pair or user is disabled.");
  };
  RedisTalk& talk = story.begin(quick(story.redis.url(":secret@")));
  talk.connection->start();
  talk.until([&] { return talk.heard.downs.size() == 1; });
  CHECK_FALSE(talk.connection->up());
  CHECK(talk.connection->error() == talk.heard.downs[0]);
  CHECK(talk.heard.downs[0].starts_with(story.redis.name() + " refuses the password: mend it in the source's url"));
  talk.until([&] { return talk.heard.ups == 1; });
  CHECK(talk.heard.downs.size() == 3);
  CHECK(talk.connection->error() == "");
}

TEST_CASE("redis: a user who may neither name the connection nor PING comes up") {
  Story story(echo);
  story.redis.on_greeting = [](auto&, const std::string& line) -> std::optional<RedisReply> {
    if (line == "PING") return failure("NOPERM this user has no permissions to run the 'ping' command");
    if (line.starts_with("CLIENT")) return failure("NOPERM this user has no permissions to run the 'client' command");
    return std::nullopt;
  };
  CHECK(story.begin_up().say({"XREAD"}) == text("XREAD"));
}

TEST_CASE("redis: a server without room says so in its first words") {
  Story story;
  story.redis.on_greeting = [](ByteServer::Connection& there, const std::string& line) -> std::optional<RedisReply> {
    if (line == "PING") there.send("-ERR max number of clients reached\r\n");
    there.end();
    return std::nullopt;
  };
  RedisTalk& talk = story.begin();
  talk.connection->start();
  talk.until([&] { return !talk.heard.downs.empty(); });
  CHECK(talk.heard.downs[0] ==
        story.redis.name() + " refuses the connection (it says: ERR max number of clients reached)");
}

struct WrongPeerRow {
  std::string_view name, bytes, why;
};

const WrongPeerRow wrong_peer_rows[] = {
    {"a TLS alert", std::string_view("\x15\x03\x01\x00\x02\x02\x46", 7),
     "wants TLS: write rediss:// in the source's url"},
    {"an HTTP server", "HTTP/1.1 400 Bad Request\r\n\r\n",
     "sent what is no answer of Redis: Protocol error, got \"H\""},
    {"nothing", "", "before it answered: if this port wants TLS, write rediss:// in the source's url"},
};

TEST_CASE("redis: a server of another protocol is named as what it is") {
  for (const WrongPeerRow& row : wrong_peer_rows) {
    CAPTURE(row.name);
    Story story;
    story.redis.on_greeting = [&](ByteServer::Connection& there, const std::string&) {
      there.send(std::string(row.bytes));
      there.end();
      return std::nullopt;
    };
    RedisTalk& talk = story.begin();
    talk.connection->start();
    talk.until([&] { return !talk.heard.downs.empty(); });
    CAPTURE(talk.heard.downs[0]);
    CHECK(talk.heard.downs[0].find(row.why) != std::string::npos);
  }
}

TEST_CASE("redis: no server is told, and found once it is there") {
  Story story;
  story.redis.server.stop_listening();
  RedisTalk& talk = story.begin();
  talk.connection->start();
  talk.until([&] { return talk.heard.downs.size() == 2; });
  CHECK(talk.heard.downs[0] == "connection refused by 127.0.0.1:" + std::to_string(story.redis.server.port()) +
                                   ": is redis-server running there?");
  story.redis.server.listen_again();
  talk.until([&] { return talk.heard.ups == 1; });
}

// --- commands ------------------------------------------------------------------------------------------------------

TEST_CASE("redis: commands go together and are answered in order, an error reply too") {
  Story story([](auto&, const std::string& line) -> std::optional<RedisReply> {
    return line == "BAD" ? failure("ERR unknown command") : text(line);
  });
  RedisTalk& talk = story.begin_up();
  std::vector<std::string> order;
  for (const std::string_view word : {"A", "BAD", "B"})
    talk.connection->command(std::vector{word}, [&](const auto& reply) { order.push_back(reply->text); });
  CHECK(talk.connection->in_flight() == 3);
  talk.until([&] { return order.size() == 3; });
  CHECK(order == Words{"A", "ERR unknown command", "B"});
  CHECK(talk.connection->in_flight() == 0);
  CHECK(talk.connection->up());
}

TEST_CASE("redis: a command while it is not up is refused, not kept") {
  Story story(echo);
  RedisTalk& talk = story.begin();
  const auto early = talk.ask({"EARLY"});
  talk.until([&] { return early->count == 1; });
  CHECK(early->is(boost::asio::error::not_connected));
  talk.come_up();
  CHECK(talk.say({"LATER"}) == text("LATER"));
  CHECK(story.redis.lines.back() == "LATER");
}

TEST_CASE("redis: a loss is told to each command in flight, once; then it comes back, and nothing is repeated") {
  Story story;
  RedisTalk& talk = story.begin_up();
  const auto first = talk.ask({"XADD", "1"}), second = talk.ask({"XADD", "2"});
  bool told_before_down = false;
  talk.heard.when_down = [&] { told_before_down = first->count == 1 && second->count == 1; };
  talk.until([&] { return story.redis.lines.back() == "XADD 2"; });
  story.redis.there().cut();
  talk.until([&] { return talk.heard.ups == 2; });
  CHECK(first->is(boost::asio::error::connection_aborted));
  CHECK(second->is(boost::asio::error::connection_aborted));
  CHECK(told_before_down);
  CHECK(talk.heard.downs.size() == 1);
  CHECK(talk.connection->up_count() == 2);
  talk.settle();
  CHECK(story.redis.lines.back() == "CLIENT SETNAME sluice");
  CHECK(first->count == 1);
}

TEST_CASE("redis: a transaction answers with its replies, or with the first refusal instead of EXECABORT") {
  bool refuses = false;
  Story story([&](auto&, const std::string& line) -> std::optional<RedisReply> {
    if (line == "MULTI") return text("OK");
    if (line == "EXEC") return refuses ? failure("EXECABORT Transaction discarded") : texts({"a", "b"});
    return refuses && line == "GET y" ? failure("NOPERM") : text("QUEUED");
  });
  RedisTalk& talk = story.begin_up();
  const auto transact = [&] {
    const std::vector<std::vector<std::string_view>> commands = {{"GET", "x"}, {"GET", "y"}};
    auto answer = std::make_shared<Answer>();
    talk.connection->transaction(commands, RedisTalk::keep(answer));
    talk.until([&] { return answer->count == 1; });
    return answer;
  };
  CHECK(transact()->is(texts({"a", "b"})));
  CHECK(Words(story.redis.lines.end() - 4, story.redis.lines.end()) == Words{"MULTI", "GET x", "GET y", "EXEC"});
  refuses = true;
  CHECK(transact()->is(failure("NOPERM")));
}

TEST_CASE("redis: a transaction that does not fit is not begun") {
  Story story([](auto&, const std::string&) { return std::nullopt; });
  RedisConnection::Options options = quick(story.redis.url());
  options.commands_max = 3;
  RedisTalk& talk = story.begin(std::move(options));
  talk.come_up();
  const std::vector<std::vector<std::string_view>> commands = {{"GET", "x"}, {"GET", "y"}};
  auto answer = std::make_shared<Answer>();
  talk.connection->transaction(commands, RedisTalk::keep(answer));
  talk.until([&] { return answer->count == 1; });
  CHECK(answer->is(boost::asio::error::no_buffer_space));
  CHECK(story.redis.lines.back() == "CLIENT SETNAME sluice");
}

TEST_CASE("redis: limits on commands in flight and on unsent bytes refuse, and pass") {
  Story story(echo);
  RedisConnection::Options options = quick(story.redis.url());
  options.answer_timeout = 20s;
  options.commands_max = 3;
  options.unsent_bytes_max = 1024 * 1024;
  RedisTalk& talk = story.begin(std::move(options));
  talk.come_up();
  SUBCASE("commands") {
    std::vector<std::shared_ptr<Answer>> answers;
    for (int i = 0; i < 4; ++i) answers.push_back(talk.ask({"A"}));
    talk.until([&] { return answers[2]->count == 1 && answers[3]->count == 1; });
    CHECK(answers[2]->is(text("A")));
    CHECK(answers[3]->is(boost::asio::error::no_buffer_space));
  }
  SUBCASE("bytes") {
    story.redis.there().stop();
    talk.settle();
    const std::string large(8'000'000, 'x');  // more than both sockets take
    const auto kept = talk.ask({large});
    const auto refused = talk.ask({"B"});
    talk.until([&] { return refused->count == 1; });
    CHECK(refused->is(boost::asio::error::no_buffer_space));
    story.redis.there().go_on();
    talk.until([&] { return kept->count == 1; });
  }
  CHECK(talk.say({"AFTER"}) == text("AFTER"));
}

TEST_CASE("redis: a reply above the limit ends the connection, not the memory") {
  Story story([](auto&, const std::string&) { return text(std::string(2000, 'x')); });
  RedisConnection::Options options = quick(story.redis.url());
  options.reply.reply_size = 1000;
  RedisTalk& talk = story.begin(std::move(options));
  talk.come_up();
  const auto answer = talk.ask({"XRANGE"});
  talk.until([&] { return !talk.heard.downs.empty(); });
  CHECK(answer->is(boost::asio::error::connection_aborted));
  CHECK(talk.heard.downs[0].ends_with("a reply of more than 1000 bytes"));
}

TEST_CASE("redis: an answer that nobody asked for ends the connection") {
  Story story;
  RedisTalk& talk = story.begin_up();
  story.redis.there().send(":1\r\n");
  talk.until([&] { return !talk.heard.downs.empty(); });
  CHECK(talk.heard.downs[0] == story.redis.name() + " answered what nobody had asked");
}

TEST_CASE("redis: stopping answers what is in flight; starting again comes up") {
  Story story;
  RedisTalk& talk = story.begin_up();
  const auto answer = talk.ask({"XREAD"});
  talk.connection->stop();
  CHECK(answer->count == 0);
  talk.until([&] { return answer->count == 1; });
  CHECK(answer->is(boost::asio::error::operation_aborted));
  CHECK(talk.heard.downs.empty());
  talk.come_up();
  CHECK(talk.connection->up_count() == 2);
}

// --- time ----------------------------------------------------------------------------------------------------------

TEST_CASE("redis: a server that hangs is noticed, and left") {
  Story story;
  RedisConnection::Options options = quick(story.redis.url());
  options.answer_timeout = 60ms;
  SUBCASE("before it has answered the introduction") {
    story.redis.answers_ping = false;
    RedisTalk& talk = story.begin(options);
    talk.connection->start();
    talk.until([&] { return !talk.heard.downs.empty(); });
  }
  SUBCASE("while a command waits") {
    RedisTalk& talk = story.begin(options);
    talk.come_up();
    const auto answer = talk.ask({"XADD"});
    talk.until([&] { return !talk.heard.downs.empty(); });
    CHECK(answer->is(boost::asio::error::connection_aborted));
  }
  SUBCASE("while nothing is asked") {
    options.ping_interval = 60ms;
    RedisTalk& talk = story.begin(options);
    talk.come_up();
    story.redis.answers_ping = false;
    talk.until([&] { return !talk.heard.downs.empty(); });
  }
  CHECK(story.talk->heard.downs[0] == story.redis.name() + " did not answer within 60 ms");
}

TEST_CASE("redis: an idle server that answers PING is kept") {
  Story story;
  RedisConnection::Options options = quick(story.redis.url());
  options.ping_interval = 10ms;
  RedisTalk& talk = story.begin(options);
  talk.come_up();
  talk.until([&] { return std::ranges::count(story.redis.lines, "PING") >= 5; });
  CHECK(talk.heard.downs.empty());
}

TEST_CASE("redis: a blocking command has the time that it asked for, and no more") {
  Story story;
  RedisConnection::Options options = quick(story.redis.url());
  options.answer_timeout = 100ms;
  RedisTalk& talk = story.begin(options);
  talk.come_up();
  const auto answer = talk.ask({"XREAD", "BLOCK", "400"}, 400ms);
  talk.settle(300ms);
  CHECK(talk.heard.downs.empty());
  story.redis.there().send("*-1\r\n");
  talk.until([&] { return answer->is(test::nil()); });

  const auto begun = std::chrono::steady_clock::now();
  const auto lost = talk.ask({"XREAD", "BLOCK", "400"}, 400ms);
  talk.until([&] { return lost->count == 1; });
  CHECK(std::chrono::steady_clock::now() - begun >= 500ms);
  CHECK(talk.heard.downs[0] == story.redis.name() + " did not answer within 500 ms");
}

TEST_CASE("redis: a loop that is busy for longer than the server has does not blame the server") {
  Story story(echo);
  RedisConnection::Options options = quick(story.redis.url());
  options.ping_interval = options.answer_timeout = 200ms;
  RedisTalk& talk = story.begin(options);
  talk.come_up();
  const auto answer = talk.ask({"XADD"});
  std::this_thread::sleep_for(500ms);  // the sleep is the load: nothing on this loop moves meanwhile
  talk.until([&] { return answer->count == 1; });
  CHECK(answer->is(text("XADD")));
  CHECK(talk.heard.downs.empty());
}

TEST_CASE("redis: a short answer time is kept right after a long one") {
  Story story;
  RedisConnection::Options options = quick(story.redis.url());
  options.answer_timeout = 50ms;
  RedisTalk& talk = story.begin(options);
  talk.come_up();
  const auto answer = talk.ask({"XREAD", "BLOCK", "60000"}, 60s);
  talk.settle();
  story.redis.there().send("*-1\r\n");
  talk.until([&] { return answer->count == 1; });
  const auto lost = talk.ask({"XADD"});
  talk.until([&] { return lost->count == 1; });
  CHECK(lost->is(boost::asio::error::connection_aborted));
}

// --- destruction ---------------------------------------------------------------------------------------------------

TEST_CASE("redis: each callback may destroy the connection, with commands in flight and replies unread") {
  for (const int which : {0, 1, 2, 3}) {
    CAPTURE(which);
    Story story([](ByteServer::Connection& there, const std::string& line) {
      if (line == "SUBSCRIBE a") there.send(reply_bytes(texts({"message", "a", "1"})) + ":1\r\n:2\r\n:3\r\n");
      if (line == "END") there.cut();
      return std::nullopt;
    });
    RedisTalk& talk = story.begin();
    const auto destroy = [&] { talk.connection.reset(); };
    talk.heard.when_up = [&] {
      if (which == 0) return destroy();
      talk.connection->subscribe(std::vector<std::string_view>{"SUBSCRIBE", "a"}, [&](const auto&) {
        if (which == 1) destroy();
      });
      for (int i = 0; i < 2; ++i) talk.connection->command(std::vector<std::string_view>{"GO"}, [](const auto&) {});
      if (which == 3) talk.connection->command(std::vector<std::string_view>{"END"}, [&](const auto&) { destroy(); });
    };
    if (which == 2) talk.heard.when_message = destroy;
    talk.connection->start();
    talk.until([&] { return !talk.connection; });
  }
}

TEST_CASE("redis: on_down may destroy the connection, and a destroyed one answers nobody") {
  Story story;
  RedisTalk& talk = story.begin_up();
  const auto answer = talk.ask({"XREAD"});
  SUBCASE("from on_down") {
    talk.heard.when_down = [&] { talk.connection.reset(); };
    talk.settle();
    story.redis.there().cut();
    talk.until([&] { return !talk.connection; });
    CHECK(answer->count == 1);
  }
  SUBCASE("from outside") {
    talk.connection.reset();
    talk.settle();
    CHECK(answer->count == 0);
  }
}

}  // namespace
}  // namespace sluice::source
