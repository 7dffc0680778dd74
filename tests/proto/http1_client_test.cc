#include "proto/http1_client.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "tests/support/http1_reading.h"
#include "tests/support/response.h"

namespace sluice::proto {
namespace {

using test::octets;
using test::Response;

constexpr auto cancel = static_cast<std::uint32_t>(ErrorCode::cancel);
constexpr auto protocol_error = static_cast<std::uint32_t>(ErrorCode::protocol_error);

Request get(std::string path = "/demo/clock") { return {"GET", "http", "localhost:9000", std::move(path), "", {}}; }

std::string flushed(Http1Client& client) {
  ByteBuffer out;
  client.flush(out);
  return std::string(out.text());
}

void receive(Http1Client& client, std::string_view bytes) { client.receive(octets(bytes)); }

TEST_CASE("a request is written as it was given, with its host and its length") {
  const struct {
    const char* name;
    Request head;
    std::string body, written;
  } rows[] = {
      {"a stream",
       {"GET", "http", "localhost:9000", "/a%20b", "topic=x&topic=y", {{"accept", "text/event-stream"}}},
       "",
       "GET /a%20b?topic=x&topic=y HTTP/1.1\r\nhost: localhost:9000\r\naccept: text/event-stream\r\n\r\n"},
      {"a publish",
       {"POST", "https", "[::1]:1", "/t", "", {{"content-type", "text/plain"}}},
       "hello\r\n",
       "POST /t HTTP/1.1\r\nhost: [::1]:1\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n\r\nhello\r\n"},
      {"an empty publish",
       {"POST", "http", "a", "/t", "", {}},
       "",
       "POST /t HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"},
      {"fields that are the connection's own",
       {"GET",
        "http",
        "a",
        "/",
        "",
        {{"host", "b"}, {"connection", "x"}, {"transfer-encoding", "chunked"}, {"content-length", "9"}, {"x", "y"}}},
       "",
       "GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n\r\n"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    Response response;
    Http1Client client;
    client.request(1, row.head, response, row.body);
    CHECK(flushed(client) == row.written);
    CHECK(flushed(client).empty());
  }
}

TEST_CASE("a head that would become two is not sent, and the connection is as good as before") {
  const Request rows[] = {
      {"GET", "http", "a", "/ HTTP/1.1\r\nx: y", "", {}},
      {"GET", "http", "a", "/", "q q", {}},
      {"GET", "http", "a\r\nx: y", "/", "", {}},
      {"GET x", "http", "a", "/", "", {}},
      {"GET", "http", "a", "/", "", {{"x", "y\nz: 1"}}},
      {"GET", "http", "a", "/", "", {{"x", std::string(1, '\0')}}},
      {"GET", "http", "a", "/", "", {{"x y", "z"}}},
      {"GET", "http", "a", "/", "", {{"x:", "z"}}},
      {"GET", "http", "a", "", "", {}},
  };
  Response refused[std::size(rows)], next;
  Http1Client client;
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    CAPTURE(i);
    client.request(1, rows[i], refused[i]);
    CHECK(flushed(client).empty());
    CHECK(refused[i].closes == 1);
    CHECK(refused[i].code == protocol_error);
  }
  client.request(3, get(), next);
  CHECK_FALSE(flushed(client).empty());
}

TEST_CASE("requests follow one another on a connection that is kept alive") {
  Response first, second;
  Http1Client client;
  client.request(1, get("/a"), first);
  CHECK_FALSE(client.idle());
  flushed(client);
  receive(client, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
  CHECK(first.complete());
  CHECK(first.body == "a");
  REQUIRE(client.idle());
  client.request(3, get("/b"), second);
  CHECK(flushed(client).starts_with("GET /b "));
  receive(client, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n");
  CHECK(second.complete());
  CHECK(second.body == "b");
  CHECK(client.idle());
}

TEST_CASE("a large body goes out in pieces, and an answer before its end leaves nothing for the next request") {
  const std::string body(1'000'000, 'x');
  Response response;
  Http1Client client;
  client.request(1, {"POST", "http", "a", "/", "", {}}, response, body);
  std::string written = flushed(client);
  CHECK(written.size() <= 256 * 1024);
  CHECK(client.wants_flush());
  SUBCASE("to its end") {
    while (client.wants_flush()) written += flushed(client);
    CHECK(written.ends_with("\r\n\r\n" + body));
    receive(client, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(client.idle());
  }
  SUBCASE("until it is refused") {
    receive(client, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    CHECK(client.finished());
    CHECK_FALSE(client.wants_flush());
    CHECK(flushed(client).empty());
  }
  CHECK(response.complete());
}

TEST_CASE("a response after which the server closes leaves the connection finished") {
  Response response;
  Http1Client client;
  client.request(1, get(), response);
  flushed(client);
  receive(client, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na");
  CHECK(response.complete());
  CHECK(client.finished());
  CHECK_FALSE(client.idle());
  CHECK_FALSE(client.error());
}

TEST_CASE("an event stream without a length ends in good order with its connection") {
  Response response;
  Http1Client client;
  client.request(1, get(), response);
  flushed(client);
  receive(client, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a\n\n");
  CHECK(response.body == "data: a\n\n");
  CHECK(response.closes == 0);
  client.receive_end();
  CHECK(response.complete());
  CHECK(client.finished());
}

TEST_CASE("a chunked event stream whose connection ends is cut, not ended") {
  Response response;
  auto client = std::make_unique<Http1Client>();
  client->request(1, get(), response);
  flushed(*client);
  receive(*client, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n");
  client->receive_end();
  REQUIRE(client->error());
  CHECK(client->error()->reason == "the response is cut");
  CHECK(response.body == "data: a\n\n");
  CHECK(response.closes == 0);  // until its owner can say why
  client.reset();
  CHECK(response.closes == 1);
  CHECK(response.code == protocol_error);
}

TEST_CASE("a connection that is lost closes its request") {
  Response response;
  auto client = std::make_unique<Http1Client>();
  client->request(1, get(), response);
  flushed(*client);
  client.reset();
  CHECK(response.closes == 1);
  CHECK(response.code == cancel);
}

TEST_CASE("a request that nobody answers is an error") {
  Response response;
  Http1Client client;
  client.request(1, get(), response);
  flushed(client);
  client.receive_end();
  REQUIRE(client.error());
  CHECK(client.error()->reason == "no answer came");
}

TEST_CASE("bytes that nobody asked for end the connection and harm no request") {
  Response response;
  Http1Client client;
  SUBCASE("on a connection that waits") {
    receive(client, "HTTP/1.1 408 Request Timeout\r\n\r\n");
    CHECK(client.finished());
  }
  SUBCASE("behind a response") {
    client.request(1, get(), response);
    flushed(client);
    receive(client, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    CHECK(response.complete());
    CHECK(response.body == "a");
    CHECK(client.finished());
  }
  SUBCASE("before the request was sent") {
    client.request(1, get(), response);
    receive(client, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    CHECK(response.heads == 0);
    CHECK(client.finished());
  }
  CHECK_FALSE(client.idle());
  CHECK_FALSE(client.error());
}

TEST_CASE("what is not HTTP is an error with its reason, and nothing is read any more") {
  Response response;
  Http1Client client;
  client.request(1, get(), response);
  flushed(client);
  receive(client, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
  REQUIRE(client.error());
  CHECK(client.error()->reason == "bad Transfer-Encoding");
  receive(client, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  client.receive_end();
  CHECK(response.heads == 0);
  CHECK_FALSE(client.finished());
}

TEST_CASE("a request that is abandoned hears no more than its close, and ends the connection") {
  struct Leaves final : ResponseVisitor {
    void on_head(StreamId, ResponseHead&&, bool) override { client->abandon(); }
    void on_body(StreamId, std::span<const std::uint8_t>) override { ++bodies; }
    void on_close(StreamId, std::uint32_t received) override { code = received; }
    Http1Client* client = nullptr;
    int bodies = 0;
    std::uint32_t code = 0xffff;
  } response;
  Http1Client client;
  response.client = &client;
  client.request(1, get(), response);
  flushed(client);
  receive(client, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(response.code == 0xffff);
  CHECK(flushed(client).empty());
  CHECK(response.code == cancel);
  CHECK(response.bodies == 0);
  CHECK(client.finished());
}

TEST_CASE("a request that is abandoned before it was sent leaves the connection to the next") {
  Response response, next;
  Http1Client client;
  client.request(1, get("/a"), response);
  client.abandon();
  CHECK(flushed(client).empty());
  CHECK(response.code == cancel);
  REQUIRE(client.idle());
  client.request(3, get("/b"), next);
  CHECK(flushed(client).starts_with("GET /b "));
}

TEST_CASE("a slow reader stops the input, and the next request does not wait for it") {
  Response response, next;
  Http1Client client;
  CHECK(client.wants_input());
  client.request(1, get(), response);
  flushed(client);
  client.pause();
  CHECK_FALSE(client.wants_input());
  client.resume();
  CHECK(client.wants_input());
  client.pause();
  receive(client, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");  // what had been read already
  CHECK(response.complete());
  CHECK(client.wants_input());
  client.request(3, get(), next);
  CHECK(client.wants_input());
}

TEST_CASE("the answer to a HEAD has no body, and the next response is read from its own beginning") {
  Response head, next;
  Http1Client client;
  client.request(1, {"HEAD", "http", "a", "/", "", {}}, head);
  flushed(client);
  receive(client, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  CHECK(head.complete());
  CHECK(head.ended_with_head);
  client.request(3, get(), next);
  flushed(client);
  receive(client, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(next.body == "hello");
}

}  // namespace
}  // namespace sluice::proto
