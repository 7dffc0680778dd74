// The scenarios with a crowd that stays: steady, listening to a known number of events, idle, slow readers.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "bench/scenarios.h"

namespace sluice::bench {
namespace {

using std::chrono::milliseconds;

// Events of others may take this long to come, from one to the next.
constexpr std::chrono::seconds quiet_max{5};
constexpr std::chrono::seconds idle_events_max{30};

// The measured time begins and ends by the publisher's clock, so that it holds as many events as rate and time make.
void publish_and_measure(Run& run, const std::function<void()>& when_warm = {}) {
  const auto from = run.start_publishing();
  const auto warm = from + run.plan().warmup, end = warm + run.plan().duration;
  run.end_publishing_at(end);
  run.work_to(Phase::warming_up, warm);
  run.expect_publishing();
  if (when_warm) when_warm();
  run.begin_measuring();
  run.work_to(Phase::measuring, end);
  run.end_measuring();
}

void warn_of_ends(Run& run) {
  if (const std::uint64_t ended = run.crowd().totals().ended; ended != 0)
    run.warn(fmt::format("the server ended {} streams during the run; they came back as browsers do", ended));
}

}  // namespace

void run_steady(Run& run) {
  run.open();
  publish_and_measure(run);
  run.settle();
  warn_of_ends(run);
}

// What is under way already when the streams open (a replay) is measured with their opening.
void run_listening(Run& run) {
  run.begin_measuring();
  run.open();
  const auto first = [&] { return run.crowd().totals().deliveries != 0; };
  if (!first()) {
    run.begin_measuring();
    run.work_until(Phase::warming_up, first, run.plan().duration);
  }
  const std::uint64_t wanted = run.plan().expected_events * run.crowd().streams();
  const auto complete = [&] { return run.arrived() >= wanted; };
  run.work_while_arriving(Phase::measuring, complete, quiet_max);
  run.end_measuring();
  std::uint64_t from = ~std::uint64_t{0}, to = 0;
  run.crowd().each([&](CrowdThread& thread) {
    const Tally& tally = thread.tally();
    if (tally.first_delivery.value() == 0) return;
    from = std::min(from, tally.first_delivery.value());
    to = std::max(to, tally.last_delivery.value());
  });
  if (to > from) run.outcome().seconds = static_cast<double>(to - from) / 1e9;
  run.outcome().published = run.plan().expected_events * run.plan().crowd.topics;
  warn_of_ends(run);
}

void run_idle(Run& run) {
  run.open();
  if (const unsigned events = run.plan().events_before_idle; events != 0 && run.publisher() != nullptr) {
    run.start_publishing();
    run.work_until(
        Phase::warming_up, [&] { return run.publisher()->count() >= events || run.publisher()->refused() != 0; },
        idle_events_max);
    run.expect_publishing();
    run.settle();
  }
  run.work(Phase::warming_up, run.plan().warmup);
  run.begin_measuring();
  run.work(Phase::measuring, run.plan().duration);
  run.end_measuring();
  warn_of_ends(run);
}

void run_slow_reader(Run& run) {
  run.open();
  publish_and_measure(run, [&] { run.crowd().each([](CrowdThread& thread) { thread.begin_slow_reading(); }); });
  SlowFigures figures;
  figures.others = run.outcome().latency;
  for (unsigned number = 0; number < run.plan().crowd.connections; ++number)
    if (is_slow(run.plan(), number)) figures.slow_streams += run.plan().crowd.streams;
  // What they left unread comes now, and with it the news of those that the server has ended.
  run.crowd().each([](CrowdThread& thread) { thread.end_slow_reading(); });
  run.settle();
  figures.ended = run.crowd().totals().slow_ended;
  run.outcome().slow = std::move(figures);
}

}  // namespace sluice::bench
