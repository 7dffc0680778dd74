// What this machine lets one process have: descriptors and local ports, checked before a run begins, for running out of
// them in the middle says nothing about the server. Called once, by the run. Invariant: after it returned, the crowd
// fits, as far as the system says.
#pragma once

#include "bench/plan.h"

namespace sluice::bench {

// Raises the limit of descriptors as far as it is allowed and needed. Throws std::runtime_error with what to do.
void prepare_limits(const Plan& plan);

// The largest number of connections that the plan may come to.
[[nodiscard]] unsigned connections_max(const Plan& plan);

}  // namespace sluice::bench
