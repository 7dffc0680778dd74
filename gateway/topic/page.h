// Page: a run of events that the engine still has, read for everybody who asks for it (Replays). Made on a source's
// home worker, reference-counted, immutable once shared, so any thread may read it (ARCHITECTURE.md, Invariants).
// Invariant: `entries` are all events of its topics in (from, through], in the source's order; what is lost of
// (after, from] is announced before them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/topic/entry.h"
#include "gateway/topic/gap.h"

namespace sluice::topic {

// What to read: the events of these topics (full names, or patterns) after a position.
struct ReadRequest {
  std::vector<std::string> topics;
  std::string after;                                           // empty: from the oldest that the engine has
  std::optional<std::chrono::system_clock::time_point> since;  // instead of `after`: from this time on
  friend bool operator==(const ReadRequest&, const ReadRequest&) = default;
  // Equal for equal topics, and for equal requests.
  [[nodiscard]] std::string topics_text() const {
    std::string text;
    for (const std::string& topic : topics) text.append(topic).push_back('\0');
    return text;
  }
  [[nodiscard]] std::string key() const {
    return topics_text() + (since ? '@' + std::to_string(since->time_since_epoch().count()) : after);
  }
};

struct ReadLimits {
  std::size_t entries = 1000;
  std::size_t bytes = 1024 * 1024;
};

struct Page {
  std::string after;    // as asked for
  std::string from;     // where it begins; never empty once read
  std::string through;  // where the next page begins
  std::vector<EntryPtr> entries;
  std::optional<GapReason> gap;  // why `from` is not `after`; absent for a page from the oldest or from a time
  bool at_end = false;           // the engine had nothing newer
  // Every entry up to this one was in the engine before the page was read (0: unknown). Of pages without entries.
  Sequence appended = 0;
  // Whether its gap concerns a stream at `position`, for whose neighbour it may have been read.
  [[nodiscard]] bool tells_loss_after(const PositionFormat& format, std::string_view position) const {
    return gap == GapReason::trimmed ? !(format.compare(position, from) >= 0) : gap.has_value();
  }
  // Memory, once it is shared. Counted once: a page has a thousand entries, and every worker may ask.
  [[nodiscard]] std::size_t footprint() const {
    const std::atomic_ref<std::size_t> counted(footprint_counted);
    std::size_t bytes = counted.load(std::memory_order_relaxed);
    if (bytes != 0) return bytes;
    bytes = sizeof(Page);
    for (const EntryPtr& entry : entries) bytes += entry->footprint() + sizeof entry;
    counted.store(bytes, std::memory_order_relaxed);
    return bytes;
  }
  mutable std::size_t footprint_counted = 0;  // footprint()'s own; 0: not yet
};
using PagePtr = std::shared_ptr<const Page>;

// The page with the newest entry of each key alone, and those without a key. Who is cut inside it and goes on after the
// id of the last one it had misses no key: what was left out before that place is followed by its newer value.
[[nodiscard]] PagePtr newest_of(const PagePtr& page);

// Called once: with the page, or with nullptr when this source has nothing but its rings.
using ReadDone = std::function<void(PagePtr)>;

}  // namespace sluice::topic
