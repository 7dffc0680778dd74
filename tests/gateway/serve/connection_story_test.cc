#include <doctest/doctest.h>

#include <algorithm>

#include "tests/gateway/serve/conversation.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Conversation;
using tests::Peer;
using Lines = std::vector<std::string>;

namespace {
long comments(Peer& peer, proto::StreamId stream) {
  const Lines lines = peer.events(stream, true);
  return std::ranges::count(lines, "comment");
}
}  // namespace

TEST_CASE("a silent stream gets a heartbeat within 15 s, again and again, and none where data flowed") {
  Conversation story;
  Peer& peer = story.connect();
  const auto silent = peer.get("/notes/silent"), busy = peer.get("/notes/busy");
  for (int second = 0; second != 60; ++second) {
    story.publish("notes/busy", "x");
    story.pass(1s);
    CHECK(comments(peer, silent) >= second / 15);
  }
  CHECK(comments(peer, silent) <= 6);
  CHECK(comments(peer, busy) == 0);
  CHECK(story.services.metrics.heartbeats.value() == static_cast<std::uint64_t>(comments(peer, silent)));
}

TEST_CASE("a peer that is still speaking when its connection ends is told why") {
  Conversation story;
  Peer& peer = story.connect();
  const auto stream = peer.get("/notes/cut");
  const std::string bad_ping = std::string("\0\0\x08\x06\0\0\0\0\x03", 9) + "12345678";  // on a stream, RFC 9113 §6.7
  const std::string good_ping = std::string("\0\0\x08\x06\0\0\0\0\0", 9) + "12345678";
  peer.say({bad_ping, good_ping, good_ping.substr(0, 3)});
  CHECK(peer.http().goaway_code == NGHTTP2_PROTOCOL_ERROR);
  CHECK(peer.http().goaway_last == stream);
  CHECK(peer.http().pings == 0);
  CHECK(peer.closed());
  story.check_nothing_left();
}

TEST_CASE("a drain ends every stream with a retry: of its own, then says goodbye and closes after the round trip") {
  Conversation story;
  Peer& peer = story.connect();
  std::vector<proto::StreamId> streams;
  for (int count = 0; count != 20; ++count) streams.push_back(peer.get("/notes/" + std::to_string(count)));
  story.publish("notes/7", "last words");
  story.drain();
  for (const auto stream : streams) {
    CHECK(peer.response(stream).ended);
    CHECK(peer.events(stream, true).back() == "retry");
  }
  CHECK(peer.events(streams[7]).size() == 1);
  CHECK(peer.http().goaway_code == NGHTTP2_NO_ERROR);
  CHECK(peer.closed());
  CHECK(story.ended(observe::EndReason::drain) == 20);
  story.check_nothing_left();
}

TEST_CASE("a drain of a connection that takes no bytes ends its streams before the goodbye, when it moves again") {
  Conversation story;
  Peer& peer = story.connect();
  const auto stream = peer.get("/notes/a");
  peer.make_room(0);
  story.publish("notes/a", "x");
  story.drain();
  CHECK_FALSE(peer.http().goaway_code);
  peer.make_room(SIZE_MAX);
  CHECK(peer.response(stream).ended);
  CHECK(peer.events(stream, true).back() == "retry");
  CHECK(peer.http().goaway_code == NGHTTP2_NO_ERROR);
  CHECK(peer.closed());
}

TEST_CASE("a stream whose turn a full transport cuts goes on with it, and falls behind nobody") {
  Conversation story;
  Peer& peer = story.connect({.stream_window = 8 * 1024 * 1024});
  std::vector<proto::StreamId> streams;
  peer.give_window(0, 64 * 1024 * 1024);
  for (int count = 0; count != 4; ++count) streams.push_back(peer.get("/notes/a"));
  peer.make_room(0);
  const std::size_t event = 4'000, quantum = story.services.config.limits.stream_quantum;
  for (int count = 0; count != 100; ++count) story.publish("notes/a", std::string(event, 'x'));
  for (int round = 0; round != 5; ++round) {
    peer.make_room(3 * quantum + quantum / 4);  // three turns and the beginning of a fourth
    std::vector<std::size_t> had;
    for (const proto::StreamId stream : streams) had.push_back(peer.events(stream).size());
    CAPTURE(round);
    CHECK(*std::ranges::max_element(had) - *std::ranges::min_element(had) <= quantum / event + 1);
  }
}

TEST_CASE("a stream that is opened while its connection drains is ended with it, before the goodbye") {
  Conversation story;
  Peer& peer = story.connect();
  const auto first = peer.get("/notes/a");
  peer.make_room(0);
  story.publish("notes/a", "x");
  story.drain();
  const auto late = peer.get("/notes/b");
  peer.make_room(SIZE_MAX);
  for (const auto stream : {first, late}) {
    CHECK(peer.response(stream).ended);
    CHECK(peer.events(stream, true).back() == "retry");
  }
  CHECK(peer.http().goaway_code == NGHTTP2_NO_ERROR);
  CHECK(peer.closed());
}

TEST_CASE("a drain does not wait for ever for a peer that takes nothing") {
  Conversation story;
  Peer& peer = story.connect();
  peer.get("/notes/a");
  peer.make_room(0);
  story.publish("notes/a", "x");
  story.drain();
  story.pass(4s);
  CHECK(peer.closed());
  story.check_nothing_left();
}

