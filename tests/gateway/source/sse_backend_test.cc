#include "gateway/source/sse_backend.h"

#include <doctest/doctest.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/gateway/topic/replicas.h"
#include "tests/support/http1_server.h"
#include "tests/support/source_context.h"

// An SSE backend source and a scripted backend over HTTP/1.1, on one loop. The clock is real.
namespace sluice::source {
namespace {

using namespace std::chrono_literals;
using test::Http1Server;
using Strings = std::vector<std::string>;

constexpr const char* stream_head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

std::string field_of(const std::string& request, const std::string& name) {
  const std::size_t at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const std::size_t from = at + name.size() + 4;
  return request.substr(from, request.find("\r\n", from) - from);
}

struct Story {
  explicit Story(const std::string& path = "/feed", const topic::History& history = {})
      : backend(context.io, nullptr,
                [this](Http1Server::Connection& connection) {
                  asked.push_back(field_of(connection.request, "last-event-id"));
                  answer(connection);
                }),
        replicas(history, 1,
                 std::make_shared<topic::SharedSource>(
                     "s", std::make_shared<SseBackendFormat>(proto::Epoch::from_random(1)), true)) {
    context.config.url = "http://localhost:" + std::to_string(backend.port()) + path;
  }
  ~Story() {
    if (source) source->stop();
    backend.close();
    context.io.restart();
    context.io.run_for(10ms);
    source.reset();
    context.io.restart();
    context.io.poll();
  }
  void begin() {
    source = std::make_unique<SseBackend>(context.context(*replicas.home));
    source->start(std::chrono::steady_clock::now());
  }
  template <class Done>
  void until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!done() && std::chrono::steady_clock::now() < deadline) {
      if (context.io.stopped()) context.io.restart();
      context.io.run_one_for(50ms);
      if (source->due() <= std::chrono::steady_clock::now()) source->on_time(std::chrono::steady_clock::now());
    }
    REQUIRE(done());
  }
  [[nodiscard]] topic::TopicLog& log(const std::string& topic = "s") {
    return replicas.topics[0]->log(*replicas.home->find(topic));
  }
  // Positions and data of what the ring holds, gaps as their reason.
  Strings ring() {
    Strings lines;
    const auto found = replicas.home->find("s");
    if (!found) return lines;
    for (topic::Offset at = log().first(); at != log().head(); ++at) lines.push_back(line_of(log().at(at)));
    return lines;
  }
  static std::string line_of(const topic::Entry& entry) {
    const std::string rest(entry.rest());
    if (const std::size_t reason = rest.find("\"reason\":\""); reason != std::string::npos)
      return "gap " + rest.substr(reason + 10, rest.find('"', reason + 10) - reason - 10);
    const std::size_t data = rest.find("data: ") + 6;
    return std::string(entry.position()) + " " + rest.substr(data, rest.find('\n', data) - data);
  }
  topic::PagePtr read(const std::string& after) {
    std::optional<topic::PagePtr> got;
    source->read({.topics = {"s"}, .after = after}, {}, [&](const topic::PagePtr& page) { got = page; });
    until([&] { return got.has_value(); });
    return *got;
  }
  static Strings lines_of(const topic::PagePtr& page) {
    Strings lines;
    if (page->gap) lines.push_back(std::string("gap ") + name(*page->gap));
    for (const topic::EntryPtr& entry : page->entries) lines.push_back(line_of(*entry));
    return lines;
  }
  Http1Server::Connection& newest() { return backend.connections.back(); }

  tests::SourceContext context{""};
  Strings asked;  // Last-Event-ID of each request
  std::function<void(Http1Server::Connection&)> answer = [](auto& connection) { connection.send(stream_head); };
  Http1Server backend;
  tests::Replicas replicas;
  std::unique_ptr<SseBackend> source;
};

TEST_CASE("sse backend: a topic begins where the backend says, and each event is appended once at the backend's id") {
  Story story;
  story.answer = [](auto& connection) {
    connection.send(std::string(stream_head) + "id: 5\nevent: sluice.open\ndata: {}\n\n" +
                    "id: 6\ndata: a\n\n: still here\n\nretry: 5\nid: 7\nevent: x\ndata: b\n\n");
  };
  story.begin();
  story.until([&] { return story.ring().size() == 2; });
  CHECK(story.ring() == Strings{"6 a", "7 b"});
  CHECK(story.log().evicted_position() == "5");
  CHECK(story.context.metrics.state() == observe::SourceState::up);
  CHECK(story.context.metrics.events.value() == 2);
}

