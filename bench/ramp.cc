// The scenario that finds the knee: streams or rate rise, step by step, until a limit is crossed.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bench/scenarios.h"

namespace sluice::bench {
namespace {

constexpr std::chrono::seconds step_opening_max{60};

// How long after a step what was published in it may still come: a p99 of two seconds is no delivery of that step.
constexpr std::chrono::milliseconds grace_min{500};

struct Instant {
  CrowdTotals totals;
  std::uint64_t published = 0, refused = 0;
  std::uint64_t expected = 0;  // deliveries of what was published so far
  double server_cpu_seconds = 0;
};

double server_cpu_seconds(Run& run) {
  double sum = 0;
  for (ServerProcess& server : run.servers()) sum += std::chrono::duration<double>(server.cpu_time()).count();
  return sum;
}

Instant look(Run& run) {
  Instant instant;
  if (const Publisher* publisher = run.publisher()) {
    instant.published = publisher->count();
    instant.refused = publisher->refused();
    instant.expected = publisher->expected_deliveries();
  }
  instant.totals = run.crowd().totals();
  instant.server_cpu_seconds = server_cpu_seconds(run);
  return instant;
}

// Which limit the step crossed, the clearest first; empty: none.
std::string broken_limit(const RampPlan& plan, const RampStep& step, const std::string& refusal) {
  if (step.refused != 0) return fmt::format("{} refused{}", step.refused, refusal.empty() ? "" : ": " + refusal);
  if (step.lost != 0) return fmt::format("{} deliveries lost", step.lost);
  if (step.delivered_share < plan.delivered_share_min)
    return fmt::format("{:.1f} % of what was offered was delivered, less than {:.1f} %", 100 * step.delivered_share,
                       100 * plan.delivered_share_min);
  const double p99_ms = static_cast<double>(step.latency.quantile(0.99)) / 1e6;
  if (p99_ms > static_cast<double>(plan.p99_max.count()))
    return fmt::format("p99 {:.1f} ms, more than {} ms", p99_ms, plan.p99_max.count());
  return {};
}

// One step at full load; the crowd and the rate are those of `offered` already.
RampStep measure_step(Run& run, double offered) {
  const RampPlan& plan = run.plan().ramp;
  RampStep step;
  step.offered = offered;
  const unsigned section = run.enter_section();
  const Instant before = look(run);
  const auto from = Run::Clock::now();
  run.work(Phase::measuring, plan.step);
  const double seconds = std::chrono::duration<double>(Run::Clock::now() - from).count();
  run.enter_section();
  const Instant after = look(run);
  // The step's last events are still under way; those of the next step do not stand for them.
  run.work_until(
      Phase::measuring, [&] { return run.arrived() >= after.expected; }, std::max(grace_min, plan.p99_max));
  const std::uint64_t came =
      std::min(run.arrived(), after.expected) - std::min(before.totals.arrived(), before.expected);
  run.gather();
  const Slice& slice = run.timeline().section(section);
  step.latency = slice.latency;
  step.lost = slice.lost;
  step.refused = after.totals.closed_for_good - before.totals.closed_for_good + after.refused - before.refused;
  step.server_cpu_share = seconds > 0 ? (after.server_cpu_seconds - before.server_cpu_seconds) / seconds : 0;
  // Each event is for the streams of its topic: on average for streams / topics. A client that cannot publish what was
  // offered has not delivered it either; one event more or less is the step's edge.
  const double rate = plan.what == RampPlan::What::rate ? offered : run.plan().publishing.rate;
  const auto published = static_cast<double>(after.published - before.published);
  const bool kept_up =
      rate == 0 || published >= rate * seconds * plan.delivered_share_min - run.plan().publishing.batch;
  const double events = kept_up ? published : rate * seconds;
  const double wanted = events * static_cast<double>(run.crowd().streams()) / run.plan().crowd.topics;
  step.delivered_share = wanted > 0 ? std::min(1.0, static_cast<double>(came) / wanted) : 1;
  return step;
}

// False: not all that were asked for are open.
bool open_streams(Run& run, double streams) {
  const auto connections = static_cast<unsigned>(std::ceil(streams / run.plan().crowd.streams));
  run.crowd().grow(connections, run.publisher() != nullptr);
  return run.work_until(
      Phase::opening,
      [&] {
        const CrowdTotals totals = run.crowd().totals();
        return totals.opened_once + totals.closed_for_good >= run.crowd().streams();
      },
      step_opening_max);
}

}  // namespace

void run_ramp(Run& run) {
  const RampPlan& plan = run.plan().ramp;
  const bool by_rate = plan.what == RampPlan::What::rate;
  if (by_rate) run.set_rate(plan.from);
  run.open();
  run.start_publishing();
  run.work(Phase::warming_up, run.plan().warmup);
  run.expect_publishing();
  run.begin_measuring();
  unsigned number = 1;
  for (double offered = plan.from; offered <= plan.to && !run.stopping(); offered *= plan.factor, ++number) {
    run.set_step(fmt::format("step {}, {:.0f} {}", number, offered, by_rate ? "events/s" : "streams"));
    bool complete = true;
    if (by_rate)
      run.set_rate(offered);
    else
      complete = open_streams(run, offered);
    RampStep step = measure_step(run, offered);
    if (run.stopping()) break;
    step.broken = broken_limit(plan, step, run.explain(run.crowd().trouble()));
    if (!complete && step.broken.empty()) step.broken = "not all streams were open within a minute";
    run.outcome().ramp.push_back(std::move(step));
    if (!run.outcome().ramp.back().broken.empty()) break;
  }
  run.set_step("");
  run.end_measuring();
  run.settle();
}

}  // namespace sluice::bench
