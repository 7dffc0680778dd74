// `sluice check --connect`: reaches the engine of every source as the gateway would, and says how that went. Serves
// nobody.
#pragma once

#include <iosfwd>

#include "gateway/config/config.h"

namespace sluice {

// A line for each source; false when one of them is not up after at most 10 s.
[[nodiscard]] bool connect_sources(const config::Config& config, std::ostream& out);

}  // namespace sluice
