// The story of redis_connection_test again where a script could be wrong about Redis: its refusals, its TLS, its death.
#include "tests/gateway/source/redis_talk.h"
#include "tests/support/certificates.h"
#include "tests/support/redis_server.h"

namespace sluice::source {
namespace {

using proto::RedisReply;
using test::integer;
using test::RedisServer;
using test::text;
using test::texts;

RedisUrl url_of(const RedisServer& server, const std::string& account = "", const std::string& path = "",
                const std::string& scheme = "redis") {
  return parse_redis_url(scheme + "://" + account + "127.0.0.1:" + std::to_string(server.port()) + path);
}

// Until the server listens, attempts are refused: what is told after them counts.
std::string first_refusal(RedisTalk& talk) {
  talk.connection->start();
  const auto told = [&] {
    return !talk.heard.downs.empty() && talk.heard.downs.back().find("is redis-server running") == std::string::npos;
  };
  talk.until(told, 30s);
  return talk.heard.downs.back();
}

TEST_CASE("real redis: commands, a blocking read, and a stream written meanwhile") {
  const RedisServer server;
  boost::asio::io_context loop{1};
  RedisTalk reader(loop, quick(url_of(server, "", "/3"))), writer(loop, quick(url_of(server, "", "/3")));
  reader.come_up();
  writer.come_up();
  CHECK(reader.say({"XREAD", "BLOCK", "20", "STREAMS", "orders", "0"}, 20ms) == test::nil());
  const auto read = reader.ask({"XREAD", "BLOCK", "5000", "STREAMS", "orders", "0"}, 5s);
  CHECK(writer.say({"XADD", "orders", "1-0", "data", "x\r\ny"}) == text("1-0"));
  reader.until([&] { return read->count == 1; });
  CHECK(read->is(test::array(
      {test::array({text("orders"), test::array({test::array({text("1-0"), texts({"data", "x\r\ny"})})})})})));
  CHECK(writer.say({"XADD", "orders", "1-0", "data", "again"}).is_error());
  CHECK(writer.say({"CLIENT", "GETNAME"}) == text("sluice"));
}

TEST_CASE("real redis: a thousand commands of one turn are answered in order") {
  const RedisServer server;
  boost::asio::io_context loop{1};
  RedisTalk talk(loop, quick(url_of(server)));
  talk.come_up();
  std::vector<std::int64_t> counts;
  for (int i = 0; i < 1000; ++i)
    talk.connection->command(std::vector<std::string_view>{"INCR", "n"},
                             [&](const auto& reply) { counts.push_back(reply->integer); });
  talk.until([&] { return counts.size() == 1000; });
  for (std::size_t i = 0; i < counts.size(); ++i) REQUIRE(counts[i] == static_cast<std::int64_t>(i + 1));
}

TEST_CASE("real redis: a subscription, its messages, and PING among them") {
  const RedisServer server;
  boost::asio::io_context loop{1};
  RedisConnection::Options options = quick(url_of(server));
  options.ping_interval = 10ms;
  RedisTalk reader(loop, options), writer(loop, quick(url_of(server)));
  reader.come_up();
  writer.come_up();
  reader.heard.downs.clear();
  const auto answer = reader.subscribe({"PSUBSCRIBE", "a*", "b*"});
  reader.until([&] { return answer->count == 1; });
  CHECK(answer->is(test::array({text("psubscribe"), text("b*"), integer(2)})));
  reader.settle(60ms);  // some PINGs
  CHECK(writer.say({"PUBLISH", "a1", "hello"}) == integer(1));
  reader.until([&] { return reader.heard.messages.size() == 1; });
  CHECK(reader.heard.messages[0] == texts({"pmessage", "a*", "a1", "hello"}));
  CHECK(reader.heard.downs.empty());
}

TEST_CASE("real redis: each wrong account is refused with its remedy, the right ones come up") {
  const RedisServer locked(
      {"--requirepass", "secret", "--user", "reader", "on", ">word", "~*", "&*", "+@read", "+ping"});
  const RedisServer unlocked;
  struct Row {
    const RedisServer& server;
    std::string account, path, refusal;
  };
  const Row rows[] = {
      {locked, "", "", "wants a password: write redis://:password@"},
      {locked, ":wrong@", "", "refuses the password: mend it"},
      {locked, "reader:wrong@", "", "refuses the password of user reader: mend it"},
      {unlocked, ":secret@", "", "has no password: remove it"},
      {locked, "reader:word@", "/1", "refuses the connection (it says: NOPERM"},
      {unlocked, "", "/16", "has no database 16: mend the number"},
      {locked, ":secret@", "/15", ""},
      {locked, "reader:word@", "", ""},
      {unlocked, "", "/15", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.account);
    CAPTURE(row.path);
    boost::asio::io_context loop{1};
    RedisTalk talk(loop, quick(url_of(row.server, row.account, row.path)));
    if (row.refusal.empty()) {
      talk.come_up();
      continue;
    }
    const std::string refusal = first_refusal(talk);
    CAPTURE(refusal);
    CHECK(refusal.find(row.refusal) != std::string::npos);
  }
}

TEST_CASE("real redis: without room it says so") {
  const RedisServer server({"--maxclients", "1"});
  boost::asio::io_context loop{1};
  RedisTalk first(loop, quick(url_of(server))), second(loop, quick(url_of(server)));
  first.come_up();
  CHECK(first_refusal(second).ends_with("refuses the connection (it says: ERR max number of clients reached)"));
}

TEST_CASE("real redis: TLS, and each mistake with it") {
  const tests::TestCertificates certificates, stranger;
  const proto::TlsContext trusting = proto::TlsContext::client({.ca = certificates.ca()});
  const proto::TlsContext distrusting = proto::TlsContext::client({.ca = stranger.ca()});
  const RedisServer secure(certificates, {"--requirepass", "secret"}), plain;
  boost::asio::io_context loop{1};
  RedisConnection::Options options = quick(url_of(secure, ":secret@", "", "rediss"));
  options.tls = &trusting;
  SUBCASE("trusted") {
    RedisTalk talk(loop, options);
    talk.come_up();
    const std::string large(3'000'000, 'x');
    CHECK(talk.say({"ECHO", large}) == text(large));
  }
  SUBCASE("not trusted") {
    options.tls = &distrusting;
    RedisTalk talk(loop, options);
    CHECK(first_refusal(talk).find("is not trusted (certificate verify failed: ") != std::string::npos);
  }
  SUBCASE("plain to a TLS port") {
    RedisTalk talk(loop, quick(url_of(secure)));
    CHECK(first_refusal(talk).find("before it answered: if this port wants TLS, write rediss://") != std::string::npos);
  }
  SUBCASE("TLS to a plain port") {
    options.url.port = plain.port();
    options.connect_timeout = 500ms;  // Redis waits for the end of a line, which a ClientHello lacks
    RedisTalk talk(loop, options);
    CHECK(first_refusal(talk).ends_with(": if this port has no TLS, write redis:// in the source's url"));
  }
}

TEST_CASE("real redis: killed and started again, hung and woken, it is left and found again") {
  RedisServer server;
  boost::asio::io_context loop{1};
  RedisConnection::Options options = quick(url_of(server));
  options.answer_timeout = options.ping_interval = 300ms;
  RedisTalk talk(loop, options);
  talk.come_up();
  CHECK(talk.say({"XADD", "orders", "1-0", "data", "kept"}) == text("1-0"));

  const auto killed = talk.ask({"XREAD", "BLOCK", "5000", "STREAMS", "orders", "$"}, 5s);
  talk.settle();
  server.kill();
  talk.until([&] { return killed->is(boost::asio::error::connection_aborted); });
  server.start();
  talk.until([&] { return talk.connection->up(); }, 30s);
  CHECK(talk.say({"XLEN", "orders"}) == integer(1));

  talk.heard.downs.clear();
  server.stop();
  const auto begun = std::chrono::steady_clock::now();
  talk.until([&] { return !talk.heard.downs.empty(); });
  CHECK(talk.heard.downs[0].ends_with("did not answer within 300 ms"));
  CHECK(std::chrono::steady_clock::now() - begun < 5s);
  server.go_on();
  talk.until([&] { return talk.connection->up(); });
}

}  // namespace
}  // namespace sluice::source
