// The table of all figures for docs/benchmarking.md and `sluice bench --list-figures`: Markdown, readable as it is.
// Pure.
#pragma once

#include <string>

namespace sluice::bench {

[[nodiscard]] std::string figures_table();

}  // namespace sluice::bench
