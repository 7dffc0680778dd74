#include <doctest/doctest.h>

#include <algorithm>

#include "tests/gateway/serve/conversation.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Conversation;
using tests::Peer;
using tests::PeerOptions;
using Lines = std::vector<std::string>;

TEST_CASE("a subscriber without window lags and costs nothing; when retention passes it, it is told what it lost") {
  config::Config config = Conversation::default_config();
  config.sources[0].history.entries = 3;
  Conversation story(config);
  Peer& peer = story.connect({.stream_window = 400, .returns_window = false});
  const auto slow = peer.get("/notes/a");
  const std::size_t before = peer.response(slow).body.size();
  for (int number = 1; number <= 50; ++number) story.publish("notes/a", "number " + std::to_string(number));
  CHECK(peer.response(slow).body.size() == 400);
  CHECK(before < 400);
  peer.give_window(slow, 100'000);
  const Lines lines = peer.events(slow);
  const auto gap = std::ranges::find_if(lines, [](const auto& line) { return line.starts_with("sluice.gap"); });
  REQUIRE(gap != lines.end());
  const auto seen = static_cast<std::size_t>(gap - lines.begin());  // 1 … seen, a gap, 48, 49, 50
  CHECK(gap->find("\"count\":" + std::to_string(47 - seen)) != std::string::npos);
  CHECK(gap->find("slow_consumer") != std::string::npos);
  REQUIRE(lines.size() == seen + 4);
  CHECK(lines[seen + 1].starts_with("message|number 48|"));
  CHECK(lines.back().starts_with("message|number 50|"));
  CHECK(story.services.metrics.gaps[observe::GapReason::slow_consumer].value() == 1);
  story.check_nothing_left();
}

TEST_CASE("a reader that takes a byte now and then does not make the gateway keep a gap for each loss") {
  config::Config config = Conversation::default_config();
  config.sources[0].history.entries = 1;
  Conversation story(config);
  Peer& peer = story.connect({.stream_window = 200, .returns_window = false});
  const auto slow = peer.get("/notes/a");
  for (int number = 0; number != 300; ++number) {
    story.publish("notes/a", "x");
    peer.give_window(slow, 1);
  }
  peer.give_window(slow, 60'000);
  const Lines lines = peer.events(slow);
  CHECK(std::ranges::count_if(lines, [](const auto& line) { return line.starts_with("sluice.gap"); }) < 10);
  CHECK(lines.back().ends_with(story.services.topics[0]->format().text_of(300).value_or("")));
}

TEST_CASE("an event of 1 MiB comes through windows of 64 KiB, and others on the connection are served meanwhile") {
  Conversation story;
  Peer& peer = story.connect();
  const auto large = peer.get("/notes/large"), small = peer.get("/notes/small");
  const std::string data(1024 * 1024, 'x');
  const std::string id = story.publish("notes/large", data);
  story.publish("notes/small", "1");
  CHECK(peer.events(large) == Lines{"message|" + data + "|" + id});
  CHECK(peer.events(small).size() == 1);
  CHECK_FALSE(peer.broken);
}

TEST_CASE("streams of one connection are served in turn: a long backlog does not keep a short one waiting") {
  config::Config config = Conversation::default_config();
  config.limits.stream_quantum = 4096;
  Conversation story(config);
  for (int number = 0; number != 100; ++number) story.publish("notes/a", std::string(1000, 'x'));
  // The connection's window ends after 64 KiB: what came within it shows who was served.
  Peer& peer = story.connect({.stream_window = 60'000, .returns_window = false});
  peer.get("/notes/first");
  peer.make_room(0);
  story.publish("notes/first", "x");  // the transport is full: nobody is served until there is room
  std::vector<proto::StreamId> streams;
  for (int count = 0; count != 8; ++count) streams.push_back(peer.get("/notes/a?last_event_id=earliest"));
  peer.make_room(SIZE_MAX);
  std::size_t least = SIZE_MAX, most = 0;
  for (const auto stream : streams) {
    least = std::min(least, peer.response(stream).body.size());
    most = std::max(most, peer.response(stream).body.size());
  }
  CHECK(least > 2000);
  CHECK(most - least <= 3 * 4096);
}

TEST_CASE("a connection's window that is too small for all streams goes round among them") {
  Conversation story;
  Peer& peer = story.connect({.returns_window = false});
  std::vector<proto::StreamId> streams;
  for (int count = 0; count != 8; ++count) streams.push_back(peer.get("/notes/a"));
  for (int number = 0; number != 40; ++number) story.publish("notes/a", std::string(1000, 'x'));
  for (int turn = 0; turn != 8; ++turn) peer.give_window(0, 8'000);
  for (const auto stream : streams) CHECK(peer.response(stream).body.size() > 7'000);
}

TEST_CASE("a stream that takes nothing for limits.stall_timeout ends as slow; the others go on") {
  Conversation story;
  Peer& peer = story.connect({.stream_window = 2000, .returns_window = false});
  const auto stalled = peer.get("/notes/a"), quiet = peer.get("/notes/b");
  for (int number = 0; number != 30; ++number) story.publish("notes/a", std::string(100, 'x'));
  story.pass(29s);
  CHECK_FALSE(peer.response(stalled).ended);
  story.pass(12s);  // the streams of a connection are looked at every 5 s
  CHECK(peer.response(stalled).ended);
  CHECK_FALSE(peer.response(quiet).ended);
  story.publish("notes/b", "still here");
  CHECK(peer.events(quiet).size() == 1);
  CHECK(story.hits(observe::Limit::stall_timeout) == 1);
  CHECK(story.ended(observe::EndReason::slow) == 1);
  story.check_nothing_left();
}

TEST_CASE("a slow reader that moves is not ended") {
  Conversation story;
  Peer& peer = story.connect({.stream_window = 1000, .returns_window = false});
  const auto slow = peer.get("/notes/a");
  for (int number = 0; number != 100; ++number) story.publish("notes/a", std::string(100, 'x'));
  for (int minute = 0; minute != 20; ++minute) {
    story.pass(10s);
    peer.give_window(slow, 100);
  }
  CHECK_FALSE(peer.response(slow).ended);
  CHECK(story.hits(observe::Limit::stall_timeout) == 0);
}

TEST_CASE("stalled and slow streams are told apart also while the stream's clock, 32 bits of milliseconds, wraps") {
  for (const auto before : {1s, 8s, 20s, 35s}) {
    CAPTURE(before.count());
    Conversation story;
    constexpr std::int64_t wraps_at = (std::int64_t{1} << 32) * 7;
    story.services.now = topic::TimePoint(std::chrono::milliseconds(wraps_at)) - before;
    Peer& peer = story.connect({.stream_window = 2000, .returns_window = false});
    const auto stalled = peer.get("/notes/a"), slow = peer.get("/notes/a");
    for (int number = 0; number != 30; ++number) story.publish("notes/a", std::string(100, 'x'));
    for (int second = 0; second != 29; ++second) {
      if (second % 10 == 0) peer.give_window(slow, 10);
      story.pass(1s);
      REQUIRE_FALSE(peer.response(stalled).ended);
    }
    for (int second = 0; second != 60; ++second) {
      if (second % 10 == 0) peer.give_window(slow, 10);
      story.pass(1s);
    }
    CHECK(peer.response(stalled).ended);
    CHECK_FALSE(peer.response(slow).ended);
    CHECK(story.ended(observe::EndReason::slow) == 1);
    story.check_nothing_left();
  }
}

TEST_CASE("a transport that takes one byte at a time changes nothing but the speed") {
  Lines expected, got;
  for (const std::size_t piece : {SIZE_MAX, std::size_t{1}}) {
    Conversation story;
    Peer& peer = story.connect({.transport = {.piece = piece}});
    const auto stream = peer.get("/notes/a");
    for (const char* data : {"one", "two", "three"}) story.publish("notes/a", data);
    CHECK_FALSE(peer.broken);
    (piece == 1 ? got : expected) = peer.events(stream);
    story.check_nothing_left();
  }
  CHECK(got == expected);
  CHECK(got.size() == 3);
}

TEST_CASE("a transport that is full is not written to, and everything follows in order when there is room") {
  Conversation story;
  Peer& peer = story.connect();
  const auto stream = peer.get("/notes/a");
  peer.make_room(0);
  const std::size_t sends = peer.sends();
  for (int number = 0; number != 200; ++number) story.publish("notes/a", std::to_string(number));
  CHECK(peer.sends() == sends + 1);  // after the first refusal nobody tries again
  CHECK(peer.events(stream).empty());
  peer.make_room(SIZE_MAX);
  const Lines lines = peer.events(stream);
  REQUIRE(lines.size() == 200);
  for (int number = 0; number != 200; ++number)
    CHECK(lines[static_cast<std::size_t>(number)].starts_with("message|" + std::to_string(number) + "|"));
}

TEST_CASE("a transport that takes nothing for limits.stall_timeout is cut, and its streams end as slow") {
  Conversation story;
  Peer& peer = story.connect();
  peer.get("/notes/a");
  peer.make_room(0);
  story.publish("notes/a", "x");
  story.pass(29s);
  CHECK_FALSE(peer.closed());
  story.pass(3s);
  CHECK(peer.closed());
  CHECK(story.ended(observe::EndReason::slow) == 1);
  story.check_nothing_left();
}

TEST_CASE("a stream that is not read leaves room for the others, whatever the windows") {
  for (const std::uint32_t window : {std::uint32_t{65'535}, std::uint32_t{6 * 1024 * 1024}}) {
    CAPTURE(window);
    Conversation story;
    Peer& peer = story.connect({.stream_window = window, .returns_window = false});
    if (window > 65'535) peer.give_window(0, 15 * 1024 * 1024);
    const auto hungry = peer.get("/notes/hungry");
    const auto modest = peer.get("/notes/modest");
    for (int number = 0; number != 80; ++number)
      story.publish("notes/hungry", std::string(window > 65'535 ? 100'000 : 1000, 'x'));
    story.publish("notes/modest", "still here");
    // The connection's window has room for both streams' whole windows, or it is no larger than one of them.
    CHECK(peer.response(hungry).body.size() <= (window > 65'535 ? window : window - window / 4));
    CHECK(peer.response(hungry).body.size() > window / 2);
    CHECK(peer.events(modest).size() == 1);
  }
}

TEST_CASE("when the streams of a connection starve, the one that holds the window and does not move is ended") {
  Conversation story;
  Peer& peer = story.connect({.returns_window = false});
  const auto hungry = peer.get("/notes/hungry");
  const auto second = peer.get("/notes/second");
  for (int number = 0; number != 80; ++number) story.publish("notes/hungry", std::string(1000, 'x'));
  for (int number = 0; number != 20; ++number) story.publish("notes/second", std::string(1000, 'y'));
  story.pass(4s);
  CHECK(story.ended(observe::EndReason::slow) == 0);
  story.pass(4s);
  CHECK(story.ended(observe::EndReason::slow) == 1);
  CHECK(peer.response(hungry).code == static_cast<std::uint32_t>(proto::ErrorCode::cancel));
  CHECK_FALSE(peer.response(second).ended);
}
