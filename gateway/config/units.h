// Durations ("250ms", "10s", "5m", "1h", "2d") and sizes ("64KiB", "10MB", "4096") as text, both ways. Pure.
// Invariant: parse_duration(duration_text(d)) == d for d ≥ 0, and the same for sizes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::config {

// Whole numbers of one unit; absent when `text` is anything else or does not fit 63 bits.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

// With the largest unit that divides evenly.
[[nodiscard]] std::string duration_text(std::chrono::milliseconds duration);
[[nodiscard]] std::string size_text(std::uint64_t bytes);

// Decimal digits, with TOML's underscores between them ("50_000").
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text);

}  // namespace sluice::config
