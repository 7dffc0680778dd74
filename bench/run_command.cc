#include "bench/run_command.h"

#include <unistd.h>

#include <fstream>
#include <optional>
#include <ostream>
#include <stdexcept>

#include <fmt/format.h>

#include "bench/html_report.h"
#include "bench/interrupt.h"
#include "bench/live_view.h"
#include "bench/outcome_json.h"
#include "bench/plan_names.h"
#include "bench/summary.h"
#include "bench/terminal.h"

namespace sluice::bench {
namespace {

constexpr int failed = 1, wrongly_called = 2;

// What can be known before a run that takes minutes.
void check_writable(std::string_view flag, const std::filesystem::path& file) {
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  if (!std::filesystem::is_directory(folder))
    throw std::invalid_argument(fmt::format("{} {}: there is no folder {}", flag, file.string(), folder.string()));
  const bool exists = std::filesystem::exists(file);
  if (std::filesystem::is_directory(file) || ::access((exists ? file : folder).c_str(), W_OK) != 0)
    throw std::invalid_argument(fmt::format("{} {}: not writable", flag, file.string()));
}

void write_file(const std::filesystem::path& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream << text << std::flush;
  if (!stream) throw std::runtime_error(file.string() + " could not be written");
}

std::string title_of(const Command& command) {
  return fmt::format("{} {}", name_of(command.plan.scenario), url_of(command.plan.crowd.target));
}

Outcome watched(const Command& command, const RunPlan& run, std::ostream& out, std::ostream& err) {
  const Interrupt interrupt;
  LiveView view(err, {.title = title_of(command),
                      .terminal = is_terminal(STDERR_FILENO),
                      .quiet = command.quiet,
                      .style = [] { return style_of(STDERR_FILENO); },
                      .stop = &Interrupt::asked,
                      .open =
                          [&] {
                            if (command.plan.announce_open) out << "open" << std::endl;
                          }});
  return run(command.plan, view);
}

}  // namespace

int run_command(const Command& command, const RunPlan& run, std::ostream& out, std::ostream& err) {
  std::optional<StoredRun> before;
  const bool json_out = command.json == "-";
  try {
    if (command.json && !json_out) check_writable("--json", *command.json);
    if (command.report) check_writable("--report", *command.report);
    if (command.compare) before = read_stored_run(*command.compare);
  } catch (const std::invalid_argument& error) {
    err << "sluice bench: " << error.what() << '\n';
    return wrongly_called;
  }

  RunReport report{command.plan, watched(command, run, out, err), {}, {}, command.typed};
  if (!report.outcome.failure.empty() && report.outcome.seconds == 0) {
    // Nothing was measured: a report of it would only hide why.
    err << "sluice bench: " << report.outcome.failure << '\n';
    return failed;
  }
  report.verdict = verdict_of(report.outcome, command.expectations);
  if (before)
    report.comparison = compare(command.compare->string(), *before, stored(report.outcome, report.verdict.clean()));

  if (!command.quiet)
    (json_out ? err : out) << summary_text(report, style_of(json_out ? STDERR_FILENO : STDOUT_FILENO)) << std::flush;
  if (json_out) out << outcome_json(report) << std::flush;
  if (command.json && !json_out) write_file(*command.json, outcome_json(report));
  if (command.report) write_file(*command.report, html_report(report));
  return report.verdict.exit_code();
}

}  // namespace sluice::bench
