// Streams by value: snapshots for who is new, rounds for who is slow, and topics that are not flushed for each event.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "tests/gateway/serve/conversation.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Conversation;
using tests::Peer;
using Lines = std::vector<std::string>;

namespace {

config::Config with_snapshot() {
  config::Config config = Conversation::default_config();
  config.sources[0].snapshot = true;
  return config;
}

config::Config with_slow(config::Slow slow) {
  config::Config config = Conversation::default_config();
  for (config::Route& route : config.routes) route.slow = slow;
  config.limits.conflate_lag = 10;
  return config;
}

// The lines of one kind: "sluice.snapshot", "message".
Lines of_type(const Lines& lines, std::string_view type) {
  Lines found;
  for (const std::string& line : lines)
    if (line.starts_with(std::string(type) + "|")) found.push_back(line);
  return found;
}

}  // namespace

TEST_CASE("a new subscriber gets the newest value of each key, without ids, then goes on with what comes") {
  Conversation story(with_snapshot());
  story.publish("notes/a", "x1", "", "x");
  story.publish("notes/a", "y1", "", "y");
  const std::string taken = story.publish("notes/a", "x2", "", "x");
  Peer& peer = story.connect();
  const auto stream = peer.get("/notes/a");
  const std::string closed = R"(sluice.snapshot|{"topic":"notes/a","events":2,"complete":true}|)" + taken;
  CHECK(peer.events(stream) == Lines{"message|y1|", "message|x2|", closed});
  const std::string next = story.publish("notes/a", "y2", "", "y");
  CHECK(peer.events(stream).back() == "message|y2|" + next);
  CHECK(peer.last_event_id(stream) == next);
  story.check_nothing_left();
}

TEST_CASE("until a snapshot is whole the stream has no id, so that a cut begins it anew; after it an id resumes") {
  Conversation story(with_snapshot());
  for (int number = 0; number != 50; ++number)
    story.publish("notes/a", std::string(100, 'x'), "", "key " + std::to_string(number));
  Peer& slow = story.connect({.stream_window = 2000, .returns_window = false});
  const auto cut = slow.get("/notes/a");
  CHECK(of_type(slow.events(cut), "message").size() > 5);
  CHECK(of_type(slow.events(cut), "sluice.snapshot").empty());
  CHECK(slow.last_event_id(cut).empty());
  Peer& peer = story.connect();
  const auto whole = peer.get("/notes/a");
  CHECK(of_type(peer.events(whole), "message").size() == 50);
  const std::string id = peer.last_event_id(whole);
  story.publish("notes/a", "new", "", "key 7");
  const auto resumed = peer.get("/notes/a", {{"last-event-id", id}});
  CHECK(of_type(peer.events(resumed), "message").size() == 1);
  CHECK(of_type(peer.events(resumed), "sluice.snapshot").empty());
  story.check_nothing_left();
}

TEST_CASE("a snapshot over several topics and sources: one part of the id each, once all of that source are sent") {
  Conversation story(with_snapshot());
  story.publish("notes/a", "of a");
  story.publish("notes/b", "of b");
  story.publish("more/c", "history");
  Peer& peer = story.connect();
  const auto stream = peer.get("/all?topic=notes/a&topic=notes/b&topic=more/c");
  const Lines lines = peer.events(stream);
  const Lines closed = of_type(lines, "sluice.snapshot");
  REQUIRE(closed.size() == 2);
  CHECK(closed[0].find("notes=") == std::string::npos);  // b is still to come
  CHECK(closed[1].find("notes=") != std::string::npos);
  CHECK(of_type(lines, "message").size() == 2);
  const auto again =
      peer.get("/all?topic=notes/a&topic=notes/b&topic=more/c", {{"last-event-id", peer.last_event_id(stream)}});
  CHECK(peer.events(again).empty());
  story.check_nothing_left();
}

TEST_CASE("a wildcard begins with the newest value of each of its topics") {
  Conversation story(with_snapshot());
  story.publish("notes/a", "a1");
  story.publish("notes/a", "a2");
  story.publish("notes/b", "b1");
  Peer& peer = story.connect();
  const auto stream = peer.get("/all?topic=notes/**");
  CHECK(of_type(peer.events(stream), "message") == Lines{"message|a2|", "message|b1|"});
  story.publish("notes/c", "c1");
  CHECK(of_type(peer.events(stream), "message").size() == 3);
  story.check_nothing_left();
}

TEST_CASE("earliest is all history, also of a source with snapshots") {
  Conversation story(with_snapshot());
  story.publish("notes/a", "1");
  story.publish("notes/a", "2");
  Peer& peer = story.connect();
  CHECK(of_type(peer.events(peer.get("/notes/a?last_event_id=earliest")), "message").size() == 2);
}

TEST_CASE("the values of a snapshot outlive the ring, and the topic with them") {
  config::Config config = with_snapshot();
  config.sources[0].history.age = 1s;
  Conversation story(config);
  story.publish("notes/a", "x1", "", "x");
  story.pass(200s);
  CHECK(story.services.topics[0]->entry_count() == 0);
  Peer& peer = story.connect();
  CHECK(of_type(peer.events(peer.get("/notes/a")), "message") == Lines{"message|x1|"});
}

