// RedisStory: a Redis source over a loop, a home and metrics of the test's own, and an administrator's connection to
// the same server: a real one, or a scripted one.
#pragma once

#include <string>
#include <utility>

#include "gateway/source/redis_channels.h"
#include "gateway/source/redis_streams.h"
#include "tests/gateway/source/redis_talk.h"
#include "tests/gateway/topic/replicas.h"
#include "tests/support/redis_server.h"
#include "tests/support/source_context.h"

namespace sluice::source {

// An answer that may take as long as it wants.
template <class Value>
struct Awaited {
  std::optional<Value> value;
  int count = 0;
  [[nodiscard]] auto take() {
    return [this](Value given) {
      value = std::move(given);
      ++count;
    };
  }
};

struct StreamsStory {
  // `host`: with the account before it, where there is one.
  explicit StreamsStory(const std::string& host, std::size_t topics_max = 1000)
      : given("redis://" + host),
        replicas({}, 1,
                 std::make_shared<topic::SharedSource>("s", std::make_shared<topic::PairFormat>('-', true), true),
                 topics_max) {
    given.config.stream = "k:{name}";
  }
  void start() {
    source = std::make_unique<RedisStreams>(given.context(*replicas.home));
    source->start(replicas.now);
  }
  void open(const std::string& topic, Awaited<topic::OpenResult>& result) {
    source->open(topic, std::chrono::steady_clock::now(), result.take());
  }
  void read(const std::string& topic, const std::string& after, Awaited<topic::PagePtr>& page) {
    source->read({.topics = {topic}, .after = after}, {}, page.take());
  }
  // The `data:` lines, and names of gaps' reasons, in a topic's log.
  [[nodiscard]] std::vector<std::string> events(const std::string& topic) {
    std::vector<std::string> texts;
    const auto index = replicas.home->find(topic);
    if (!index) return texts;
    const topic::TopicLog& log = replicas.topics[0]->log(*index);
    for (topic::Offset offset = log.first(); offset != log.head(); ++offset) {
      const std::string_view rest = log.at(offset).rest();
      const std::size_t at = rest.find("data: ") + 6;
      texts.emplace_back(rest.substr(at, rest.find('\n', at) - at));
    }
    return texts;
  }
  [[nodiscard]] bool is_down() const { return given.metrics.state() == observe::SourceState::down; }
  [[nodiscard]] bool is_up() const { return given.metrics.state() == observe::SourceState::up; }

  tests::SourceContext given;
  tests::Replicas replicas;
  std::unique_ptr<RedisStreams> source;
};

// For a server on a busy machine: not lost while it takes its time.
inline RedisConnection::Options patient(std::uint16_t port) {
  RedisConnection::Options options = quick(parse_redis_url("redis://127.0.0.1:" + std::to_string(port)));
  options.ping_interval = options.answer_timeout = 60s;
  return options;
}

// Over a real server.
struct RealStory : StreamsStory {
  explicit RealStory(const test::RedisServer& server)
      : StreamsStory("reader:pw@127.0.0.1:" + std::to_string(server.port())), admin(given.io, patient(server.port())) {
    admin.come_up();
    allow({"on", ">pw", "~*", "&*", "+@all"});
    start();
    admin.until([&] { return is_up(); });
  }
  // What the source's user may do, beside what it may already.
  void allow(std::vector<std::string_view> rules) {
    rules.insert(rules.begin(), {"ACL", "SETUSER", "reader"});
    CHECK(admin.say(rules) == test::text("OK"));
  }
  // The id of an entry with `data`.
  std::string add(std::string_view key, std::string_view data) {
    return admin.say({"XADD", key, "*", "data", data}).text;
  }
  void open_all(const std::vector<std::string>& topics) {
    for (const std::string& topic : topics) {
      Awaited<topic::OpenResult> opened;
      open(topic, opened);
      admin.until([&] { return opened.count == 1; });
      CHECK(opened.value == topic::OpenResult::opened);
    }
  }

  RedisTalk admin;
};

}  // namespace sluice::source
