// RunReport: a run with everything that is to be said about it. Values, put together once when the run has ended, and
// shown as text (summary.h), JSON (outcome_json.h) and HTML (html_report.h).
#pragma once

#include <optional>
#include <string>

#include "bench/comparison.h"
#include "bench/outcome.h"
#include "bench/plan.h"
#include "bench/verdict.h"

namespace sluice::bench {

struct RunReport {
  Plan plan;
  Outcome outcome;
  Verdict verdict;
  std::optional<Comparison> comparison;
  std::string command;  // what was typed, without secrets
};

}  // namespace sluice::bench
