// Gap: events that a subscriber should have got and that nobody has any more, announced in its stream before the next
// event as `event: sluice.gap`. A value. Pure text.
// Invariant: the gap's `id:` is the last lost position, so that a client that got it is not told of the same
// loss again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::topic {

enum class GapReason : std::uint8_t {
  trimmed,           // retention took them before the subscriber came back
  slow_consumer,     // retention took them while the subscriber was connected and did not read
  unknown_epoch,     // the position is of another opening of the source: the gateway restarted, or another node
  unknown_position,  // not a position of this source, or one that it has not reached
  no_position,       // the id has no part for this topic's source
  recreated,         // the engine's stream is another one: made anew, failed over, restored
  source_lost,       // the source lost its engine for a while, and the engine keeps nothing (pub/sub)
  too_many_topics,   // limits.topics topics have state: an event of another one was passed over
};
inline constexpr std::size_t gap_reason_count = static_cast<std::size_t>(GapReason::too_many_topics) + 1;
[[nodiscard]] const char* name(GapReason reason);

struct Gap {
  std::string_view topic;
  std::string_view from;               // the position after which events are lost; empty: not known
  std::string_view to;                 // the last lost position
  std::optional<std::uint64_t> count;  // how many, where known
  GapReason reason = GapReason::trimmed;
};

inline constexpr std::string_view gap_event = "sluice.gap";

// The event's data, as JSON.
[[nodiscard]] std::string gap_data(const Gap& gap);
// Appends the whole event: `id:` (the stream's id once it has this gap), `event: sluice.gap`, `data:` as JSON.
void append_gap(std::string& out, const Gap& gap, std::string_view id);

}  // namespace sluice::topic
