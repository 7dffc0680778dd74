// SourceContext: what a source under test is given, but for its home: a loop that the test runs when it wants to, and
// calls from other threads that wait until then. Outlives the source.
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gateway/source/source.h"

namespace sluice::tests {

struct SourceContext {
  explicit SourceContext(std::string url, const std::string& name = "s") : metrics(name) {
    config.name = name;
    config.url = std::move(url);
  }
  [[nodiscard]] source::Context context(topic::Home& home) {
    return {.config = config,
            .limits = limits,
            .home = home,
            .format = home.topics().format(),
            .io = io,
            .post =
                [this](std::function<void()> call) {
                  const std::lock_guard lock(mutex_);
                  posted_.push_back(std::move(call));
                },
            .metrics = metrics,
            .random = std::mt19937_64(7)};
  }
  // What other threads handed over since.
  void run_posted() {
    std::vector<std::function<void()>> calls;
    {
      const std::lock_guard lock(mutex_);
      calls.swap(posted_);
    }
    for (const auto& call : calls) call();
  }

  config::Source config;
  config::Limits limits;
  boost::asio::io_context io;
  observe::SourceMetrics metrics;

 private:
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace sluice::tests
