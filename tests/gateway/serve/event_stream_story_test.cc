#include <doctest/doctest.h>

#include <algorithm>

#include "tests/gateway/serve/conversation.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Conversation;
using tests::Peer;
using Lines = std::vector<std::string>;

namespace {

config::Config keeping(std::size_t entries) {
  config::Config config = Conversation::default_config();
  for (config::Source& source : config.sources) source.history.entries = entries;
  return config;
}

std::string gap(const std::string& topic, const std::string& from, const std::string& to, const char* count,
                const char* reason) {
  return "sluice.gap|{\"topic\":\"" + topic + "\",\"from\":\"" + from + "\",\"to\":\"" + to + "\",\"count\":" + count +
         ",\"reason\":\"" + reason + "\"}|" + to;
}

std::string position(Conversation& story, topic::Sequence sequence) {
  return story.services.topics[0]->format().text_of(sequence).value_or("");
}

// With a source that knows its topics.
config::Config with_demo() {
  config::Config config = Conversation::default_config();
  config::Source demo;
  demo.name = "demo";
  demo.url = "demo:";
  config.sources.push_back(demo);
  config::Route route;
  route.path = "/demo/**";
  route.source = "demo";
  config.routes.push_back(route);
  config.routes[2].topics.emplace_back("demo/**");  // "/all"
  return config;
}

}  // namespace

TEST_CASE("a subscriber first gets sluice.open with its place, then the events as they are published") {
  Conversation story;
  Peer& peer = story.connect();
  const auto stream = peer.get("/notes/a");
  CHECK(peer.status(stream) == "200");
  CHECK(peer.field(stream, "content-type") == "text/event-stream");
  CHECK(peer.field(stream, "cache-control") == "no-cache");
  Lines lines = peer.events(stream, true);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == "retry");
  CHECK(lines[1].starts_with(R"(sluice.open|{"topics":["notes/a"],"resumed":false,"retry":)"));
  CHECK(lines[1].ends_with("|" + position(story, 0)));
  const std::string first = story.publish("notes/a", "hello");
  story.publish("notes/b", "for others");
  const std::string second = story.publish("notes/a", "two\nlines", "note");
  CHECK(peer.events(stream) == Lines{"message|hello|" + first, "note|two\nlines|" + second});
  story.check_nothing_left();
}

TEST_CASE("a client that comes back with its last event id gets what it missed, by header or by query") {
  Conversation story;
  const std::string first = story.publish("notes/a", "1");
  const std::string second = story.publish("notes/a", "2");
  Peer& peer = story.connect();
  const auto by_header = peer.get("/notes/a", {{"last-event-id", first}});
  const auto by_query = peer.get("/notes/a?last_event_id=" + first);
  for (const auto stream : {by_header, by_query}) {
    CHECK(peer.events(stream) == Lines{"message|2|" + second});
    CHECK(peer.events(stream, true)[1].find("\"resumed\":true") != std::string::npos);
    CHECK(peer.field(stream, "last-event-id") == first);
  }
  const auto earliest = peer.get("/notes/a?last_event_id=earliest");
  CHECK(peer.events(earliest) == Lines{"message|1|" + first, "message|2|" + second});
  story.check_nothing_left();
}

TEST_CASE("a stream that was cut before its first event resumes from the id of sluice.open") {
  Conversation story;
  Peer& peer = story.connect();
  const auto stream = peer.get("/notes/a");
  const std::string id = peer.last_event_id(stream);
  peer.reset(stream);
  const std::string first = story.publish("notes/a", "missed");
  CHECK(peer.events(peer.get("/notes/a", {{"last-event-id", id}})) == Lines{"message|missed|" + first});
  CHECK(story.ended(observe::EndReason::peer_cancelled) == 1);
}

TEST_CASE("what retention has taken is announced before the next event, and only once") {
  Conversation story(keeping(2));
  for (const char* data : {"1", "2", "3", "4"}) story.publish("notes/a", data);
  Peer& peer = story.connect();
  const auto stream = peer.get("/notes/a", {{"last-event-id", position(story, 1)}});
  CHECK(peer.events(stream) == Lines{gap("notes/a", position(story, 1), position(story, 2), "null", "trimmed"),
                                     "message|3|" + position(story, 3), "message|4|" + position(story, 4)});
  CHECK(peer.events(stream, true)[1].find("\"resumed\":false") != std::string::npos);
  const auto again = peer.get("/notes/a", {{"last-event-id", position(story, 2)}});
  CHECK(peer.events(again) == Lines{"message|3|" + position(story, 3), "message|4|" + position(story, 4)});
  CHECK(story.services.metrics.gaps[observe::GapReason::trimmed].value() == 1);
}

