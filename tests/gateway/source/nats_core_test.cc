#include "gateway/source/nats_core.h"

#include <doctest/doctest.h>

#include <thread>

#include "tests/gateway/source/scripted_nats.h"
#include "tests/gateway/topic/replicas.h"
#include "tests/support/source_context.h"

namespace sluice::source {
namespace {

using namespace std::chrono_literals;

// The data of a topic's entries, gaps as "gap <reason>".
std::vector<std::string> datas(topic::TopicLog& log) {
  std::vector<std::string> found;
  for (topic::Offset offset = log.first(); offset != log.head(); ++offset) {
    const std::string text(log.at(offset).rest());
    const std::size_t data = text.find("data: ") + 6;
    found.push_back(text.starts_with("event: sluice.gap") ? "gap " + text.substr(text.find("\"reason\":\"") + 10, 11)
                                                          : text.substr(data, text.find_first_of(" \n", data) - data));
  }
  return found;
}

TEST_CASE("while the loop is behind, what its queue cannot hold is lost, and announced in its place") {
  test::ScriptedNats server;
  tests::SourceContext given(server.url());
  given.config.subject = "news.>";
  const std::size_t huge = 1UL << 30;
  tests::Replicas replicas({.entries = 10'000, .bytes = huge, .bytes_total = huge}, 1);
  NatsCore source(given.context(*replicas.home));
  const auto topic = *replicas.home->open("s/eu", replicas.now);
  topic::TopicLog& log = replicas.topics[0]->log(topic);
  const auto until = [&](auto&& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!holds()) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      given.run_posted();
      std::this_thread::sleep_for(1ms);  // what comes, comes from other threads
    }
  };
  source.start(replicas.now);
  until([&] { return server.subscribed() && given.metrics.state() == observe::SourceState::up; });

  // 4 MiB wait for the loop, 32 MiB in libnats: of 60 some are dropped while nobody takes them.
  const std::string filling(1UL << 20, 'x');
  for (int number = 0; number != 60; ++number)
    server.send("news.eu", std::to_string(number) + " " + filling.substr(10));
  // The last is small: it comes in only once there is room again.
  until([&] { return log.count() > 30; });
  server.send("news.eu", "after");
  until([&] { return !datas(log).empty() && datas(log).back() == "after"; });

  const std::vector<std::string> seen = datas(log);
  CHECK(seen.front() == "gap source_lost");  // its topic was opened before the connection was there
  std::size_t at = 1;
  while (seen[at] == std::to_string(at - 1)) ++at;
  CHECK(at > 30);
  CHECK(at < 60);
  CHECK(seen[at] == "gap source_lost");
  CHECK(given.metrics.gaps.value() >= 2);
  source.stop();
}

}  // namespace
}  // namespace sluice::source
