// Schedule: what is due when, for everything of one thread, so that it needs one timer and not one for each. Pure: told
// the time. Owned by a CrowdThread (reconnects of its streams). Invariant: what take_due() gives comes in order of its
// time, and nothing before it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace sluice::bench {

template <class Thing>
class Schedule {
 public:
  void add(std::uint64_t due, Thing& thing) {
    entries_.push_back({due, &thing});
    std::ranges::push_heap(entries_, std::ranges::greater{}, &Entry::due);
  }
  [[nodiscard]] std::optional<std::uint64_t> next_due() const {
    return entries_.empty() ? std::nullopt : std::optional(entries_.front().due);
  }
  // Null: nothing is due.
  [[nodiscard]] Thing* take_due(std::uint64_t now) {
    if (entries_.empty() || entries_.front().due > now) return nullptr;
    std::ranges::pop_heap(entries_, std::ranges::greater{}, &Entry::due);
    Thing* thing = entries_.back().thing;
    entries_.pop_back();
    if (entries_.empty()) entries_ = {};  // a storm of 50,000 is over
    return thing;
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint64_t due;
    Thing* thing;
  };
  std::vector<Entry> entries_;  // a heap
};

}  // namespace sluice::bench
