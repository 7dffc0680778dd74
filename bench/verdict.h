// Verdict: whether a run was good, said once for the exit code, the summary and the report. Pure.
// A fault that --expect sets a limit for is judged by that limit alone: who expects lost<10 has said what is clean.
#pragma once

#include <string>
#include <vector>

#include "bench/expectation.h"
#include "bench/outcome.h"

namespace sluice::bench {

struct Verdict {
  std::string failure;              // what made the run worthless; empty: none
  std::vector<std::string> faults;  // "12 lost"; of a ramp none: crossing its limits is its purpose
  std::vector<Judgement> judgements;

  [[nodiscard]] bool missed() const;  // an expectation
  [[nodiscard]] bool clean() const { return failure.empty() && faults.empty() && !missed(); }
  // 0: clean. 1: failed or not clean. 3: clean but for an expectation that was missed.
  [[nodiscard]] int exit_code() const;
  // "clean", "12 lost, 3 repeated", "an expectation was missed", "failed: ..."
  [[nodiscard]] std::string text() const;
};

[[nodiscard]] Verdict verdict_of(const Outcome& outcome, const std::vector<Expectation>& expectations);

}  // namespace sluice::bench