TEST_CASE("an id that is not ours is answered with a gap and what there is, never refused") {
  struct Row {
    const char *name, *id, *reason;
  };
  const Row rows[] = {
      {"another opening of the gateway", "zzzzzz.5", "unknown_epoch"},
      {"another server's", "17", "unknown_position"},
      {"the future", nullptr, "unknown_position"},
      {"hostile", "a=b;;c=%zz", "unknown_position"},
      {"another source's", "more=zzzzzz.5", "no_position"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Conversation story;
    story.publish("notes/a", "1");
    Peer& peer = story.connect();
    const auto stream = peer.get("/notes/a", {{"last-event-id", row.id != nullptr ? row.id : position(story, 99)}});
    CHECK(peer.status(stream) == "200");
    const Lines lines = peer.events(stream);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].starts_with("sluice.gap|"));
    CHECK(lines[0].find(row.reason) != std::string::npos);
    CHECK(lines[1] == "message|1|" + position(story, 1));
    CHECK_FALSE(peer.broken);
  }
}

TEST_CASE("several topics on one stream resume together by an id with a part for each source") {
  Conversation story;
  story.publish("notes/a", "1");
  story.publish("more/x", "2");
  Peer& peer = story.connect();
  const auto stream = peer.get("/all?topic=notes/a&topic=notes/b&topic=more/x&last_event_id=earliest");
  const std::string id = peer.last_event_id(stream);
  CHECK(id == "notes=" + position(story, 1) + ";more=" + story.services.topics[1]->format().text_of(1).value_or(""));
  CHECK(peer.events(stream).size() == 2);
  story.publish("notes/b", "3");
  story.publish("notes/other", "not asked for");
  story.publish("more/x", "4");
  CHECK(peer.events(stream).size() == 4);
  const auto resumed = peer.get("/all?topic=notes/a&topic=notes/b&topic=more/x", {{"last-event-id", id}});
  const Lines lines = peer.events(resumed);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].starts_with("message|3|notes=" + position(story, 2) + ";more="));
  CHECK(lines[1].starts_with("message|4|notes=" + position(story, 2) + ";more="));
  CHECK(peer.last_event_id(resumed) == peer.last_event_id(stream));
  story.check_nothing_left();
}

TEST_CASE("a wildcard stream has every topic below it, also those that come later") {
  Conversation story;
  Peer& peer = story.connect();
  const auto stream = peer.get("/all?topic=notes/**");
  CHECK(peer.status(stream) == "200");
  story.publish("notes/a", "1");
  story.publish("notes/deep/b", "2");
  CHECK(peer.events(stream) == Lines{"message|1|" + position(story, 1), "message|2|" + position(story, 2)});
  story.check_nothing_left();
}

TEST_CASE("an ended stream looks as the client asked: a clean end, or a reset") {
  Conversation story;
  Peer& peer = story.connect();
  const auto clean = peer.get("/notes/a"), reset = peer.get("/notes/a?end=reset"), wrong = peer.get("/notes/a?end=x");
  CHECK(peer.status(wrong) == "400");
  story.drain();
  CHECK(peer.response(clean).ended);
  CHECK_FALSE(peer.response(reset).ended);
  CHECK(peer.response(reset).code == NGHTTP2_CANCEL);
}

TEST_CASE("over limits.streams a subscriber is told when to come back, in a way that EventSource survives") {
  config::Config config = Conversation::default_config();
  config.limits.streams = 2;
  Conversation story(config);
  Peer& peer = story.connect();
  const auto first = peer.get("/notes/a"), second = peer.get("/notes/a"), third = peer.get("/notes/a");
  CHECK(peer.status(third) == "200");
  CHECK(peer.events(third, true) == Lines{"retry", "sluice.busy|{\"reason\":\"limits.streams\"}|"});
  CHECK(peer.response(third).ended);
  CHECK_FALSE(peer.response(first).ended);
  CHECK_FALSE(peer.response(second).ended);
  CHECK(story.hits(observe::Limit::streams) == 1);
  CHECK(story.ended(observe::EndReason::busy) == 1);
  story.check_nothing_left();
}

TEST_CASE("over limits.topics a subscriber of a new topic is told to come back, the known ones go on") {
  config::Config config = Conversation::default_config();
  config.limits.topics = 1;
  Conversation story(config);
  Peer& peer = story.connect();
  const auto first = peer.get("/notes/a"), second = peer.get("/notes/b"), third = peer.get("/notes/a");
  CHECK(peer.events(second, true) == Lines{"retry", "sluice.busy|{\"reason\":\"limits.topics\"}|"});
  CHECK(peer.response(second).ended);
  story.publish("notes/a", "1");
  CHECK(peer.events(first).size() == 1);
  CHECK(peer.events(third).size() == 1);
  CHECK(story.hits(observe::Limit::topics) == 1);
  story.check_nothing_left();
}

