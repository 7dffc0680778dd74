// `sluice bench`: runs a command's plan, watched, and says what came of it: summary, JSON, HTML report. Called by main
// with parsed values. Files that cannot be written or read are refused before the run, not after it.
#pragma once

#include <functional>
#include <iosfwd>

#include "bench/command.h"
#include "bench/outcome.h"
#include "bench/progress.h"

namespace sluice::bench {

using RunPlan = std::function<Outcome(const Plan&, Watcher&)>;

// The exit code: 0 clean, 1 failed or not clean, 2 wrongly called, 3 an expectation missed. A run that was interrupted
// is judged like any other, by what it measured until then. `run` is run_benchmark, or a test's.
int run_command(const Command& command, const RunPlan& run, std::ostream& out, std::ostream& err);

}  // namespace sluice::bench
