// Comparison: the figures of one run beside those of an earlier one, as ratios, marked better or worse only where the
// difference is larger than the noise. Pure. The noise of a figure is what its kind has at least, and twice the
// standard error over the bins of both runs where the figure has bins; few bins say little and are trusted little.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/figures.h"
#include "bench/stored_run.h"

namespace sluice::bench {

enum class Change : std::uint8_t {
  none,  // the same, or within the noise
  better,
  worse,
  other,  // different, and neither is better
};

struct Compared {
  const FigureKind* kind = nullptr;
  double before = 0, now = 0;
  std::optional<double> ratio;  // now / before; absent when before is 0
  double noise = 0;             // as a share
  Change change = Change::none;
};

struct Comparison {
  std::string name;                // of the file
  std::vector<Compared> figures;   // that both runs have
  std::vector<std::string> notes;  // why the runs may not be comparable, a line each
};

[[nodiscard]] Comparison compare(const std::string& name, const StoredRun& before, const StoredRun& now);

// "0.82x"
[[nodiscard]] std::string ratio_text(const Compared& compared);

}  // namespace sluice::bench
