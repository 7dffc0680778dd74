#include "bench/run_benchmark.h"

#include <fmt/format.h>

#include <deque>

#include "bench/handshakes.h"
#include "bench/scenarios.h"

namespace sluice::bench {
namespace {

const char* name_of(Scenario scenario) {
  switch (scenario) {
    case Scenario::steady:
      return "steady";
    case Scenario::ramp:
      return "ramp";
    case Scenario::storm:
      return "storm";
    case Scenario::slow_reader:
      return "slow-reader";
    case Scenario::drain:
      return "drain";
    case Scenario::idle:
      return "idle";
    case Scenario::handshakes:
      return "handshakes";
  }
  return "";
}

std::string offered_text(const Plan& plan) {
  const Crowd& crowd = plan.crowd;
  if (plan.scenario == Scenario::handshakes) return fmt::format("{} in progress", crowd.connections);
  const bool streams_rise = plan.scenario == Scenario::ramp && plan.ramp.what == RampPlan::What::streams;
  std::string text = streams_rise ? fmt::format("from {} streams up, {} on a connection", plan.ramp.from, crowd.streams)
                                  : fmt::format("{} connections x {} streams", crowd.connections, crowd.streams);
  if (plan.scenario == Scenario::idle) return text + ", idle";
  if (plan.publishing.kind == Publishing::Kind::none)
    return text + (plan.expected_events != 0 ? fmt::format(", {} events of others", plan.expected_events)
                                             : std::string(", listening"));
  if (plan.scenario == Scenario::ramp && !streams_rise)
    return text + fmt::format(", from {} events/s up", plan.ramp.from);
  if (plan.publishing.rate > 0) return text + fmt::format(", {} events/s", plan.publishing.rate);
  return text + (plan.publishing.one_at_a_time ? ", one event at a time" : ", as fast as acknowledged");
}

void walk(Run& run) {
  const Plan& plan = run.plan();
  switch (plan.scenario) {
    case Scenario::steady:
      return plan.expected_events != 0 && plan.publishing.kind == Publishing::Kind::none ? run_listening(run)
                                                                                         : run_steady(run);
    case Scenario::ramp:
      return run_ramp(run);
    case Scenario::storm:
    case Scenario::drain:
      return run_storm(run);
    case Scenario::slow_reader:
      return run_slow_reader(run);
    case Scenario::idle:
      return run_idle(run);
    case Scenario::handshakes:
      return run_handshakes(run);
  }
}

}  // namespace

void run_handshakes(Run& run) {
  const Plan& plan = run.plan();
  run.crowd().begin();
  const auto& threads = run.crowd().threads();
  std::vector<std::deque<Newcomer>> newcomers(threads.size());
  const auto each = [&](auto task) {
    for (std::size_t i = 0; i < threads.size(); ++i)
      threads[i]->thread().run([&] { task(*threads[i], newcomers[i], static_cast<unsigned>(i)); });
  };
  each([&](CrowdThread& thread, std::deque<Newcomer>& places, unsigned index) {
    for (unsigned number = index; number < plan.crowd.connections; number += static_cast<unsigned>(threads.size()))
      places.emplace_back(thread, number).begin();
  });
  run.work(Phase::warming_up, plan.warmup);
  const CrowdTotals totals = run.crowd().totals();
  if (totals.handshakes == 0 && totals.failed_attempts + totals.closed_for_good != 0) {
    const std::string why = run.explain(run.crowd().trouble());
    each([](CrowdThread&, std::deque<Newcomer>& places, unsigned) { places.clear(); });
    throw std::runtime_error(why);
  }
  run.begin_measuring();
  run.work(Phase::measuring, plan.duration);
  run.end_measuring();
  each([](CrowdThread&, std::deque<Newcomer>& places, unsigned) {
    for (Newcomer& place : places) place.stop();
  });
  run.work_until(
      Phase::closing,
      [&] {
        bool idle = true;
        each([&](CrowdThread&, std::deque<Newcomer>& places, unsigned) {
          for (const Newcomer& place : places) idle = idle && place.idle();
        });
        return idle;
      },
      std::chrono::seconds(2));
  each([](CrowdThread&, std::deque<Newcomer>& places, unsigned) { places.clear(); });
  if (run.crowd().totals().failed_attempts + run.crowd().totals().closed_for_good != 0)
    run.fail(run.explain(run.crowd().trouble()));
}

Outcome run_benchmark(const Plan& plan, Watcher& watcher) {
  Run run(plan, watcher);
  run.outcome().scenario = name_of(plan.scenario);
  run.outcome().offered = offered_text(plan);
  walk(run);
  return run.finish();
}

}  // namespace sluice::bench
