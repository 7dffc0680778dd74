// The figures of a load run as text for a person or one JSON object for a program (bench/run).
#pragma once

#include <string>

#include "bench/load.h"

namespace sluice::bench {

[[nodiscard]] std::string report_text(const LoadOptions& options, const Figures& figures);
[[nodiscard]] std::string report_json(const LoadOptions& options, const Figures& figures);

}  // namespace sluice::bench
