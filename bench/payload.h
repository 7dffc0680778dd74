// The data of a load event: "<16 digits sequence> <16 digits time><filler>". The time is the scheduled one, in ns since
// the run began, so that a late publisher or a stalled server shows as latency (no coordinated omission).
// Invariant: parse_payload(make_payload(s, t, n)) is {s, t}, for every n ≥ payload_bytes_min.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::bench {

inline constexpr std::size_t payload_bytes_min = 33;

struct Payload {
  std::uint64_t sequence = 0;  // of its topic, from 0
  std::uint64_t scheduled = 0;
  friend bool operator==(const Payload&, const Payload&) = default;
};

[[nodiscard]] std::string make_payload(const Payload& payload, std::size_t bytes);
// Costs a few nanoseconds: it runs for every delivery. None when the text is not one of ours.
[[nodiscard]] std::optional<Payload> parse_payload(std::string_view text);

}  // namespace sluice::bench
