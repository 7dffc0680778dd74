#include "gateway/client/event_stream_client.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/gateway/client/subscriber.h"

namespace sluice::client {
namespace {

using test::LoopbackServer;
using test::ScriptedServer;

// Each answer is one event and the end; its data is the last event id that the client came with.
void one_event_and_end(LoopbackServer::Connection& connection, std::int32_t id, const ScriptedServer::Stream& stream) {
  const std::string last(stream.request.field("last-event-id"));
  connection.peer.event_stream(id);
  connection.peer.send(id, "retry: 1\nid: " + last + "x\ndata: after " + last + "\n\n", true);
}

TEST_CASE("a stream that ends is asked for again from its last event") {
  Subscriber subscriber;
  Conversation talk(one_event_and_end);
  EventStreamClient stream(talk.loop, talk.connection, quick("/demo/clock"), subscriber);
  stream.start();
  talk.until([&] { return subscriber.events.size() >= 3; });
  stream.stop();
  talk.until([&] { return subscriber.ends == 1; });
  CHECK(subscriber.events[0] == "after ");
  CHECK(subscriber.events[1] == "after x");
  CHECK(subscriber.events[2] == "after xx");
  CHECK(talk.server.connections.size() == 1);
  CHECK(subscriber.end_reason.empty());
}

TEST_CASE("a lost connection is made again and the stream goes on") {
  Subscriber subscriber;
  Conversation talk([](auto& connection, auto id, const ScriptedServer::Stream& stream) {
    connection.peer.event_stream(id);
    const std::string last(stream.request.field("last-event-id"));
    connection.peer.send(id, last.empty() ? "retry: 1\nid: 1\ndata: a\n\ndata: cut" : "data: b\n\n");
  });
  EventStreamClient stream(talk.loop, talk.connection, quick("/a"), subscriber);
  stream.start();
  talk.until([&] { return subscriber.events.size() == 1; });
  talk.server.cut_all();
  talk.until([&] { return subscriber.events.size() == 2; });
  CHECK(subscriber.events[1] == "b");
  CHECK(subscriber.opens == 2);
  REQUIRE(subscriber.waits.size() == 1);
  CHECK(subscriber.waits[0].find("localhost:") != std::string::npos);
  stream.stop();
  talk.until([&] { return subscriber.ends == 1; });
}

TEST_CASE("a gateway that restarts is waited for") {
  Subscriber subscriber;
  Conversation talk([](auto& connection, auto id, const auto&) { connection.peer.event_stream(id); });
  EventStreamClient stream(talk.loop, talk.connection, quick("/a"), subscriber);
  stream.start();
  talk.until([&] { return subscriber.opens == 1; });
  talk.server.stop_listening();
  talk.server.cut_all();
  talk.until([&] { return subscriber.waits.size() == 2; });
  CHECK(subscriber.waits[1].find("is it running?") != std::string::npos);
  talk.server.listen_again();
  talk.until([&] { return subscriber.opens == 2; });
  stream.stop();
  talk.until([&] { return subscriber.ends == 1; });
}

TEST_CASE("a refusal is final and says what the server said") {
  Subscriber subscriber;
  Conversation talk([](auto& connection, auto id, const auto&) {
    connection.peer.respond(id, 404);
    connection.peer.send(id, "{\"error\":\"no such route\"}\n", true);
  });
  EventStreamClient stream(talk.loop, talk.connection, quick("/nowhere"), subscriber);
  stream.start();
  talk.until([&] { return subscriber.ends == 1; });
  CHECK(subscriber.end_reason.find("404") != std::string::npos);
  CHECK(subscriber.end_reason.ends_with("no such route\"}"));
  CHECK(subscriber.waits.empty());
}

TEST_CASE("a page that is no event stream is not read for ever") {
  Subscriber subscriber;
  Conversation talk([](auto& connection, auto id, const auto&) {
    connection.peer.respond(id, 200, {{"content-type", "text/html"}});
    connection.peer.send(id, "<html>");
  });
  EventStreamClient stream(talk.loop, talk.connection, quick("/"), subscriber);
  stream.start();
  talk.until([&] { return subscriber.ends == 1; });
  CHECK(subscriber.end_reason.find("text/html") != std::string::npos);
}

TEST_CASE("without reconnecting the end of the stream is the end") {
  Subscriber subscriber;
  Conversation talk(one_event_and_end);
  EventStreamClient::Options options = quick("/a");
  options.reconnect = false;
  EventStreamClient stream(talk.loop, talk.connection, std::move(options), subscriber);
  stream.start();
  talk.until([&] { return subscriber.ends == 1; });
  CHECK(subscriber.events.size() == 1);
}

TEST_CASE("a redirect within the server is followed, and each reconnect begins at the first place") {
  Subscriber subscriber;
  std::vector<std::string> asked;
  Conversation talk([&](auto& connection, auto id, const ScriptedServer::Stream& stream) {
    asked.push_back(stream.request.path + '?' + stream.request.query + '#' +
                    std::string(stream.request.field("last-event-id")));
    if (stream.request.path == "/old") {
      connection.peer.respond(id, 301, {{"location", "/b/older?x=1"}});
      return connection.peer.send(id, "moved", true);
    }
    if (stream.request.path == "/b/older") return connection.peer.respond(id, 307, {{"location", "new"}}, true);
    one_event_and_end(connection, id, stream);
  });
  EventStreamClient stream(talk.loop, talk.connection, quick("/old"), subscriber);
  stream.start();
  talk.until([&] { return subscriber.events.size() == 2; });
  stream.stop();
  talk.until([&] { return subscriber.ends == 1; });
  asked.resize(6);
  CHECK(asked ==
        std::vector<std::string>{"/old?#", "/b/older?x=1#", "/b/new?#", "/old?#x", "/b/older?x=1#x", "/b/new?#x"});
  CHECK(subscriber.waits.size() == 2);  // after the stream's ends, not between the redirects
}

TEST_CASE("a redirect that leads away is final and says where to") {
  for (const char* location :
       {"https://evil.example/", "http://localhost/a", "//localhost:1/", "file:///etc/passwd", ""}) {
    Subscriber subscriber;
    Conversation talk([&](auto& connection, auto id, const auto&) {
      connection.peer.respond(id, 302, {{"location", location}});
      connection.peer.send(id, "<html>");  // and no end
    });
    EventStreamClient stream(talk.loop, talk.connection, quick("/a"), subscriber);
    stream.start();
    talk.until([&] { return subscriber.ends == 1; });
    CHECK(subscriber.end_reason == "status 302: a redirect to '" + std::string(location) +
                                       "' is not followed: only those within https://localhost are");
    CHECK(subscriber.waits.empty());
  }
}

TEST_CASE("redirects in a circle end after five") {
  Subscriber subscriber;
  int asked = 0;
  Conversation talk([&](auto& connection, auto id, const auto&) {
    ++asked;
    connection.peer.respond(id, 308, {{"location", "?" + std::to_string(asked)}}, true);
  });
  EventStreamClient stream(talk.loop, talk.connection, quick("/a"), subscriber);
  stream.start();
  talk.until([&] { return subscriber.ends == 1; });
  CHECK(asked == 6);
  CHECK(subscriber.end_reason == "status 308: more than 5 redirects in a row");
}

TEST_CASE("who follows no redirect is told of the first") {
  Subscriber subscriber;
  Conversation talk([&](auto& connection, auto id, const auto&) {
    connection.peer.respond(id, 303, {{"location", "/b"}}, true);
  });
  EventStreamClient::Options options = quick("/a");
  options.redirects_max = 0;
  EventStreamClient stream(talk.loop, talk.connection, std::move(options), subscriber);
  stream.start();
  talk.until([&] { return subscriber.ends == 1; });
  CHECK(subscriber.end_reason == "status 303: more than 0 redirects in a row");
}

TEST_CASE("a server that says retry: 0 is not asked again at once, nor by all at the same moment") {
  Subscriber subscriber;
  Conversation talk([](auto& connection, auto id, const auto&) {
    connection.peer.event_stream(id);
    connection.peer.send(id, "retry: 0\n\n", true);
  });
  EventStreamClient::Options options = quick("/a");
  options.source.reconnection_time_min = std::chrono::milliseconds(10);
  options.jitter = 0.5;
  EventStreamClient stream(talk.loop, talk.connection, std::move(options), subscriber);
  stream.start();
  talk.until([&] { return subscriber.times.size() == 3; });
  for (const auto time : subscriber.times) {
    CHECK(time >= std::chrono::milliseconds(250));  // the first step of the backoff
    CHECK(time <= std::chrono::milliseconds(375));
  }
  CHECK((subscriber.times[0] != subscriber.times[1] || subscriber.times[1] != subscriber.times[2]));
  stream.stop();
  talk.until([&] { return subscriber.ends == 1; });
}

TEST_CASE("a stream on which nothing comes is given up and asked for again from its last event") {
  Subscriber subscriber;
  Conversation talk([](auto& connection, auto id, const ScriptedServer::Stream& stream) {
    connection.peer.event_stream(id);
    connection.peer.send(id, "id: x\ndata: after " + std::string(stream.request.field("last-event-id")) + "\n\n");
  });
  EventStreamClient::Options options = quick("/a");
  options.silence = std::chrono::milliseconds(50);
  EventStreamClient stream(talk.loop, talk.connection, std::move(options), subscriber);
  stream.start();
  talk.until([&] { return subscriber.events.size() == 2; });
  CHECK(subscriber.events[1] == "after x");
  CHECK(subscriber.waits[0] == "nothing came for 50 ms");
  stream.stop();
  talk.until([&] { return subscriber.ends == 1; });
}

TEST_CASE("no wait is longer than its limit, whatever the server says") {
  Subscriber subscriber;
  Conversation talk([](auto& connection, auto id, const auto&) {
    connection.peer.event_stream(id);
    connection.peer.send(id, "retry: 86400000\ndata: 1\n\n", true);
  });
  EventStreamClient::Options options = quick("/a");
  options.wait_max = std::chrono::milliseconds(300);
  EventStreamClient stream(talk.loop, talk.connection, std::move(options), subscriber);
  stream.start();
  talk.until([&] { return subscriber.events.size() == 2; });
  CHECK(subscriber.times[0] == std::chrono::milliseconds(300));
  stream.stop();
  talk.until([&] { return subscriber.ends == 1; });
}

TEST_CASE("a stream may go while it waits, and with its connection while it is open") {
  Subscriber subscriber;
  Conversation talk([](auto& connection, auto id, const auto&) {
    connection.peer.event_stream(id);
    connection.peer.send(id, "data: 1\n\n");
  });
  ConnectionBuffers buffers;
  auto connection =
      std::make_unique<ClientConnection>(talk.loop, buffers, &talk.client_context,
                                         ClientConnection::Options{.host = "localhost", .port = talk.server.port()});
  auto stream = std::make_unique<EventStreamClient>(talk.loop, *connection, quick("/a"), subscriber);
  stream->start();
  talk.until([&] { return subscriber.events.size() == 1; });
  stream->stop();
  connection.reset();
  CHECK(subscriber.ends == 1);
  stream.reset();
}

TEST_CASE("a visitor may stop the stream from its event") {
  struct Once final : EventStreamVisitor {
    void on_event(const proto::sse::EventView&) override {
      ++events;
      stream->stop();
    }
    void on_end(const std::string&) override { ++ends; }
    EventStreamClient* stream = nullptr;
    int events = 0, ends = 0;
  } once;
  Conversation talk([](auto& connection, auto id, const auto&) {
    connection.peer.event_stream(id);
    connection.peer.send(id, "data: 1\n\ndata: 2\n\n");
  });
  EventStreamClient stream(talk.loop, talk.connection, quick("/a"), once);
  once.stream = &stream;
  stream.start();
  talk.until([&] { return once.ends == 1; });
  CHECK(once.events == 1);
}

}  // namespace
}  // namespace sluice::client
