#include "gateway/client/client_connection.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/gateway/client/conversation.h"

namespace sluice::client {
namespace {

using test::LoopbackServer;
using test::ScriptedServer;

void echo(LoopbackServer::Connection& connection, std::int32_t id, const ScriptedServer::Stream& stream) {
  connection.peer.respond(id, 200);
  connection.peer.send(id, stream.request.method + ' ' + stream.request.path + ' ' + stream.body, true);
}

proto::Request get(std::string path) { return {"GET", "https", "localhost", std::move(path), "", {}}; }

TEST_CASE("the first request connects, the next ones share the connection") {
  std::vector<Answer> answers(150);  // more than a client may open before it knows the server's limit
  Conversation talk(echo);
  for (std::size_t i = 0; i < answers.size(); ++i) talk.connection.request(get("/" + std::to_string(i)), answers[i]);
  for (Answer& answer : answers) talk.until([&] { return answer.closes == 1; });
  CHECK(answers[149].body == "GET /149 ");
  CHECK(answers[149].code == 0);
  CHECK(talk.server.connections.size() == 1);
  CHECK(talk.connection.open());
}

TEST_CASE("a body of a megabyte reaches the server whole") {
  Answer answer;
  Conversation talk([](auto& connection, auto id, const ScriptedServer::Stream& stream) {
    connection.peer.respond(id, 200);
    connection.peer.send(id, std::to_string(stream.body.size()), true);
  });
  talk.connection.request({"POST", "https", "localhost", "/", "", {}}, answer, std::string(1 << 20, 'x'));
  talk.until([&] { return answer.closes == 1; });
  CHECK(answer.body == "1048576");
}

TEST_CASE("a lost connection closes every stream with a reason, and the next request makes a new one") {
  Answer first, second, third;
  Conversation talk([](auto& connection, auto id, const auto&) { connection.peer.event_stream(id); });
  talk.connection.request(get("/a"), first);
  talk.connection.request(get("/b"), second);
  talk.until([&] { return first.status == 200 && second.status == 200; });
  talk.server.cut_all();
  talk.until([&] { return first.closes == 1 && second.closes == 1; });
  CHECK(talk.connection.error().find("localhost:") != std::string::npos);
  CHECK_FALSE(talk.connection.open());
  talk.connection.request(get("/c"), third);
  talk.until([&] { return third.status == 200; });
  CHECK(talk.server.connections.size() == 2);
}

TEST_CASE("after GOAWAY and the last stream the connection is given up, in good order") {
  Answer answer, next;
  Conversation talk([](auto& connection, auto id, const auto&) {
    connection.peer.respond(id, 200, {}, true);
    connection.peer.goaway(id);
  });
  talk.connection.request(get("/a"), answer);
  talk.until([&] { return answer.closes == 1 && !talk.connection.open(); });
  CHECK(answer.code == 0);
  CHECK(talk.connection.error().empty());
  talk.connection.request(get("/b"), next);
  talk.until([&] { return next.closes == 1; });
  CHECK(talk.server.connections.size() == 2);
}

TEST_CASE("a reset stream leaves the others alone") {
  Answer ended, kept;
  Conversation talk([](auto& connection, auto id, const auto&) { connection.peer.event_stream(id); });
  const proto::StreamId id = talk.connection.request(get("/a"), ended);
  talk.connection.request(get("/b"), kept);
  talk.until([&] { return ended.status == 200 && kept.status == 200; });
  talk.connection.reset(id);
  talk.until([&] { return ended.closes == 1; });
  talk.server.connections.front().peer.send(3, "data: on\n\n");
  talk.server.connections.front().flush();
  talk.until([&] { return kept.body == "data: on\n\n"; });
}

TEST_CASE("no server: the reason names the address and asks whether it runs") {
  Answer answer;
  Conversation talk(echo);
  talk.server.stop_listening();
  talk.connection.request(get("/"), answer);
  talk.until([&] { return answer.closes == 1; });
  CHECK(talk.connection.error() ==
        "connection refused by localhost:" + std::to_string(talk.server.port()) + ": is it running?");
  CHECK_FALSE(talk.connection.hopeless());
}

TEST_CASE("a certificate that is not trusted: the reason names the remedy, and trying again is hopeless") {
  Answer answer;
  const tests::TestCertificates stranger;
  const proto::TlsContext tls = proto::TlsContext::client({.ca = stranger.ca()});
  Conversation talk(echo);
  ClientConnection connection(talk.loop, talk.buffers, &tls, {.host = "localhost", .port = talk.server.port()});
  connection.request(get("/"), answer);
  talk.until([&] { return answer.closes == 1; });
  CHECK(connection.error().find("is not trusted") != std::string::npos);
  CHECK(connection.error().find("--cacert") != std::string::npos);
  CHECK(connection.hopeless());
  talk.finish();
}

TEST_CASE("a server that accepts and stays silent is given up in time") {
  Answer answer;
  Conversation talk(echo);
  boost::asio::ip::tcp::acceptor silent(talk.loop, {boost::asio::ip::address_v4::loopback(), 0});
  ClientConnection connection(
      talk.loop, talk.buffers, &talk.client_context,
      {.host = "127.0.0.1", .port = silent.local_endpoint().port(), .connect_timeout = std::chrono::milliseconds(30)});
  connection.request(get("/"), answer);
  talk.until([&] { return answer.closes == 1; });
  CHECK(connection.error().find("no end of the TLS handshake") != std::string::npos);
  talk.finish();
}

TEST_CASE("a connection on which nothing comes is asked for a sign of life, and lives as long as it answers") {
  Answer answer;
  Conversation talk([](auto& connection, auto id, const auto&) { connection.peer.event_stream(id); });
  ClientConnection connection(
      talk.loop, talk.buffers, &talk.client_context,
      {.host = "localhost", .port = talk.server.port(), .ping_interval = std::chrono::milliseconds(100)});
  connection.request(get("/a"), answer);
  talk.until([&] { return answer.status == 200 && talk.server.connections.front().peer.pings >= 3; });
  CHECK(connection.open());
  CHECK(answer.closes == 0);
  connection.close();
  talk.until([&] { return answer.closes == 1; });
}

TEST_CASE("a connection that goes while it is made leaves nothing behind") {
  Answer answer;
  Conversation talk(echo);
  auto connection =
      std::make_unique<ClientConnection>(talk.loop, talk.buffers, &talk.client_context,
                                         ClientConnection::Options{.host = "localhost", .port = talk.server.port()});
  connection->request(get("/"), answer);
  connection.reset();
  CHECK(answer.closes == 1);
  talk.finish();
}

TEST_CASE("closing while connecting closes the requests") {
  Answer answer;
  Conversation talk(echo);
  talk.connection.request(get("/"), answer);
  talk.connection.close();
  talk.until([&] { return answer.closes == 1; });
  CHECK_FALSE(talk.connection.open());
}

}  // namespace
}  // namespace sluice::client