TEST_CASE("a connection without streams is closed after limits.idle_timeout, one with a stream is not") {
  Conversation story;
  Peer& idle = story.connect();
  Peer& used = story.connect();
  used.get("/notes/a");
  story.pass(60s);
  CHECK_FALSE(idle.closed());
  story.pass(2s);
  CHECK(idle.closed());
  CHECK(idle.http().goaway_code == NGHTTP2_NO_ERROR);
  CHECK_FALSE(used.closed());
  CHECK(story.hits(observe::Limit::idle_timeout) == 1);
  story.check_nothing_left();
}

TEST_CASE("a peer that answers PING lives; one that is gone without a word is noticed (limits.ping_timeout)") {
  Conversation story;
  Peer& alive = story.connect();
  alive.get("/notes/a");
  Peer& gone = story.connect();
  gone.get("/notes/a");
  const std::size_t received = gone.received();
  gone.lose_input();
  story.pass(45s);
  CHECK(gone.received() == received);
  CHECK(gone.closed());
  CHECK(alive.http().pings > 0);
  CHECK_FALSE(alive.closed());
  CHECK(story.hits(observe::Limit::ping_timeout) == 1);
  story.check_nothing_left();
}

TEST_CASE("a PING that waits behind bytes which the peer takes slowly does not end the connection") {
  Conversation story;
  Peer& peer = story.connect();
  peer.get("/notes/a");
  peer.make_room(0);
  story.publish("notes/a", std::string(10'000, 'x'));
  for (int second = 0; second != 90; ++second) {
    if (second % 10 == 0) peer.make_room(10);
    story.pass(1s);
    REQUIRE_FALSE(peer.closed());
  }
  peer.make_room(SIZE_MAX);
  story.pass(1s);
  CHECK_FALSE(peer.closed());
  CHECK(peer.http().pings == 1);
  CHECK(story.hits(observe::Limit::ping_timeout) == 0);
  story.check_nothing_left();
}

TEST_CASE("a PING that has waited behind other bytes is given limits.ping_timeout from when it went") {
  Conversation story;
  Peer& peer = story.connect();
  peer.get("/notes/a");
  peer.make_room(0);
  story.publish("notes/a", std::string(10'000, 'x'));
  for (int second = 0; second != 60; ++second) {
    if (second % 10 == 0) peer.make_room(10);
    story.pass(1s);
  }
  peer.lose_input();
  peer.make_room(SIZE_MAX);
  story.pass(9s);
  CHECK_FALSE(peer.closed());
  story.pass(3s);
  CHECK(peer.closed());
  CHECK(story.hits(observe::Limit::ping_timeout) == 1);
  story.check_nothing_left();
}

TEST_CASE("a handshake that does not end is cut after limits.tls_handshake_timeout") {
  Conversation story;
  Peer& peer = story.connect({.transport = {.capacity = 0}});
  story.pass(10s);
  CHECK_FALSE(peer.closed());
  story.pass(2s);
  CHECK(peer.closed());
  CHECK(story.hits(observe::Limit::handshake_timeout) == 1);
  CHECK(story.services.metrics.tls_handshakes[observe::Handshake::timeout].value() == 1);
  story.check_nothing_left();
}

TEST_CASE("what cannot be answered is refused with a status and a small JSON body") {
  Conversation story;
  Peer& peer = story.connect();
  struct Row {
    const char *method, *path;
    test::Fields fields;
    const char *status, *error;
  };
  const Row rows[] = {
      {"GET", "/nowhere", {}, "404", "not-found"},
      {"DELETE", "/notes/a", {}, "405", "method-not-allowed"},
      {"POST", "/all", {}, "405", "method-not-allowed"},
      {"GET", "/notes/a", {{"accept", "text/html"}}, "406", nullptr},
      {"GET", "/notes/%2e%2e", {}, "400", "bad-path"},
      {"GET", "/notes/a?end=%zz", {}, "400", "bad-query"},
      {"GET", "/all?topic=other", {}, "404", "no-such-topic"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.path);
    const auto stream = peer.request(row.method, row.path, row.fields);
    CHECK(peer.status(stream) == row.status);
    CHECK(peer.field(stream, "content-type").starts_with("application/json"));
    CHECK(peer.response(stream).body.starts_with("{\"error\":\""));
    if (row.error != nullptr) CHECK(peer.response(stream).body.find(row.error) != std::string::npos);
    CHECK(peer.response(stream).ended);
    if (std::string_view(row.status) == "405") CHECK(peer.field(stream, "allow").find("GET") != std::string::npos);
  }
  const auto head = peer.request("HEAD", "/nowhere");
  CHECK(peer.status(head) == "404");
  CHECK(peer.response(head).body.empty());
  CHECK(peer.response(head).ended);
  story.check_nothing_left();
}

TEST_CASE("a page of a listed origin may subscribe and read ids, a stranger's gets no permission") {
  Conversation story;
  Peer& peer = story.connect();
  const auto listed = peer.get("/notes/a", {{"origin", "https://app.example.com"}});
  CHECK(peer.field(listed, "access-control-allow-origin") == "https://app.example.com");
  CHECK(peer.field(listed, "access-control-expose-headers").find("last-event-id") != std::string::npos);
  CHECK(peer.field(listed, "vary").find("origin") != std::string::npos);
  const auto stranger = peer.get("/notes/a", {{"origin", "https://evil.example"}});
  CHECK(peer.field(stranger, "access-control-allow-origin").empty());
  const auto preflight = peer.request(
      "OPTIONS", "/notes/a", {{"origin", "https://app.example.com"}, {"access-control-request-method", "POST"}});
  CHECK(peer.status(preflight) == "204");
  CHECK(peer.field(preflight, "access-control-allow-methods").find("POST") != std::string::npos);
  CHECK(peer.response(preflight).ended);
}