TEST_CASE("a slow reader of values is never more than a round behind: the newest of each key, in one go") {
  config::Config config = with_slow(config::Slow::conflate);
  config.sources[0].history.entries = 40;  // shorter than what it misses
  Conversation story(config);
  Peer& peer = story.connect({.stream_window = 600, .returns_window = false});
  const auto slow = peer.get("/notes/a");
  std::map<std::string, int> published;
  int value = 0;
  for (int turn = 0; turn != 20; ++turn) {
    for (int count = 0; count != 100; ++count) {
      const std::string key = "key" + std::to_string(value % 7);
      story.publish("notes/a", key + "=" + std::to_string(value), "", key);
      published[key] = value++;
    }
    peer.give_window(slow, 300);
  }
  peer.give_window(slow, 60'000);
  const Lines lines = peer.events(slow);
  std::map<std::string, int> seen;
  for (const std::string& line : of_type(lines, "message")) {
    const std::size_t equals = line.find('=');
    const std::string key = line.substr(8, equals - 8);
    const int number = std::stoi(line.substr(equals + 1));
    const auto before = seen.find(key);
    CHECK((before == seen.end() || before->second < number));  // never an older one again
    seen[key] = number;
  }
  CHECK(seen == published);
  CHECK(of_type(lines, "sluice.gap").empty());
  CHECK(of_type(lines, "sluice.snapshot").size() > 2);
  CHECK(lines.size() < 500);
  CHECK(story.services.metrics.events_conflated.value() + of_type(lines, "message").size() == 2000);
  // The id that it has now goes on after all of it.
  const auto again = peer.get("/notes/a", {{"last-event-id", peer.last_event_id(slow)}});
  CHECK(peer.events(again).empty());
  story.check_nothing_left();
}

TEST_CASE("events without a key are all sent to a slow reader of values; what retention took of them is announced") {
  config::Config config = with_slow(config::Slow::conflate);
  config.sources[0].history.entries = 60;
  Conversation story(config);
  Peer& peer = story.connect({.stream_window = 300, .returns_window = false});
  const auto slow = peer.get("/notes/a");
  for (int number = 0; number != 40; ++number) {
    story.publish("notes/a", "value " + std::to_string(number), "", "key");
    if (number % 10 == 0) story.publish("notes/a", "plain " + std::to_string(number));
  }
  peer.give_window(slow, 60'000);
  Lines lines = peer.events(slow);
  CHECK(std::ranges::count_if(lines, [](const auto& line) { return line.starts_with("message|plain"); }) == 4);
  CHECK(of_type(lines, "sluice.gap").empty());

  Peer& late = story.connect({.stream_window = 300, .returns_window = false});
  const auto lost = late.get("/notes/b");
  for (int number = 0; number != 100; ++number) story.publish("notes/b", "plain " + std::to_string(number));
  late.give_window(lost, 60'000);
  CHECK(of_type(late.events(lost), "sluice.gap").size() == 1);
  story.check_nothing_left();
}

TEST_CASE("slow = \"disconnect\": who has lost something is ended and may resume; who only lags is not") {
  config::Config config = with_slow(config::Slow::disconnect);
  config.sources[0].history.entries = 20;
  Conversation story(config);
  Peer& peer = story.connect({.stream_window = 300, .returns_window = false});
  const auto slow = peer.get("/notes/a");
  for (int number = 0; number != 20; ++number) story.publish("notes/a", "number " + std::to_string(number));
  CHECK_FALSE(peer.response(slow).ended);
  for (int number = 0; number != 30; ++number) story.publish("notes/a", "number " + std::to_string(number));
  peer.give_window(slow, 60'000);
  CHECK(peer.response(slow).ended);
  CHECK(of_type(peer.events(slow), "sluice.gap").empty());
  CHECK(story.ended(observe::EndReason::slow) == 1);
  const auto again = peer.get("/notes/a", {{"last-event-id", peer.last_event_id(slow)}});
  CHECK(of_type(peer.events(again), "sluice.gap").size() == 1);
  story.check_nothing_left();
}

TEST_CASE("flush_interval: the first event after silence goes at once, those that follow go together") {
  config::Config config = Conversation::default_config();
  for (config::Route& route : config.routes)
    if (route.path == "/notes/**") route.flush_interval = 5s;
  Conversation story(config);
  Peer& peer = story.connect();
  const auto stream = peer.get("/notes/a");
  story.pass(10s);
  story.publish("notes/a", "first");
  CHECK(peer.events(stream).size() == 1);
  story.publish("notes/a", "second");
  story.publish("notes/a", "third");
  CHECK(peer.events(stream).size() == 1);
  story.pass(4s);
  CHECK(peer.events(stream).size() == 1);
  const std::size_t sends = peer.sends();
  story.pass(1s);
  CHECK(peer.events(stream).size() == 3);
  CHECK(peer.sends() == sends + 1);
  story.check_nothing_left();
}
