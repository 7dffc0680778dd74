// The plots of a run's HTML report, each a figure element with its caption and legend; nothing where the run has
// nothing to draw. Pure.
#pragma once

#include <string>

#include "bench/run_report.h"

namespace sluice::bench {

// In the order of the page, as many as the run has.
[[nodiscard]] std::string plots_html(const RunReport& report);

}  // namespace sluice::bench
