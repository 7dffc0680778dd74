#include "gateway/client/event_stream_client.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/gateway/client/conversation.h"

namespace sluice::client {
namespace {

using test::LoopbackServer;
using test::ScriptedServer;

struct Subscriber final : EventStreamVisitor {
  void on_open(const proto::ResponseHead&) override { ++opens; }
  void on_event(const proto::sse::EventView& event) override { events.emplace_back(event.data); }
  void on_reconnecting(std::chrono::milliseconds, const std::string& why) override { waits.push_back(why); }
  void on_end(const std::string& why) override {
    ++ends;
    end_reason = why;
  }
  int opens = 0, ends = 0;
  std::vector<std::string> events, waits;
  std::string end_reason;
};

EventStreamClient::Options quick(std::string path) {
  EventStreamClient::Options options;
  options.request = {"", "", "localhost", std::move(path), "", {}};
  options.source.reconnection_time = options.source.reconnection_time_min = std::chrono::milliseconds(1);
  return options;
}

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
