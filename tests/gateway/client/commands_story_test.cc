// `sluice tail` and `sluice pub` against a scripted server: each command has a loop of its own, so the server runs in a
// thread of its own here.
#include <doctest/doctest.h>

#include <sstream>
#include <thread>

#include "gateway/client/publish.h"
#include "gateway/client/tail.h"
#include "tests/gateway/client/conversation.h"

namespace sluice::client {
namespace {

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

TEST_CASE("tail of a path that is not there says so and fails") {
  Service service([](auto& connection, auto id, const auto&) { connection.peer.respond(id, 404, {}, true); });
  std::ostringstream out, err;
  CHECK(tail({.url = service.url("/nowhere"), .trust = {.cacert = certificates().ca()}}, out, err) == 1);
  CHECK(err.str().find("404") != std::string::npos);
}

TEST_CASE("tail of an address that is none says so and fails") {
  std::ostringstream out, err;
  CHECK(tail({.url = "http://localhost/"}, out, err) == 1);
  CHECK(err.str() == "sluice: \"http://localhost/\": sluice speaks TLS only: write https://\n");
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
  CHECK(err.str() == "sluice: connection refused by 127.0.0.1:1: is the gateway running?\n");
}

}  // namespace
}  // namespace sluice::client