TEST_CASE("sse backend: one that says nothing is open after a moment, at a place of our own") {
  Story story;
  story.begin();
  story.until([&] { return story.replicas.home->find("s").has_value(); });
  CHECK(story.log().evicted_position().starts_with("~"));
}

TEST_CASE("sse backend: a lost connection is made again at the last id, and what comes twice is taken once") {
  Story story;
  story.answer = [&](auto& connection) {
    connection.send(stream_head);
    connection.send("id: 1\ndata: a\n\nid: 2\ndata: b\n\n");
    if (story.asked.size() == 2) connection.send("id: 3\ndata: c\n\n");
  };
  story.begin();
  story.until([&] { return story.ring().size() == 2; });
  story.newest().cut();
  story.until([&] { return story.ring().size() == 3; });
  CHECK(story.asked == Strings{"", "2"});
  CHECK(story.ring() == Strings{"1 a", "2 b", "3 c"});
  CHECK(story.context.metrics.reconnects.value() == 1);
  CHECK(story.context.metrics.gaps.value() == 0);
}

TEST_CASE("sse backend: one that begins with the event that was asked from gives it once, and makes no gap of it") {
  Story story;
  story.answer = [&](auto& connection) {
    connection.send(stream_head);
    if (story.asked.size() == 1) connection.send("id: 1\ndata: a\n\n");
    if (story.asked.size() == 2) connection.send("id: 1\ndata: a\n\nid: 2\ndata: b\n\n");
    if (story.asked.size() == 3) connection.send("id: 2\ndata: b\n\nid: 3\ndata: c\n\n");
  };
  story.begin();
  for (std::size_t count = 1; count != 4; ++count) {
    story.until([&] { return story.ring().size() == count; });
    story.newest().cut();
  }
  CHECK(story.asked == Strings{"", "1", "2"});
  CHECK(story.ring() == Strings{"1 a", "2 b", "3 c"});
  CHECK(story.context.metrics.gaps.value() == 0);
}

TEST_CASE("sse backend: without ids a lost connection is a gap, and only one until something comes") {
  Story story;
  story.answer = [&](auto& connection) {
    connection.send(stream_head);
    if (story.asked.size() == 1) connection.send("data: a\n\n");
    if (story.asked.size() > 1 && story.asked.size() < 4) connection.cut();
    if (story.asked.size() == 4) connection.send("data: b\n\n");
  };
  story.begin();
  story.until([&] { return story.ring().size() == 1; });
  story.newest().cut();
  story.until([&] { return story.ring().size() == 3; });
  CHECK(story.ring()[1] == "gap source_lost");
  CHECK(story.ring()[2].ends_with(" b"));
  CHECK(story.context.metrics.gaps.value() == 1);
}

TEST_CASE("sse backend: ids that begin anew are announced, and the old ones are in the ring no more") {
  Story story;
  story.answer = [&](auto& connection) {
    connection.send(stream_head);
    connection.send(story.asked.size() == 1 ? "id: 1\ndata: a\n\nid: 2\ndata: b\n\n" : "id: 1\ndata: other\n\n");
  };
  story.begin();
  story.until([&] { return story.ring().size() == 2; });
  story.newest().cut();
  story.until([&] { return story.ring() == Strings{"gap recreated", "1 other"}; });
}

