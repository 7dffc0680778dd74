// One conversation with everything in it, run again and again with another step failing: whatever happens, nothing is
// left, and what the client did get was right.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/gateway/serve/conversation.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Conversation;
using tests::Peer;
using tests::PeerOptions;
using tests::TransportScript;
using Lines = std::vector<std::string>;

namespace {

struct Told {
  Lines single, merged;
  std::string posted;
  std::size_t sends = 0, sent = 0, received = 0;
};

Told tell(const TransportScript& transport) {
  config::Config config = Conversation::default_config();
  config.sources[0].history.entries = 4;
  Conversation story(config);
  for (const char* data : {"1", "2", "3"}) story.publish("notes/a", data);
  Peer& peer = story.connect({.transport = transport});
  const auto single = peer.get("/notes/a?last_event_id=earliest");
  const auto merged = peer.get("/all?topic=notes/a&topic=more/x&last_event_id=earliest");
  const auto view = peer.get("/all?topic=notes/**");
  const auto post = peer.request("POST", "/more/x?id=key", {}, "posted");
  story.publish("notes/a", std::string(3000, 'x'));
  peer.reset(view);
  story.pass(20s);
  peer.get("/nowhere");
  story.publish("notes/b", "5");
  Told told{peer.events(single), peer.events(merged), peer.status(post), 0, 0, 0};
  story.drain();
  story.pass(3s);
  CHECK_FALSE(peer.broken);
  told.sends = peer.sends();
  told.sent = peer.sent();
  told.received = peer.received();
  story.check_nothing_left();
  return told;
}

void check_beginning(const Lines& whole, const Lines& part) {
  REQUIRE(part.size() <= whole.size());
  CHECK(std::equal(part.begin(), part.end(), whole.begin()));
}

void check_beginning(const Told& whole, const Told& part) {
  check_beginning(whole.single, part.single);
  check_beginning(whole.merged, part.merged);
}

}  // namespace

TEST_CASE("whichever send the transport refuses, everything arrives all the same") {
  const Told whole = tell({});
  CHECK(whole.single.size() == 4);
  CHECK(whole.merged.size() == 5);
  CHECK(whole.posted == "200");
  for (std::size_t send = 0; send != whole.sends; ++send) {
    CAPTURE(send);
    const Told told = tell({.failing_send = send});
    CHECK(told.single == whole.single);
    CHECK(told.merged == whole.merged);
    CHECK(told.posted == whole.posted);
  }
}

TEST_CASE("however few bytes a send takes, everything arrives all the same") {
  const Told whole = tell({});
  for (const std::size_t piece : {1UL, 2UL, 7UL, 100UL, 1000UL}) {
    CAPTURE(piece);
    const Told told = tell({.piece = piece});
    CHECK(told.single == whole.single);
    CHECK(told.merged == whole.merged);
  }
}

TEST_CASE("wherever the connection is cut on the way to the peer, nothing is left of it") {
  const Told whole = tell({});
  for (std::size_t sent = 0; sent < whole.sent; sent += 61) {
    CAPTURE(sent);
    check_beginning(whole, tell({.cut_after_sent = sent}));
  }
}

TEST_CASE("wherever the connection is cut on the way from the peer, nothing is left of it") {
  const Told whole = tell({});
  for (std::size_t received = 0; received < whole.received; received += 13) {
    CAPTURE(received);
    check_beginning(whole, tell({.cut_after_received = received}));
  }
}
