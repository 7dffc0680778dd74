// Quantities: a number and its unit as text, both ways, for the figures of a run: "1.24 ms", "26.5 KiB", "2,000,000",
// "43 %". Pure. Invariant: what parse_quantity() gives is finite and not below 0, in the unit that was asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::bench {

enum class Unit : std::uint8_t {
  count,
  per_second,
  seconds,
  milliseconds,
  microseconds,
  bytes,
  bytes_per_second,
  share,  // of a core, or of a whole: 1 is 100 %
};

// For a person, three digits or so, in the unit of a size that suits: milliseconds 0.0042 is "4.2 us".
[[nodiscard]] std::string quantity_text(double value, Unit unit);

// "50ms", "1.5 s", "64KiB", "10k", "50%", "2M/s", or a bare number in `unit` itself. Absent when it is anything else,
// or of another kind. Suffixes: ns us ms s m; B kB KB KiB MB MiB GB GiB; k M G; %.
[[nodiscard]] std::optional<double> parse_quantity(std::string_view text, Unit unit);

// How one writes such a quantity, for an error's remedy: "50ms", "64KiB".
[[nodiscard]] std::string_view example_of(Unit unit);

// "12,345,678"
[[nodiscard]] std::string grouped(std::uint64_t number);

}  // namespace sluice::bench