TEST_CASE("sse backend: an event of any size above the limit is dropped and counted, and the stream goes on") {
  Story story;
  story.context.limits.event_size = 1000;
  story.answer = [&](auto& connection) {
    connection.send(stream_head);
    connection.send("id: 1\ndata: a\n\nid: 2\ndata: " + std::string(100'000, 'x') + "\n\n");
    connection.send("data: " + std::string(50'000, 'x') + "\ndata: y\nid: 3\n\nid: 4\ndata: d\n\n");
  };
  story.begin();
  story.until([&] { return story.ring().size() == 2; });
  CHECK(story.ring() == Strings{"1 a", "4 d"});
  CHECK(story.context.metrics.poison.value() == 2);
  CHECK(story.asked == Strings{""});
}

TEST_CASE("sse backend: a large event that is slower than `silence` and says its id last is waited for longer") {
  Story story;
  story.context.limits.event_size = 1000;
  story.context.config.silence = 200ms;
  boost::asio::steady_timer more(story.context.io);
  int pieces = 0;
  std::function<void()> go_on = [&] {
    more.expires_after(20ms);
    more.async_wait([&](const boost::system::error_code& error) {
      if (error || story.newest().left) return;
      story.newest().send(std::string(200, 'x'));
      if (++pieces != 25) return go_on();
      story.newest().send("\nid: 2\n\nid: 3\ndata: c\n\n");
    });
  };
  story.answer = [&](auto& connection) {
    connection.send(stream_head);
    if (story.asked.back().empty()) connection.send("id: 1\ndata: a\n\n");
    connection.send("data: ");
    pieces = 0;
    go_on();
  };
  story.begin();
  story.until([&] { return story.ring().size() == 2; });
  CHECK(story.ring() == Strings{"1 a", "3 c"});
  CHECK(story.asked.at(1) == "1");
  CHECK(story.context.metrics.poison.value() == 1);
  CHECK(story.context.metrics.gaps.value() == 0);
}

TEST_CASE(
    "sse backend: a large event without end is given up after four times, behind a gap, by who reads the past too") {
  Story story;
  story.context.limits.event_size = 1000;
  story.context.config.silence = 100ms;
  story.answer = [&](auto& connection) {
    connection.send(stream_head);
    if (story.asked.size() == 1) connection.send("id: 1\ndata: a\n\n");
    connection.send(story.asked.size() == 5 ? "id: 7\ndata: g\n\n: until later\n\n"
                                            : "data: " + std::string(2000, 'x'));
  };
  story.begin();
  story.until([&] { return story.ring().size() == 3; });
  CHECK(story.ring() == Strings{"1 a", "gap source_lost", "7 g"});
  CHECK(story.asked == Strings{"", "1", "1", "1", ""});
  CHECK(story.context.metrics.poison.value() == 1);
  while (const auto page = story.read("0")) CHECK(page->entries.empty());
}

TEST_CASE("sse backend: the past is asked for by its id until it meets the ring") {
  Story story;
  story.answer = [&](auto& connection) {
    connection.send(stream_head);
    if (story.asked.back().empty()) return connection.send("id: 5\nevent: sluice.open\ndata: {}\n\nid: 6\ndata: f\n\n");
    connection.send("id: 3\nevent: sluice.open\ndata: {}\n\nid: 4\ndata: d\n\n");
    connection.send("id: 4\nevent: sluice.gap\ndata: {\"reason\":\"trimmed\"}\n\nid: 5\ndata: e\n\nid: 6\ndata: f\n\n");
  };
  story.begin();
  story.until([&] { return story.ring().size() == 1; });
  Strings lines;
  std::string after = "3";
  while (after != "5") {
    const auto page = story.read(after);
    REQUIRE(page);
    CHECK(page->after == after);
    for (const std::string& line : Story::lines_of(page)) lines.push_back(line);
    after = page->through;
  }
  CHECK(lines == Strings{"4 d", "gap trimmed", "5 e"});
  CHECK(story.asked == Strings{"", "3"});
  CHECK(story.read("6")->through == "6");  // in the ring: nobody is asked
  CHECK(story.asked.size() == 2);
}

TEST_CASE(
    "sse backend: a loss that the backend announces first is told before the page, and who opens is not resumed") {
  Story story;
  story.answer = [&](auto& connection) {
    connection.send(stream_head);
    if (story.asked.back().empty()) return connection.send("id: 9\nevent: sluice.open\ndata: {}\n\n");
    connection.send("id: 6\nevent: sluice.gap\ndata: {\"reason\":\"trimmed\"}\n\nid: 7\ndata: g\n\n");
  };
  story.begin();
  story.until([&] { return story.replicas.home->find("s").has_value(); });
  const auto page = story.read("3");
  REQUIRE(page);
  CHECK(page->after == "3");
  CHECK(page->gap == topic::GapReason::trimmed);
  CHECK(page->from == "6");
  // Who comes with an id of ours has lost its place too.
  const auto own = story.read("3~000000.1");
  REQUIRE(own);
  CHECK(own->gap == topic::GapReason::source_lost);
  CHECK(own->after == "3~000000.1");
}

TEST_CASE("sse backend: a reading that meets the ring while nobody asks gives the rest to who asks next") {
  Story story;
  story.answer = [&](auto& connection) {
    connection.send(stream_head);
    connection.send(story.asked.back().empty() ? "id: 5\nevent: sluice.open\ndata: {}\n\nid: 6\ndata: f\n\n"
                                               : "id: 4\ndata: d\n\n");
  };
  story.begin();
  story.until([&] { return story.ring().size() == 1; });
  CHECK(Story::lines_of(story.read("3")) == Strings{"4 d"});
  auto& past = story.newest();
  past.send("id: 5\ndata: e\n\nid: 6\ndata: f\n\n");
  story.until([&] { return past.left; });
  CHECK(Story::lines_of(story.read("4")) == Strings{"5 e"});
}

TEST_CASE("sse backend: a reader of a silent backend's past is let in, and joins the ring with the next event") {
  Story story;
  story.begin();
  story.until([&] { return story.replicas.home->find("s").has_value(); });
  auto& live = story.newest();
  const auto empty = story.read("7");
  CHECK(empty->entries.empty());
  CHECK(empty->through == "7");
  CHECK_FALSE(empty->at_end);
  auto& past = story.newest();
  past.send("id: 8\ndata: h\n\n");
  const auto page = story.read("7");
  CHECK(Story::lines_of(page) == Strings{"8 h"});
  live.send("id: 8\ndata: h\n\n");
  story.until([&] { return story.ring().size() == 1; });
  CHECK(story.read("8")->entries.empty());
  story.until([&] { return past.left; });
  CHECK(story.asked == Strings{"", "7"});
}

TEST_CASE("sse backend: a reading that comes back first to ids that began anew gives nothing of them before the gap") {
  Story story("/feed", {.entries = 2});
  bool anew = false, back = false;
  story.answer = [&](auto& connection) {
    const std::string from = story.asked.back();
    if (anew && !back && from == "6")  // the topic's own stream
      return connection.send("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
    connection.send(stream_head);
    if (anew) return connection.send("id: 1\ndata: other\n\nid: 2\ndata: more\n\n");
    if (!from.empty()) return connection.send("id: 2\ndata: b\n\n");
    for (const char* each : {"1", "2", "3", "4", "5", "6"})
      connection.send(std::string("id: ") + each + "\ndata: " + static_cast<char>('a' + *each - '1') + "\n\n");
  };
  story.begin();
  story.until([&] { return story.ring() == Strings{"5 e", "6 f"}; });
  CHECK(Story::lines_of(story.read("1")) == Strings{"2 b"});
  anew = true;
  for (auto& connection : story.backend.connections) connection.cut();
  CHECK(story.read("2") == nullptr);
  CHECK(story.ring() == Strings{"gap recreated"});
  CHECK(story.context.metrics.gaps.value() == 1);
  back = true;
  story.until([&] { return story.ring() == Strings{"1 other", "2 more"}; });
  CHECK(story.context.metrics.gaps.value() == 1);
}

TEST_CASE("sse backend: what the backend does not have is not to be had") {
  Story story;
  story.answer = [&](auto& connection) {
    connection.send(story.asked.size() == 1 ? stream_head : "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n");
  };
  story.begin();
  story.until([&] { return story.replicas.home->find("s").has_value(); });
  CHECK(story.read("7") == nullptr);
  CHECK(story.read("~000000.1") == nullptr);
}

TEST_CASE("sse backend: paused it leaves what comes where it is") {
  Story story;
  story.begin();
  story.until([&] { return story.replicas.home->find("s").has_value(); });
  story.source->pause();
  story.newest().send("id: 1\ndata: a\n\n");
  const auto deadline = std::chrono::steady_clock::now() + 100ms;
  while (std::chrono::steady_clock::now() < deadline) story.context.io.run_one_for(10ms);
  CHECK(story.ring().empty());
  story.source->go_on();
  story.until([&] { return story.ring() == Strings{"1 a"}; });
}

TEST_CASE("sse backend: a captured topic that the backend does not have is unknown, and not asked for again at once") {
  Story story("/feeds/{region}");
  story.answer = [](auto& connection) { connection.send("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"); };
  story.begin();
  CHECK(story.context.metrics.state() == observe::SourceState::up);
  for (int time = 0; time != 3; ++time) {
    std::optional<topic::OpenResult> result;
    story.source->open("s/eu", std::chrono::steady_clock::now(), [&](topic::OpenResult answer) { result = answer; });
    story.until([&] { return result.has_value(); });
    CHECK(*result == topic::OpenResult::unknown_topic);
  }
  CHECK(story.asked.size() == 1);
  CHECK_FALSE(story.source->may_have("s"));
  CHECK_FALSE(story.source->may_have("s/.."));
}

TEST_CASE("sse backend: a captured topic for which nobody waits any more is not asked for") {
  Story story("/feeds/{region}");
  bool away = true;
  story.answer = [&](auto& connection) {
    connection.send(away ? "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n" : stream_head);
  };
  story.begin();
  int answers = 0;
  const auto open = [&] {
    story.source->open("s/eu", std::chrono::steady_clock::now(), [&](topic::OpenResult) { ++answers; });
  };
  open();
  story.until([&] { return story.context.metrics.state() == observe::SourceState::down; });
  story.source->stop_opening({"s/eu", "s/never"});
  CHECK(story.context.metrics.state() == observe::SourceState::up);
  story.until([&] { return story.newest().left; });
  away = false;
  open();
  story.until([&] { return answers == 1; });
  CHECK(story.asked.size() == 2);
}

TEST_CASE("sse backend: who loses its read with a topic that closes, and asks at once, gets the topic anew") {
  Story story("/feeds/{region}");
  story.begin();
  int opened = 0;
  const auto open = [&] {
    story.source->open("s/eu", std::chrono::steady_clock::now(), [&](topic::OpenResult) { ++opened; });
  };
  open();
  story.until([&] { return opened == 1; });
  std::optional<topic::PagePtr> page;
  story.source->read({.topics = {"s/eu"}, .after = "7"}, {}, [&](const topic::PagePtr& got) {
    page = got;
    open();
  });
  story.until([&] { return story.asked.size() == 2; });
  REQUIRE_FALSE(page);
  story.source->on_topic_closed("s/eu");
  REQUIRE(page);
  CHECK(*page == nullptr);
  CHECK(opened == 1);
  story.until([&] { return opened == 2; });
  CHECK(story.asked == Strings{"", "7", ""});
}

TEST_CASE("sse backend: stopped it answers every read, also one that is asked for in an answer") {
  Story story;
  story.begin();
  story.until([&] { return story.replicas.home->find("s").has_value(); });
  int answers = 0;
  std::function<void(const std::string&)> read = [&](const std::string& after) {
    story.source->read({.topics = {"s"}, .after = after}, {}, [&](const topic::PagePtr& page) {
      CHECK(page == nullptr);
      if (++answers < 20) read("again");
    });
  };
  for (int number = 0; number != 10; ++number) read(std::to_string(number));  // more than are read at a time
  story.source->stop();
  CHECK(answers >= 20);
  CHECK(story.context.metrics.state() == observe::SourceState::stopped);
}

TEST_CASE("sse backend: keys that cannot be are refused with what is wrong") {
  config::Source source;
  source.name = "s";
  source.url = "https://h/feed";
  CHECK_NOTHROW(check_sse_backend(source));
  source.token = "a b";
  CHECK_THROWS_AS(check_sse_backend(source), std::exception);
  source.token.clear();
  source.tls.ca = "/nowhere/ca.pem";
  CHECK_THROWS_AS(check_sse_backend(source), std::exception);
  source.tls.ca.clear();
  source.url = "https://h/{";
  CHECK_THROWS_AS(check_sse_backend(source), std::exception);
}

}  // namespace
}  // namespace sluice::source
