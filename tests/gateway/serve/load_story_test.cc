#include <doctest/doctest.h>

#include <algorithm>

#include "tests/gateway/serve/conversation.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Conversation;
using tests::Peer;
using Lines = std::vector<std::string>;

namespace {

config::Config config_with(std::uint32_t streams, std::uint32_t accept_rate = 0) {
  config::Config config = Conversation::default_config();
  config.limits.streams = streams;
  config.limits.accept_rate = accept_rate;
  config.retry = {.min = 1s, .max = 60s};
  return config;
}

// The reconnection times of a stream, in milliseconds, in the order in which they came.
std::vector<int> retries(Peer& peer, proto::StreamId stream) {
  std::vector<int> found;
  const std::string& body = peer.response(stream).body;
  for (std::size_t at = body.find("retry: "); at != std::string::npos; at = body.find("retry: ", at + 1))
    found.push_back(std::stoi(body.substr(at + 7)));
  return found;
}

// As if that were the load for as long as a worker looks at it again.
void set_load(Conversation& story, std::uint64_t streams) {
  story.services.retry.adjust({.load_percent = 0, .streams = streams, .accept_rate = 1'000}, story.services.now);
}

}  // namespace

TEST_CASE("over limits.streams an EventSource gets a time to come back, and is served when there is room") {
  Conversation story(config_with(1));
  Peer& first = story.connect();
  const auto held = first.get("/notes/a", {{"accept", "text/event-stream"}});
  Peer& second = story.connect();
  const auto refused = second.get("/notes/a", {{"accept", "text/event-stream"}});
  CHECK(second.status(refused) == "200");
  CHECK(second.events(refused, true) == Lines{"retry", R"(sluice.busy|{"reason":"limits.streams"}|)"});
  CHECK(second.response(refused).ended);
  const auto wait = retries(second, refused);
  REQUIRE(wait.size() == 1);
  CHECK(wait.front() >= 1'000);
  CHECK(wait.front() <= 1'300);  // the first slots are free
  CHECK(story.services.metrics.busy[observe::BusyReason::streams].value() == 1);
  first.reset(held);
  story.pass(2s);
  CHECK(second.events(second.get("/notes/a", {{"accept", "text/event-stream"}}), true).size() == 2);
  story.check_nothing_left();
}

TEST_CASE("over limits.streams who did not ask for an event stream gets 503 and when to come back") {
  Conversation story(config_with(1));
  Peer& peer = story.connect();
  (void)peer.get("/notes/a");
  const auto refused = peer.get("/notes/a", {{"accept", "*/*"}});
  CHECK(peer.status(refused) == "503");
  CHECK(peer.field(refused, "retry-after") == "2");
  CHECK(peer.response(refused).body.find("limits.streams") != std::string::npos);
}

TEST_CASE("above the configured accept rate arrivals are spread, and those who are in stay in") {
  Conversation story(config_with(1'000, 20));
  story.services.admission.set_rate(20);
  Peer& peer = story.connect();
  int served = 0, busy = 0;
  std::vector<int> waits;
  for (int arrival = 0; arrival != 50; ++arrival) {
    const auto stream = peer.get("/notes/a", {{"accept", "text/event-stream"}});
    const bool refused = peer.events(stream, true).back().starts_with("sluice.busy");
    ++(refused ? busy : served);
    if (refused) waits.push_back(retries(peer, stream).front());
  }
  CHECK(served == 12);  // of half a second, and a fifth more
  REQUIRE(busy == 38);
  CHECK(*std::ranges::max_element(waits) - *std::ranges::min_element(waits) > 1'000);
}

TEST_CASE("a connection over limits.connections is told so on each stream, and closed") {
  Conversation story(config_with(100));
  Peer& peer = story.connect();
  peer.connection().set_surplus();
  const auto refused = peer.get("/notes/a", {{"accept", "text/event-stream"}});
  CHECK(peer.events(refused, true) == Lines{"retry", R"(sluice.busy|{"reason":"limits.connections"}|)"});
  story.pass(4s);
  CHECK(peer.closed());
}

TEST_CASE("a stream is given a new reconnection time with its next event when the load has changed, not before") {
  Conversation story(config_with(1'000'000));
  set_load(story, 1'000);
  Peer& peer = story.connect();
  const auto busy = peer.get("/notes/a"), quiet = peer.get("/notes/b");
  REQUIRE(retries(peer, busy).size() == 1);
  CHECK(retries(peer, busy).front() <= 2'000);
  story.publish("notes/a", "before");
  story.pass(31s);
  set_load(story, 50'000);
  const std::size_t sent = peer.sent();
  story.pass(0s);
  CHECK(peer.sent() == sent);  // a hint alone is no reason to write
  story.publish("notes/a", "after");
  CHECK(retries(peer, busy).size() == 2);
  CHECK(peer.events(busy).size() == 2);
  CHECK(retries(peer, quiet).size() == 1);
  story.publish("notes/a", "once only");
  CHECK(retries(peer, busy).size() == 2);
  story.pass(16s);  // a heartbeat
  CHECK(retries(peer, quiet).size() == 2);
  story.check_nothing_left();
}

TEST_CASE("a connection is counted once when it has 90 % of limits.streams_per_connection open") {
  config::Config config = Conversation::default_config();
  config.limits.http2.streams = 10;
  Conversation story(config);
  Peer& peer = story.connect();
  std::vector<proto::StreamId> streams;
  for (int count = 0; count != 8; ++count) streams.push_back(peer.get("/notes/a"));
  const observe::Counter& counted = story.services.metrics.connections_near_stream_limit;
  CHECK(counted.value() == 0);
  streams.push_back(peer.get("/notes/a"));
  CHECK(counted.value() == 1);
  peer.reset(streams.front());
  peer.get("/notes/a");
  CHECK(counted.value() == 1);
  Peer& other = story.connect();
  for (int count = 0; count != 8; ++count) (void)other.get("/notes/a");
  CHECK(counted.value() == 1);
  story.check_nothing_left();
}
