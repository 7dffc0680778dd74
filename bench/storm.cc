// The scenarios in which everybody loses the connection at once: storm and drain.
#include <fmt/format.h>

#include <algorithm>

#include "bench/scenarios.h"
#include "bench/shell_command.h"

namespace sluice::bench {
namespace {

// A restart that reaches a part of the crowd (one server of several): nobody else has been lost for so long.
constexpr std::chrono::seconds quiet_after_restart{3};

double seconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

// What the threads have recorded since `began`.
StormFigures gather_figures(Run& run, std::uint64_t began) {
  StormFigures figures;
  std::vector<std::uint64_t> arrivals;
  std::uint64_t last_back = 0;
  run.crowd().each([&](CrowdThread& thread) {
    const StormRecord& record = thread.storm();
    figures.away.merge(record.away());
    figures.reopen.merge(record.reopen());
    figures.retry_held_ms.insert(figures.retry_held_ms.end(), record.retry_held_ms().begin(),
                                 record.retry_held_ms().end());
    if (arrivals.size() < record.arrivals().size()) arrivals.resize(record.arrivals().size());
    for (std::size_t second = 0; second < record.arrivals().size(); ++second)
      arrivals[second] += record.arrivals()[second];
    last_back = std::max(last_back, record.last_back());
  });
  const CrowdTotals totals = run.crowd().totals();
  figures.dropped = totals.dropped;
  figures.back = totals.back;
  if (figures.dropped != 0 && figures.back == figures.dropped) figures.all_back_seconds = seconds(last_back - began);
  if (const auto peak = std::ranges::max_element(arrivals); peak != arrivals.end()) {
    figures.arrivals_peak = *peak;
    figures.arrivals_peak_at_seconds = static_cast<double>(peak - arrivals.begin());
  }
  return figures;
}

}  // namespace

void run_storm(Run& run) {
  const Plan& plan = run.plan();
  run.open();
  run.start_publishing();
  run.work(Phase::warming_up, plan.warmup);
  run.expect_publishing();
  if (run.stopping()) return run.settle();

  run.begin_measuring();
  const std::uint64_t failed_before = run.crowd().totals().failed_attempts;
  const auto from = Run::Clock::now();
  const std::uint64_t began = run.now();
  run.crowd().each([&](CrowdThread& thread) { thread.begin_storm(began); });
  std::optional<ShellCommand> restart;
  if (plan.storm.restart_command.empty())
    run.crowd().each([](CrowdThread& thread) { thread.drop_all(); });
  else
    restart.emplace(plan.storm.restart_command, ShellCommand::Input::none);

  std::uint64_t dropped = 0;
  auto quiet_since = from;
  double server_exit = 0;
  const auto all_back = [&] {
    const CrowdTotals totals = run.crowd().totals();
    const auto now = Run::Clock::now();
    if (std::exchange(dropped, totals.dropped) != totals.dropped) quiet_since = now;
    if (server_exit == 0 && std::ranges::any_of(run.servers(), [](ServerProcess& server) { return server.gone(); }))
      server_exit = std::chrono::duration<double>(now - from).count();
    const bool command_ended = !restart || restart->ended();
    if (command_ended && restart && restart->failed()) return true;
    if (dropped == 0 || totals.back + totals.closed_for_good < dropped) return false;
    return dropped == run.crowd().streams() || (command_ended && now - quiet_since > quiet_after_restart);
  };
  run.work_until(Phase::coming_back, all_back, plan.storm.settle);
  if (restart && restart->ended() && restart->failed())
    run.fail("the restart command ended with " + restart->how() + ": " + plan.storm.restart_command);
  const auto passed = Run::Clock::now() - from;
  if (passed < plan.duration) run.work(Phase::measuring, plan.duration - passed);
  run.end_measuring();
  run.settle();

  StormFigures figures = gather_figures(run, began);
  figures.failed_attempts = run.crowd().totals().failed_attempts - failed_before;
  figures.restarted = restart.has_value();
  if (plan.scenario == Scenario::drain) figures.server_exit_seconds = server_exit;
  if (figures.dropped == 0) run.fail("no stream lost its connection: the restart command did nothing to them");
  if (figures.back < figures.dropped)
    run.warn(fmt::format("{} of {} streams were not back after {} s", figures.dropped - figures.back, figures.dropped,
                         std::chrono::duration_cast<std::chrono::seconds>(plan.storm.settle).count()));
  run.outcome().storm = std::move(figures);
}

}  // namespace sluice::bench
