// Expectations: what --expect demands of a run's figures, "p99<50ms,lost=0", parsed once and judged on the outcome.
// Pure. Invariant: an expectation's `limit` is in the unit of its figure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/figures.h"

namespace sluice::bench {

enum class Relation : std::uint8_t { below, at_most, equal, at_least, above };

struct Expectation {
  const FigureKind* figure = nullptr;
  Relation relation = Relation::equal;
  double limit = 0;

  [[nodiscard]] std::string text() const;  // "p99 < 50.0 ms"
};

// Expectations separated by commas: a figure's name, one of < <= = >= >, a number with or without its unit.
// Throws std::invalid_argument that names the one that is wrong, and the remedy.
[[nodiscard]] std::vector<Expectation> parse_expectations(std::string_view text);

struct Judgement {
  Expectation expectation;
  std::optional<double> value;  // absent: this run has no such figure, and so does not meet the expectation
  bool met = false;

  [[nodiscard]] std::string value_text() const;  // "12.3 ms", or what the run needs to have the figure
};

[[nodiscard]] std::vector<Judgement> judge(const std::vector<Expectation>& expectations, const Outcome& outcome);

}  // namespace sluice::bench
