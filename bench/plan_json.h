// A plan as JSON: what was to be done, beside what came of it. Pure. Never writes a secret: of header fields the names.
#pragma once

#include <boost/json/object.hpp>

#include "bench/plan.h"

namespace sluice::bench {

[[nodiscard]] boost::json::object plan_json(const Plan& plan);

}  // namespace sluice::bench
