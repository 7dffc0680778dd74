// `sluice tail` and `sluice pub` against a scripted server: each command has a loop of its own, so the server runs in a
// thread of its own here.
#include <doctest/doctest.h>

#include <optional>
#include <sstream>
#include <string>
#include <thread>

#include "gateway/client/publish.h"
#include "gateway/client/tail.h"
#include "tests/gateway/client/conversation.h"

namespace sluice::client {
namespace {

using test::Http1Server;
using test::LoopbackServer;
using test::ScriptedServer;

struct Service {
  explicit Service(LoopbackServer::RequestHandler on_request)
      : server(loop, tls, std::move(on_request)), thread([this] { loop.run(); }) {}
  ~Service() {
    loop.stop();
    thread.join();
  }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "https://localhost:" + std::to_string(server.port()) + path;
  }
  boost::asio::io_context loop{1};
  proto::TlsContext tls = server_tls();
  LoopbackServer server;
  std::thread thread;
};

// The same over HTTP/1.1, on TLS where the server has an ALPN.
struct Http1Service {
  explicit Http1Service(Http1Server::RequestHandler on_request, const std::optional<std::string>& alpn = {})
      : scheme(alpn ? "https" : "http"),
        tls(server_tls(alpn.value_or("http/1.1"))),
        server(loop, alpn ? &tls : nullptr, std::move(on_request)),
        thread([this] { loop.run(); }) {}
  ~Http1Service() {
    loop.stop();
    thread.join();
  }
  [[nodiscard]] std::string url(const std::string& path) const {
    return scheme + "://localhost:" + std::to_string(server.port()) + path;
  }
  std::string scheme;
  boost::asio::io_context loop{1};
  proto::TlsContext tls;
  Http1Server server;
  std::thread thread;
};

TEST_CASE("tail prints the events it was asked to count and ends well") {
  Service service([](auto& connection, auto id, const ScriptedServer::Stream& stream) {
    connection.peer.event_stream(id);
    connection.peer.send(id, "id: 0\nevent: sluice.open\ndata: {}\n\nid: 1\ndata: " +
                                 std::string(stream.request.field("last-event-id")) +
                                 "\n\nid: 2\nevent: price\ndata: 42\n\ndata: 43\n\n");
  });
  std::ostringstream out, err;
  TailOptions options{
      .url = service.url("/demo/clock"), .trust = {.cacert = certificates().ca()}, .earliest = true, .count = 2};
  CHECK(tail(options, out, err) == 0);
  CHECK(out.str() == "1  earliest\n2  price  42\n");
  CHECK(err.str() == "-- sluice.open {}\n");
}

TEST_CASE("tail follows a stream over HTTP/1.1, with TLS and without, through ends and cuts") {
  for (const auto& alpn : {std::optional<std::string>(), std::optional<std::string>("http/1.1")}) {
    CAPTURE(alpn.has_value());
    Http1Service service(
        [](Http1Server::Connection& peer) {
          peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
          if (peer.request.find("last-event-id") == std::string::npos) {
            peer.send("16\r\nretry: 1\nid: 1\ndata: a\r\n2\r\n\n\n\r\n5\r\ndata:\r\n");
            peer.end();  // in the middle of an event, and of a chunked body
          } else if (peer.request.find("last-event-id: 1\r\n") != std::string::npos) {
            peer.send("10\r\nid: 2\ndata: b\n\n\n\r\n0\r\n\r\n");
          } else {
            peer.send("f\r\nid: 3\ndata: c\n\n\r\n");
          }
        },
        alpn);
    std::ostringstream out, err;
    TailOptions options{.url = service.url("/stream"), .trust = {.cacert = certificates().ca()}, .count = 3};
    CHECK(tail(options, out, err) == 0);
    CHECK(out.str() == "1  a\n2  b\n3  c\n");
    CHECK(err.str().find(": the response is cut; again in 500 ms\n") != std::string::npos);
    CHECK(err.str().find("-- the stream was ended; again in 500 ms\n") != std::string::npos);
  }
}

TEST_CASE("tail of a path that is not there says so and fails") {
  Service service([](auto& connection, auto id, const auto&) { connection.peer.respond(id, 404, {}, true); });
  std::ostringstream out, err;
  CHECK(tail({.url = service.url("/nowhere"), .trust = {.cacert = certificates().ca()}}, out, err) == 1);
  CHECK(err.str().find("404") != std::string::npos);
}

TEST_CASE("tail of an address that is none says so and fails") {
  std::ostringstream out, err;
  CHECK(tail({.url = "ftp://localhost/"}, out, err) == 1);
  CHECK(err.str() == "sluice: \"ftp://localhost/\": the scheme must be https or http\n");
}

TEST_CASE("pub sends the data with its name and prints the position") {
  Service service([](auto& connection, auto id, const ScriptedServer::Stream& stream) {
    connection.peer.respond(id, 200, {{"content-type", "application/json"}});
    connection.peer.send(id,
                         stream.request.method + ' ' + stream.request.path + '?' + stream.request.query + ' ' +
                             std::string(stream.request.field("content-type")) + ' ' +
                             std::string(stream.request.field("authorization")) + ' ' + stream.body + '\n',
                         true);
  });
  std::istringstream in("from the pipe");
  std::ostringstream out, err;
  PubOptions options{.url = service.url("/topics/a"), .event = "a b", .key = "k", .secret = "s"};
  options.trust = {.cacert = certificates().ca()};
  CHECK(publish(options, in, out, err) == 0);
  CHECK(out.str() == "POST /topics/a?event=a%20b&key=k text/plain Bearer s from the pipe\n");
  options.data = "given";
  out.str("");
  CHECK(publish(options, in, out, err) == 0);
  CHECK(out.str().ends_with(" given\n"));
}

TEST_CASE("pub publishes over HTTP/1.1") {
  Http1Service service([](Http1Server::Connection& peer) {
    const std::string body = peer.request.substr(peer.request.find("\r\n\r\n") + 4) + '\n';
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  });
  std::istringstream in;
  std::ostringstream out, err;
  CHECK(publish({.url = service.url("/topics/a"), .data = "hello"}, in, out, err) == 0);
  CHECK(out.str() == "hello\n");
}

TEST_CASE("pub shows why it was refused and fails") {
  Service service([](auto& connection, auto id, const auto&) {
    connection.peer.respond(id, 400);
    connection.peer.send(id, "{\"error\":\"line 3\"}", true);
  });
  std::istringstream in;
  std::ostringstream out, err;
  CHECK(publish({.url = service.url("/topics/a"), .data = "x", .trust = {.cacert = certificates().ca()}}, in, out,
                err) == 1);
  CHECK(err.str() == "sluice: refused with status 400: {\"error\":\"line 3\"}\n");
}

TEST_CASE("pub without a gateway asks whether it runs") {
  std::istringstream in;
  std::ostringstream out, err;
  CHECK(publish({.url = "https://127.0.0.1:1/a", .data = "x", .trust = {.cacert = certificates().ca()}}, in, out,
                err) == 1);
  CHECK(err.str() == "sluice: connection refused by 127.0.0.1:1: is it running?\n");
}

}  // namespace
}  // namespace sluice::client
