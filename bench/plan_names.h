// The words of a plan as a person writes them, both ways: scenarios, wires, what a ramp raises. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "bench/plan.h"

namespace sluice::bench {

[[nodiscard]] const std::map<std::string, Scenario>& scenario_names();  // "slow-reader" → slow_reader
[[nodiscard]] std::string_view name_of(Scenario scenario);
[[nodiscard]] std::string_view name_of(Wire wire);
[[nodiscard]] std::string_view name_of(Publishing::Kind kind);
[[nodiscard]] std::string_view name_of(RampPlan::What what);

// "https://localhost:8443/topics/t{i}"
[[nodiscard]] std::string url_of(const client::Target& target);

}  // namespace sluice::bench
