// ClientConnection over HTTP/1.1: TCP, and TLS where ALPN chooses it.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include "gateway/client/client_connection.h"
#include "tests/gateway/client/conversation.h"

namespace sluice::client {
namespace {

using Peer = test::Http1Server::Connection;
using Protocol = proto::HttpClient::Protocol;

proto::Request get(std::string path) { return {"GET", "http", "localhost", std::move(path), "", {}}; }

std::string with_length(std::string_view body, std::string_view field = {}) {
  return "HTTP/1.1 200 OK\r\n" + std::string(field) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}
std::string request_line(const Peer& peer) { return peer.request.substr(0, peer.request.find('\r')); }
void echo(Peer& peer) { peer.send(with_length(request_line(peer))); }

TEST_CASE("without TLS requests follow one another on one connection") {
  std::array<Answer, 3> answers;
  Http1Conversation talk(echo);
  for (std::size_t i = 0; i < answers.size(); ++i) talk.connection.request(get("/" + std::to_string(i)), answers[i]);
  for (Answer& answer : answers) talk.until([&] { return answer.complete(); });
  CHECK(answers[2].body == "GET /2 HTTP/1.1");
  CHECK(talk.server.connections.size() == 1);
  CHECK(talk.connection.open());
  CHECK(talk.connection.protocol() == Protocol::http1);
  CHECK(talk.connection.scheme() == std::string_view("http"));
}

TEST_CASE("over TLS it speaks what the server chose") {
  Answer answer;
  SUBCASE("a server that serves HTTP/1.1 alone") {
    Http1Conversation talk(echo, "http/1.1");
    talk.connection.request(get("/a"), answer);
    talk.until([&] { return answer.complete(); });
    CHECK(talk.connection.protocol() == Protocol::http1);
    CHECK(talk.connection.scheme() == std::string_view("https"));
  }
  SUBCASE("a server that knows no ALPN") {
    Http1Conversation talk(echo, "");
    talk.connection.request(get("/a"), answer);
    talk.until([&] { return answer.complete(); });
    CHECK(talk.connection.protocol() == Protocol::http1);
  }
  SUBCASE("a server that serves HTTP/2") {
    Conversation talk([](auto& connection, auto id, const auto&) {
      connection.peer.respond(id, 200);
      connection.peer.send(id, "GET /a HTTP/1.1", true);
    });
    const proto::TlsContext both = trusting_tls("h2,http/1.1");
    ClientConnection connection(talk.loop, talk.buffers, &both, {.host = "localhost", .port = talk.server.port()});
    connection.request(get("/a"), answer);
    talk.until([&] { return answer.complete(); });
    CHECK(connection.protocol() == Protocol::http2);
    connection.close();
    talk.finish();
  }
  CHECK(answer.body == "GET /a HTTP/1.1");
}

TEST_CASE("who offers HTTP/2 alone gets nothing else, and trying again is hopeless") {
  Answer answer;
  Http1Conversation talk(echo, "", "h2");
  talk.connection.request(get("/"), answer);
  talk.until([&] { return answer.closes == 1; });
  CHECK(talk.connection.error().find("does not speak HTTP/2") != std::string::npos);
  CHECK(talk.connection.hopeless());
}

TEST_CASE("a server that closes after each response is asked on a new connection each time") {
  std::array<Answer, 4> answers;
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    answers = {};
    Http1Conversation talk(
        [](Peer& peer) {
          peer.send(with_length(request_line(peer), "Connection: close\r\n"));
          peer.end();
        },
        tls ? std::optional<std::string>("http/1.1") : std::nullopt);
    for (std::size_t i = 0; i < answers.size(); ++i) talk.connection.request(get("/" + std::to_string(i)), answers[i]);
    for (Answer& answer : answers) talk.until([&] { return answer.complete(); });
    CHECK(answers[3].body == "GET /3 HTTP/1.1");
    CHECK(talk.server.connections.size() == 4);
    CHECK(talk.connection.error().empty());
  }
}

TEST_CASE("a body ends with its connection, if the server says that it ends") {
  Answer answer;
  const auto begin = [](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\n\r\ndata: a\n\n"); };
  SUBCASE("TCP: FIN") {
    Http1Conversation talk(begin);
    talk.connection.request(get("/"), answer);
    talk.until([&] { return answer.body == "data: a\n\n"; });
    talk.server.connections.front().end();
    talk.until([&] { return answer.closes == 1; });
    CHECK(answer.complete());
    CHECK(talk.connection.error().empty());
  }
  SUBCASE("TCP: reset") {
    Http1Conversation talk(begin);
    talk.connection.request(get("/"), answer);
    talk.until([&] { return answer.body == "data: a\n\n"; });
    talk.server.connections.front().cut();
    talk.until([&] { return answer.closes == 1; });
    CHECK_FALSE(answer.complete());
    CHECK(talk.connection.error().find("was lost") != std::string::npos);
  }
  SUBCASE("TLS: close_notify") {
    Http1Conversation talk(begin, "http/1.1");
    talk.connection.request(get("/"), answer);
    talk.until([&] { return answer.body == "data: a\n\n"; });
    talk.server.connections.front().end();
    talk.until([&] { return answer.closes == 1; });
    CHECK(answer.complete());
  }
  SUBCASE("TLS: FIN alone, which anybody could have made") {
    Http1Conversation talk(begin, "http/1.1");
    talk.connection.request(get("/"), answer);
    talk.until([&] { return answer.body == "data: a\n\n"; });
    talk.server.connections.front().cut();
    talk.until([&] { return answer.closes == 1; });
    CHECK_FALSE(answer.complete());
    CHECK(talk.connection.error().find("was closed by localhost:") != std::string::npos);
  }
}

TEST_CASE("a chunked response that is cut is an error that says so, and the next request begins anew") {
  Answer first, second;
  Http1Conversation talk([](Peer& peer) {
    if (request_line(peer) == "GET /b HTTP/1.1") return echo(peer);
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    peer.end();
  });
  talk.connection.request(get("/a"), first);
  talk.until([&] { return first.closes == 1; });
  CHECK(first.body == "hello");
  CHECK_FALSE(first.complete());
  CHECK(talk.connection.error() ==
        "the connection was closed by localhost:" + std::to_string(talk.server.port()) + ": the response is cut");
  talk.connection.request(get("/b"), second);
  talk.until([&] { return second.complete(); });
}

TEST_CASE("a lost connection closes the request that was sent and those that wait for it") {
  std::array<Answer, 3> answers;
  Http1Conversation talk([](Peer& peer) { peer.cut(); });
  for (Answer& answer : answers) talk.connection.request(get("/"), answer);
  for (Answer& answer : answers) talk.until([&] { return answer.closes == 1; });
  CHECK(talk.server.connections.size() == 1);
  CHECK_FALSE(talk.connection.error().empty());
}

TEST_CASE("what is not HTTP/1.1 is an error that names the server and the mistake") {
  Answer answer;
  Http1Conversation talk(
      [](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"); });
  talk.connection.request(get("/"), answer);
  talk.until([&] { return answer.closes == 1; });
  CHECK(talk.connection.error() ==
        "localhost:" + std::to_string(talk.server.port()) + " broke HTTP/1.1: bad Transfer-Encoding");
  talk.until([&] { return talk.server.connections.front().left; });
}

TEST_CASE("an idle connection that the server closes is made again for the next request") {
  Answer first, second;
  Http1Conversation talk(echo);
  talk.connection.request(get("/a"), first);
  talk.until([&] { return first.complete(); });
  talk.server.connections.front().end();
  talk.until([&] { return !talk.connection.open(); });
  CHECK(talk.connection.error().empty());
  talk.connection.request(get("/b"), second);
  talk.until([&] { return second.complete(); });
  CHECK(talk.server.connections.size() == 2);
}

TEST_CASE("a reset stops the server by the end of the connection, and the request behind it goes on a new one") {
  Answer endless, next;
  Http1Conversation talk([](Peer& peer) {
    if (request_line(peer) == "GET /b HTTP/1.1") return echo(peer);
    peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n");
  });
  const proto::StreamId id = talk.connection.request(get("/a"), endless);
  talk.connection.request(get("/b"), next);
  talk.until([&] { return !endless.body.empty(); });
  CHECK(next.heads == 0);
  talk.connection.reset(id);
  talk.until([&] { return next.complete(); });
  CHECK(endless.closes == 1);
  CHECK_FALSE(endless.complete());
  talk.until([&] { return talk.server.connections.front().left; });
  CHECK(talk.server.connections.size() == 2);
}

TEST_CASE("a slow reader stops the server, and what was held comes when it goes on") {
  constexpr std::size_t size = 64 * 1024 * 1024;
  struct Slow final : proto::ResponseVisitor {
    void on_head(proto::StreamId, proto::ResponseHead&&, bool) override {}
    void on_body(proto::StreamId id, std::span<const std::uint8_t> bytes) override {
      received += bytes.size();
      if (paused++ == 0) connection->pause(id);
    }
    void on_close(proto::StreamId, std::uint32_t received_code) override { code = received_code; }
    ClientConnection* connection = nullptr;
    std::size_t received = 0;
    int paused = 0;
    std::uint32_t code = 0xffff;
  } slow;
  Http1Conversation talk([&](Peer& peer) { peer.send(with_length(std::string(size, 'x'))); });
  slow.connection = &talk.connection;
  const proto::StreamId id = talk.connection.request(get("/"), slow);
  talk.until([&] { return slow.paused == 1; });
  // Whatever else the loop has to do, it reads no more.
  for (int turn = 0; turn < 50; ++turn) talk.loop.run_one_for(std::chrono::milliseconds(2));
  CHECK(slow.paused == 1);
  CHECK(slow.received <= talk.buffers.ciphertext.size());
  talk.connection.resume(id);
  talk.until([&] { return slow.code == 0; });
  CHECK(slow.received == size);
}

TEST_CASE("a body of megabytes reaches a server that reads slowly") {
  Answer answer;
  Http1Conversation talk([](Peer& peer) { peer.send(with_length(std::to_string(peer.request.size()))); });
  talk.connection.request({"POST", "http", "a", "/", "", {}}, answer, std::string(8 << 20, 'x'));
  talk.until([&] { return answer.complete(); });
  CHECK(std::stoul(answer.body) > (8 << 20));
}

TEST_CASE("closing closes the request that is answered and those that wait") {
  std::array<Answer, 2> answers;
  Http1Conversation talk([](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\n\r\n"); });
  for (Answer& answer : answers) talk.connection.request(get("/"), answer);
  talk.until([&] { return answers[0].heads == 1; });
  talk.connection.close();
  for (Answer& answer : answers) talk.until([&] { return answer.closes == 1; });
  CHECK_FALSE(talk.connection.open());
  CHECK(talk.server.connections.size() == 1);
}

}  // namespace
}  // namespace sluice::client
