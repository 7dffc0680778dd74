// Round: the newest entry of each key of one log, frozen at one moment: what a new subscriber of a snapshot gets first,
// and what a slow one gets instead of all that it has missed. Made by Newest, shared by all who are sent
// it at the same time, immutable. Its entries are sent without `id:`, so that a cut inside it repeats newest values and
// never older ones; `sluice.snapshot` closes it, with the id of the moment.
// Invariant: no two entries have one key; they stand in the order of their log.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/topic/topic_log.h"

namespace sluice::topic {

struct Round {
  std::vector<EntryPtr> entries;
  Offset next = 0;            // where its reader goes on in the log
  Sequence through = 0;       // entries up to this one are behind it then
  std::string position;       // the same, as the source writes it
  bool snapshot = false;      // of all keys; else of those that changed after a place
  bool complete = true;       // snapshot: nothing that the source ever had is missing
  std::uint64_t skipped = 0;  // entries between the place and `next` that it replaces
  std::size_t footprint = 0;  // memory of its entries, in bytes
};
using RoundPtr = std::shared_ptr<const Round>;

inline constexpr std::string_view round_event = "sluice.snapshot";

// The event's data, as JSON.
[[nodiscard]] std::string round_data(const Round& round, std::string_view topic);

}  // namespace sluice::topic