TEST_CASE("a topic that its source does not have is a plain 404 that names it, alone and in a list") {
  Conversation story(with_demo());
  Peer& peer = story.connect();
  CHECK(peer.status(peer.get("/demo/clock")) == "200");
  for (const char* path : {"/demo/nothing", "/demo/clock/nothing", "/all?topic=notes/a&topic=demo/nothing",
                           "/all?topic=demo/nothing&topic=demo/clock", "/all?topic=demo/**&topic=demo/nothing"}) {
    CAPTURE(path);
    const auto refused = peer.get(path);
    CHECK(peer.status(refused) == "404");
    CHECK(peer.field(refused, "content-type").starts_with("application/json"));
    CHECK(peer.response(refused).body.find("no-such-topic") != std::string::npos);
    CHECK(peer.response(refused).body.find("nothing") != std::string::npos);
    CHECK(peer.response(refused).ended);
  }
  CHECK(peer.status(peer.get("/all?topic=notes/anything&topic=demo/walk")) == "200");
}

TEST_CASE("a topic that turns out late not to exist ends the stream with sluice.error") {
  Conversation story(with_demo());
  story.late_refusals = true;
  Peer& peer = story.connect();
  const auto stream = peer.get("/demo/nothing");
  CHECK(peer.status(stream) == "200");
  CHECK(peer.events(stream, true) == Lines{"retry", "sluice.error|{\"error\":\"unknown_topic\"}|"});
  CHECK(peer.response(stream).ended);
}

TEST_CASE("a drain in the middle of a long event finishes the event and gives a last retry:, where there is window") {
  for (const char* path : {"/notes/a", "/all?topic=notes/a&topic=notes/b", "/all?topic=notes/a&topic=more/x"}) {
    CAPTURE(path);
    Conversation story;
    Peer& peer = story.connect();
    const auto stream = peer.get(path);
    peer.make_room(20'000);
    const std::string data(50'000, 'x');  // several frames
    story.publish("notes/a", data);
    story.publish("notes/a", "after the end");
    story.drain();
    CHECK_FALSE(peer.response(stream).ended);
    peer.make_room(SIZE_MAX);
    const Lines lines = peer.events(stream, true);
    REQUIRE(lines.size() == 4);  // retry, sluice.open, the event, retry
    CHECK(lines[2].starts_with("message|" + data + "|"));
    CHECK(lines[3] == "retry");
    CHECK(peer.response(stream).ended);
    CHECK(peer.closed());
    story.check_nothing_left();
  }
}

TEST_CASE("a drain in the middle of an event that has no window cuts it, and the client takes up what it missed") {
  for (const char* path : {"/notes/a", "/all?topic=notes/a&topic=notes/b"}) {
    CAPTURE(path);
    Conversation story;
    Peer& peer = story.connect({.stream_window = 20'000, .returns_window = false});
    const auto stream = peer.get(path);
    const std::string data(50'000, 'x');
    const std::string id = story.publish("notes/a", data);
    story.drain();
    CHECK(peer.response(stream).ended);
    CHECK(peer.events(stream).empty());
    Peer& again = story.connect();
    CHECK(again.events(again.get(path, {{"last-event-id", peer.last_event_id(stream)}})) ==
          Lines{"message|" + data + "|" + id});
    story.check_nothing_left();
  }
}

TEST_CASE("a topic that is asked for twice, by name or by wildcards that overlap, is delivered once") {
  config::Config config = Conversation::default_config();
  config.routes[2].topics.emplace_back("notes/deep/**");  // "/all"
  config.routes[2].topics.emplace_back("notes/**");
  for (const char* path : {"/all?topic=notes/**&topic=notes/deep/b", "/all?topic=notes/deep/b&topic=notes/**",
                           "/all?topic=notes/deep/b&topic=notes/deep/b", "/all?topic=notes/deep/**&topic=notes/**",
                           "/all?topic=notes/**&topic=notes/deep/**&topic=notes/deep/b&topic=more/x", "/all"}) {
    CAPTURE(path);
    Conversation story(config);
    Peer& peer = story.connect();
    const auto stream = peer.get(path);
    story.publish("notes/deep/b", "1");
    story.publish("notes/deep/b", "2");
    const Lines lines = peer.events(stream);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].starts_with("message|1|"));
    CHECK(lines[1].starts_with("message|2|"));
    const Lines first = peer.events(peer.get(path, {{"last-event-id", lines[0].substr(10)}}));
    CHECK(first == Lines{lines[1]});
    story.check_nothing_left();
  }
}
