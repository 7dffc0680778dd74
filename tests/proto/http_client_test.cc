#include "proto/http_client.h"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>

#include "tests/support/http1_reading.h"
#include "tests/support/response.h"
#include "tests/support/scripted_server.h"

namespace sluice::proto {
namespace {

using Protocol = HttpClient::Protocol;
using test::octets;
using test::Response;

constexpr auto cancel = static_cast<std::uint32_t>(ErrorCode::cancel);

struct Conversation final : Http2ClientVisitor {
  StreamId get(Response& response, std::string path) {
    return client->request({"GET", "https", "localhost", std::move(path), "", {}}, response);
  }
  std::string flushed() {
    ByteBuffer out;
    client->flush(out);
    return std::string(out.text());
  }
  void receive(std::string_view bytes) { client->receive(octets(bytes)); }
  // Over HTTP/2: carries bytes both ways until both are silent.
  void exchange() {
    for (std::string sent; !(sent = flushed()).empty();) {
      REQUIRE(server.receive(octets(sent)));
      ByteBuffer wire;
      server.flush(wire);
      client->receive(wire.bytes());
    }
  }
  std::unique_ptr<HttpClient> client = std::make_unique<HttpClient>(HttpClient::Options{}, *this);
  test::ScriptedServer server;
};

TEST_CASE("requests wait for the protocol, and go to HTTP/2 under the ids that they were given") {
  std::array<Response, 4> responses;
  Conversation talk;
  const StreamId first = talk.get(responses[0], "/0"), reset = talk.get(responses[1], "/1"),
                 last = talk.get(responses[2], "/2");
  CHECK(talk.client->stream_count() == 3);
  talk.client->reset(reset);
  CHECK(talk.flushed().empty());
  CHECK(responses[1].code == cancel);
  talk.client->choose(Protocol::http2);
  talk.exchange();
  CHECK(talk.server.streams.at(first).request.path == "/0");
  CHECK(talk.server.streams.at(last).request.path == "/2");
  CHECK_FALSE(talk.server.streams.contains(reset));
  const StreamId later = talk.get(responses[3], "/3");
  CHECK(later > last);
  talk.exchange();
  CHECK(talk.server.streams.at(later).request.path == "/3");
  CHECK(talk.client->stream_count() == 3);
  CHECK(talk.client->take_waiting().empty());
}

TEST_CASE("over HTTP/1.1 they go one after the other") {
  Response first, second;
  Conversation talk;
  talk.get(first, "/a");
  talk.get(second, "/b");
  talk.client->choose(Protocol::http1);
  CHECK(talk.flushed().starts_with("GET /a "));
  CHECK(talk.flushed().empty());
  talk.receive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CHECK(first.complete());
  CHECK(talk.client->stream_count() == 1);
  CHECK(talk.flushed().starts_with("GET /b "));
  talk.receive("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  CHECK(second.head.status == 404);
  CHECK(talk.client->stream_count() == 0);
  CHECK_FALSE(talk.client->finished());
}

TEST_CASE("what a finished connection has not sent goes on the next one, whatever that speaks") {
  Response first, second, third, fourth;
  Conversation talk, next;
  talk.get(first, "/a");
  const StreamId waits = talk.get(second, "/b"), leaves = talk.get(third, "/c");
  talk.client->choose(Protocol::http1);
  talk.flushed();
  talk.client->pause(waits);
  talk.receive("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  CHECK(first.complete());
  CHECK(talk.client->finished());
  next.client->adopt(talk.client->take_waiting());
  talk.client.reset();
  CHECK(second.closes == 0);
  CHECK(next.client->stream_count() == 2);
  next.client->reset(leaves);
  SUBCASE("HTTP/1.1") {
    next.client->choose(Protocol::http1);
    CHECK(next.flushed().starts_with("GET /b "));
    CHECK_FALSE(next.client->wants_input());  // it was paused
    next.client->resume(waits);
    CHECK(next.client->wants_input());
  }
  SUBCASE("HTTP/2") {
    next.client->choose(Protocol::http2);
    CHECK(next.get(fourth, "/d") > leaves);
    next.exchange();
    CHECK(next.server.streams.at(waits).request.path == "/b");
  }
  CHECK(third.code == cancel);
}

TEST_CASE("a reset ends the connection only of the request that was sent") {
  Response first, second, third;
  Conversation talk;
  const StreamId sent = talk.get(first, "/a"), waits = talk.get(second, "/b");
  talk.get(third, "/c");
  talk.client->choose(Protocol::http1);
  talk.flushed();
  talk.client->reset(waits);
  talk.flushed();
  CHECK(second.code == cancel);
  CHECK_FALSE(talk.client->finished());
  talk.client->reset(sent);
  CHECK(talk.flushed().empty());
  CHECK(first.code == cancel);
  CHECK(talk.client->finished());
  CHECK(talk.client->take_waiting().size() == 1);
}

TEST_CASE("a request that a visitor makes from its close is sent at the next turn, and not for ever") {
  struct Again final : ResponseVisitor {
    void on_head(StreamId, ResponseHead&&, bool) override {}
    void on_body(StreamId, std::span<const std::uint8_t>) override {}
    void on_close(StreamId, std::uint32_t) override {
      ++closes;
      if (closes < 5) client->request({"GET", "http", "a", "not a path", "", {}}, *this);
    }
    HttpClient* client = nullptr;
    int closes = 0;
  } again;
  Conversation talk;
  again.client = talk.client.get();
  talk.client->choose(Protocol::http1);
  talk.client->request({"GET", "http", "a", "not a path", "", {}}, again);
  for (int turn = 1; turn <= 5; ++turn) {
    talk.flushed();
    CHECK(again.closes == turn);
  }
}

TEST_CASE("a lost connection closes every request, sent or not") {
  std::array<Response, 3> responses;
  Conversation talk;
  for (Response& response : responses) talk.get(response, "/");
  SUBCASE("before its protocol was known") {}
  SUBCASE("over HTTP/1.1") {
    talk.client->choose(Protocol::http1);
    talk.flushed();
  }
  SUBCASE("over HTTP/2") {
    talk.client->choose(Protocol::http2);
    talk.exchange();
  }
  talk.client.reset();
  for (const Response& response : responses) {
    CHECK(response.closes == 1);
    CHECK(response.code == cancel);
  }
}

}  // namespace
}  // namespace sluice::proto
