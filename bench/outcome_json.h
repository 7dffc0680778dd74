// An outcome as JSON, complete: its figures, the buckets of its histograms, its bins, the plan. One line, so that
// several runs are JSON lines. Pure; read back by stored_run.h. No secret of the plan's is written.
// Invariant: the keys stay; what is new gets a key of its own.
#pragma once

#include <cstdint>
#include <string>

#include "bench/run_report.h"

namespace sluice::bench {

[[nodiscard]] std::string outcome_json(const RunReport& report);

// "2026-11-30T08:15:00Z"
[[nodiscard]] std::string utc_text(std::int64_t unix_seconds);

}  // namespace sluice::bench
