#include "gateway/connect_check.h"

#include <fmt/format.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <deque>
#include <memory>
#include <ostream>
#include <random>
#include <vector>

#include "gateway/source/source.h"

namespace sluice {

namespace {

constexpr std::chrono::seconds patience{10};
constexpr std::chrono::milliseconds look{50};

// A source with a home of its own and no worker.
struct Trial {
  Trial(const config::Config& config, const config::Source& source, boost::asio::io_context& io)
      : metrics(source.name), positions(source::make_positions(source, std::random_device()())) {
    shared = std::make_shared<topic::SharedSource>(source.name, positions.format, positions.replays);
    topics = std::make_unique<topic::Topics>(shared, history);
    home = std::make_unique<topic::Home>(topic::SourceIndex{0}, *topics, history, config.limits.topics,
                                         [](const topic::Message&) {});
    adapter =
        source::make_source({.config = source,
                             .limits = config.limits,
                             .home = *home,
                             .format = *positions.format,
                             .io = io,
                             .post = [&io](std::function<void()> call) { boost::asio::post(io, std::move(call)); },
                             .metrics = metrics,
                             .random = std::mt19937_64(std::random_device()())});
    adapter->start(std::chrono::steady_clock::now());
  }
  [[nodiscard]] bool decided() const { return metrics.state() != observe::SourceState::starting; }
  [[nodiscard]] bool up() const { return metrics.state() == observe::SourceState::up; }

  const topic::History history;
  observe::SourceMetrics metrics;
  source::Positions positions;
  std::shared_ptr<topic::SharedSource> shared;
  std::unique_ptr<topic::Topics> topics;
  std::unique_ptr<topic::Home> home;
  std::unique_ptr<source::Source> adapter;
};

}  // namespace

bool connect_sources(const config::Config& config, std::ostream& out) {
  boost::asio::io_context io{1};
  const auto work = boost::asio::make_work_guard(io);
  std::deque<Trial> trials;
  for (const config::Source& source : config.sources) trials.emplace_back(config, source, io);
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!std::ranges::all_of(trials, &Trial::decided) && std::chrono::steady_clock::now() < end) io.run_for(look);
  for (const Trial& trial : trials) {
    const std::string why = trial.metrics.why();
    out << fmt::format("source {}: {}{}\n", trial.metrics.source(),
                       trial.decided() ? name(trial.metrics.state()) : "no answer within 10 s",
                       why.empty() ? "" : ": " + why);
  }
  const bool all_up = std::ranges::all_of(trials, &Trial::up);
  for (Trial& trial : trials) trial.adapter->stop();
  return all_up;
}

}  // namespace sluice
