#include <doctest/doctest.h>

#include "tests/gateway/serve/conversation.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Conversation;
using tests::Peer;
using Lines = std::vector<std::string>;

TEST_CASE("events published in any of the four forms reach the subscriber, and their ids are answered") {
  struct Row {
    const char *type, *path, *body;
    Lines events;
  };
  const Row rows[] = {
      {"text/plain", "/notes/a?event=note", "hello", {"note|hello|"}},
      {"application/json",
       "/notes/a",
       R"([{"data":"1"},{"event":"n","data":{"x":2}}])",
       {"message|1|", "n|{\"x\":2}|"}},
      {"application/x-ndjson", "/notes/a", "{\"data\":\"1\"}\n{\"data\":\"2\"}\n", {"message|1|", "message|2|"}},
      {"text/event-stream", "/notes/a", "event: n\ndata: a\ndata: b\n\n", {"n|a\nb|"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.type);
    Conversation story;
    Peer& peer = story.connect();
    const auto stream = peer.get("/notes/a");
    const auto post = peer.request("POST", row.path, {{"content-type", row.type}}, row.body);
    CHECK(peer.status(post) == "200");
    Lines expected;
    std::string ids;
    for (const std::string& event : row.events) {
      const std::string id = story.services.topics[0]->format().text_of(expected.size() + 1).value_or("");
      expected.push_back(event + id);
      ids += (ids.empty() ? "\"" : ",\"") + id + "\"";
    }
    CHECK(peer.events(stream) == expected);
    CHECK(peer.response(post).body == "{\"ids\":[" + ids + "],\"repeated\":0}\n");
    CHECK(peer.response(post).ended);
    story.check_nothing_left();
  }
}

TEST_CASE("an event that is published twice with one id is delivered once") {
  Conversation story;
  Peer& peer = story.connect();
  const auto stream = peer.get("/notes/a");
  const auto first = peer.request("POST", "/notes/a?id=order-1", {}, "x");
  const auto again = peer.request("POST", "/notes/a?id=order-1", {}, "x");
  CHECK(peer.events(stream).size() == 1);
  CHECK(peer.response(first).body.find("\"repeated\":0") != std::string::npos);
  CHECK(peer.response(again).body.find("\"repeated\":1") != std::string::npos);
  CHECK(story.services.metrics.publish_repeats.value() == 1);
}

TEST_CASE("a body with one bad line is refused whole, and says where") {
  Conversation story;
  Peer& peer = story.connect();
  const auto post = peer.request("POST", "/notes/a", {{"content-type", "application/x-ndjson"}},
                                 "{\"data\":\"1\"}\n{\"data\":\"2\"}\n{\"data\":\n");
  CHECK(peer.status(post) == "400");
  CHECK(peer.response(post).body.find("line 3") != std::string::npos);
  CHECK(story.homes[0]->last() == 0);
}

TEST_CASE("a body over limits.body_size gets 413 while it is still coming, and the connection lives on") {
  config::Config config = Conversation::default_config();
  config.limits.body_size = 10'000;
  Conversation story(config);
  Peer& peer = story.connect();
  const auto post = peer.request("POST", "/notes/a", {}, std::string(500'000, 'x'));
  CHECK(peer.status(post) == "413");
  CHECK(peer.response(post).ended);
  CHECK(story.hits(observe::Limit::body_size) == 1);
  CHECK(peer.status(peer.request("POST", "/notes/a", {}, "small")) == "200");
  CHECK(story.homes[0]->last() == 1);
  story.check_nothing_left();
}

TEST_CASE("a body that does not come gets 408 after limits.body_idle_timeout, and holds nothing afterwards") {
  Conversation story;
  Peer& peer = story.connect();
  const auto post = peer.post_open("/notes/a");
  const auto refused = peer.post_open("/nowhere");  // answered when its body is complete, or its time is up
  story.pass(29s);
  CHECK(peer.status(post).empty());
  story.pass(2s);
  CHECK(peer.status(post) == "408");
  CHECK(peer.response(post).ended);
  CHECK(story.hits(observe::Limit::body_timeout) == 1);
  story.pass(31s);
  CHECK(peer.status(refused) == "404");
  CHECK(story.services.streams == 0);  // both were reset after their answer: no body is awaited for ever
}

TEST_CASE("a publish whose source does not answer is not taken for a body that does not come, and is answered once") {
  Conversation story;
  Peer& peer = story.connect();
  peer.get("/notes/a");
  story.silent_home = true;
  const auto post = peer.request("POST", "/notes/a", {}, "x");
  story.pass(40s);
  CHECK(peer.status(post) != "408");
  peer.cut();
  story.check_nothing_left();
}

TEST_CASE("over limits.topics a publish to a new topic gets 503 with Retry-After") {
  config::Config config = Conversation::default_config();
  config.limits.topics = 1;
  Conversation story(config);
  Peer& peer = story.connect();
  CHECK(peer.status(peer.request("POST", "/notes/a", {}, "x")) == "200");
  const auto post = peer.request("POST", "/notes/b", {}, "x");
  CHECK(peer.status(post) == "503");
  CHECK(peer.field(post, "retry-after") == "1");
}

TEST_CASE("a POST without a body is answered at once") {
  Conversation story;
  Peer& peer = story.connect();
  const auto post = peer.request("POST", "/notes/a");
  CHECK(peer.status(post) == "400");
  CHECK(peer.response(post).body.find("empty-body") != std::string::npos);
  CHECK(peer.response(post).ended);
}

TEST_CASE("a page of a strange origin cannot publish") {
  Conversation story;
  Peer& peer = story.connect();
  const auto post = peer.request("POST", "/notes/a", {{"origin", "https://evil.example"}}, "x");
  CHECK(peer.status(post) == "403");
  CHECK(story.homes[0]->last() == 0);
  CHECK(story.services.metrics.origins_refused.value() == 1);
}

TEST_CASE("over limits.bodies a publish gets 503 with Retry-After, and the bodies in progress go on") {
  config::Config config = Conversation::default_config();
  config.limits.bodies = 10'000;
  Conversation story(config);
  Peer& peer = story.connect();
  Peer& other = story.connect();
  const observe::Gauge& held = story.services.metrics.body_bytes;
  const auto first = peer.post_open("/notes/a", std::string(6000, 'x'));
  CHECK(held.value() == 6000);
  const auto second = other.request("POST", "/notes/b", {}, std::string(5000, 'x'));
  CHECK(other.status(second) == "503");
  CHECK(other.field(second, "retry-after") == "1");
  CHECK(other.response(second).body.starts_with("{\"error\":\"busy\""));
  CHECK(other.response(second).body.find("limits.bodies") != std::string::npos);
  CHECK(other.response(second).ended);
  CHECK(held.value() == 6000);
  CHECK(story.hits(observe::Limit::bodies) == 1);
  CHECK(other.status(other.request("POST", "/notes/b", {}, std::string(4000, 'x'))) == "200");
  peer.finish_post(first);
  CHECK(peer.status(first) == "200");
  CHECK(held.value() == 0);
  story.check_nothing_left();
}

TEST_CASE("a body that is reset, cut, too slow or too large no longer counts in limits.bodies") {
  config::Config config = Conversation::default_config();
  config.limits.body_size = 50'000;
  Conversation story(config);
  const observe::Gauge& held = story.services.metrics.body_bytes;
  Peer& peer = story.connect();
  peer.reset(peer.post_open("/notes/a", "part"));
  CHECK(held.value() == 0);
  const auto slow = peer.post_open("/notes/a", "part");
  CHECK(held.value() == 4);
  story.pass(31s);
  CHECK(peer.status(slow) == "408");
  CHECK(held.value() == 0);
  peer.post_open("/notes/a", std::string(60'000, 'x'));
  CHECK(held.value() == 0);
  peer.post_open("/notes/a", "part");
  peer.cut();
  CHECK(held.value() == 0);
  story.check_nothing_left();
}

TEST_CASE("while a worker is behind (limits.mailbox) a publish gets 503 with Retry-After") {
  Conversation story;
  story.full_mailbox = true;
  Peer& peer = story.connect();
  const auto post = peer.request("POST", "/notes/a", {}, "x");
  CHECK(peer.status(post) == "503");
  CHECK(peer.field(post, "retry-after") == "1");
  CHECK(peer.response(post).body.find("limits.mailbox") != std::string::npos);
  CHECK(story.homes[0]->last() == 0);
  story.full_mailbox = false;
  CHECK(peer.status(peer.request("POST", "/notes/a", {}, "x")) == "200");
}

TEST_CASE("a publish whose source answers late, or again, gets one answer") {
  Conversation story;
  story.silent_home = true;
  Peer& peer = story.connect();
  const auto post = peer.request("POST", "/notes/a", {}, "x"), twin = peer.request("POST", "/notes/a", {}, "x");
  const auto gone = peer.request("POST", "/notes/a", {}, "x");
  peer.reset(gone);
  story.pass(70s);  // beyond limits.body_timeout: the body was complete
  CHECK(peer.status(post).empty());
  story.unanswered.insert(story.unanswered.begin(), story.unanswered.front());  // the first is answered twice in a turn
  story.answer_publishes();
  story.answer_publishes();
  for (const auto answered : {post, twin}) {
    CHECK(peer.status(answered) == "200");
    CHECK(peer.response(answered).body == "{\"ids\":[\"late.1\"],\"repeated\":0}\n");
    CHECK(peer.response(answered).ended);
  }
  CHECK(peer.status(gone).empty());
  CHECK(story.services.metrics.publish_requests[observe::PublishCode::ok].value() == 2);
  CHECK_FALSE(peer.broken);
  story.check_nothing_left();
}
