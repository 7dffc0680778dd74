// What the live view shows, as lines: of a terminal's block, and one for a log. Pure: a function of the progress alone.
// Invariant: no line of a block is wider than the style's columns.
#pragma once

#include <string>
#include <vector>

#include "bench/progress.h"
#include "bench/text_style.h"

namespace sluice::bench {

// The block that a terminal redraws, top to bottom; `title` is its first line.
[[nodiscard]] std::vector<std::string> live_block(const Progress& progress, const std::string& title,
                                                  const TextStyle& style);
// The same in one plain line.
[[nodiscard]] std::string live_line(const Progress& progress);

[[nodiscard]] std::string_view name_of(Phase phase);

}  // namespace sluice::bench
