// Where a stream begins in one topic: decided from what the client sent as its last event id and what the log still
// holds. Pure; used by serve/event_stream when it opens.
// Invariant: no entry after the client's position is skipped unless a gap says so.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/topic/gap.h"
#include "gateway/topic/topics.h"

namespace sluice::topic {

// What the client asked for of one source.
struct Wish {
  enum class Kind : std::uint8_t { now, earliest, position, no_position };
  Kind kind = Kind::now;
  std::string position;  // opaque text, valid in an `id:` field
};

struct Start {
  Offset next = 0;
  Sequence after = 0;            // entries up to this sequence are not sent
  std::optional<GapReason> gap;  // to be announced first
};

// The position that the text names, if it is one of this source's present opening.
[[nodiscard]] std::optional<Sequence> known_sequence(const Topics& topics, std::string_view position);
// False: this worker has not seen the source's entries up to the wished position yet; ask again in a later turn.
[[nodiscard]] bool can_start(const Topics& topics, const Wish& wish);
[[nodiscard]] Start find_start(const Topics& topics, const TopicLog& log, const Wish& wish);

}  // namespace sluice::topic
