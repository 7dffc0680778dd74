// Where a stream begins in the topics of one position space (a source, or one topic of a source whose topics have
// positions of their own): decided from what the client sent as its last event id and what the logs still hold. Pure;
// used by serve/event_stream when it opens, and by Merge to go from the past over to the ring.
// Invariant: no entry after the client's position is skipped unless a gap says so.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/topic/gap.h"
#include "gateway/topic/topics.h"

namespace sluice::topic {

// What the client asked for of one position space.
struct Wish {
  enum class Kind : std::uint8_t { now, earliest, since, position, no_position };
  Kind kind = Kind::now;
  std::string position = {};  // opaque text, valid in an `id:` field
  std::chrono::system_clock::time_point since{};
  TimePoint since_arrived{};  // the same on the loop's clock
};

// Where a position stands in a log.
struct Place {
  enum class Kind : std::uint8_t {
    here,       // the entries after it are in the log, from `next` on
    older,      // the log begins after it
    ahead,      // this log has not come so far yet, or its engine never has
    foreign,    // of another opening of the source
    malformed,  // no position of this source
  };
  Kind kind = Kind::here;
  Offset next = 0;
  bool filter = false;  // vectors: after `next` are entries that a stream at this position has had
};
[[nodiscard]] Place locate(const Topics& topics, const TopicLog& log, std::string_view position);

// Where a stream begins in one log.
struct Start {
  Offset next = 0;
  Sequence after = 0;                 // entries up to this sequence are not sent
  std::optional<GapReason> gap = {};  // to be announced first
};

// And in all logs of one position space.
struct PartStart {
  enum class Kind : std::uint8_t {
    ready,     // `starts`, by log
    ask_home,  // perhaps this worker has not seen it yet: what its home says now was preceded by everything before
    replay,    // from pages, after `after` or since a time
  };
  Kind kind = Kind::ready;
  std::vector<Start> starts = {};
  std::string position = {};          // from which it runs; for replay: unknown until the first page
  std::string resumed = {};           // ready: entries that a stream at this position has had are to be skipped
  std::optional<GapReason> gap = {};  // replay: why it is not after the client's position
  std::string after = {};             // replay: empty for the oldest that there is
  std::string missed = {};            // replay: of the topic's first entry after that, where it is known
  // Why it does not go on where its client was.
  [[nodiscard]] std::optional<GapReason> loss() const {
    if (gap) return gap;
    for (const Start& start : starts)
      if (start.gap) return start.gap;
    return std::nullopt;
  }
};
// `asked`: the home has answered since.
[[nodiscard]] PartStart find_start(const Topics& topics, std::span<TopicLog* const> logs, const Wish& wish, bool asked);

}  // namespace sluice::topic
