// The report of a run as one HTML page that needs nothing but itself: figures, expectations, plots, the command. Pure.
// Invariant: every text that came from outside (URL, command, failures) is escaped; there is no script in it.
#pragma once

#include <string>

#include "bench/run_report.h"

namespace sluice::bench {

[[nodiscard]] std::string html_report(const RunReport& report);

}  // namespace sluice::bench
