// The summary of a run for a terminal: figures in groups, the ramp's steps, expectations, warnings, the verdict. Pure.
#pragma once

#include <string>

#include "bench/run_report.h"
#include "bench/text_style.h"

namespace sluice::bench {

[[nodiscard]] std::string summary_text(const RunReport& report, const TextStyle& style);

}  // namespace sluice::bench
