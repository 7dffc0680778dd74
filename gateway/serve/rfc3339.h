// Times as people and programs write them in a query: RFC 3339 §5.6. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace sluice::serve {

// "2026-11-24T21:00:00Z", "2026-11-24T22:00:00.250+01:00"; nullopt: anything else, or a day that no calendar has.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text);

}  // namespace sluice::serve
