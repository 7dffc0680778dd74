// SseBackendIds: which positions a topic was given last, to tell an event that the backend sends again from one of a
// backend that has begun anew with the same ids, and to find where a reading of the past meets the ring. Owned by a
// topic, on the home worker's thread. Pure. It keeps hashes: two that collide would announce a loss that was none.
// Invariant: of the newest `count_max` positions none is missing; each has the sequence of its newest entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "gateway/topic/position_format.h"

namespace sluice::source {

class SseBackendIds {
 public:
  struct Known {
    std::size_t content = 0;  // a hash of what the event said
    topic::Sequence sequence = 0;
  };
  explicit SseBackendIds(std::size_t count_max) : count_max_(count_max) {}

  void add(std::string_view position, const Known& known) {
    const std::size_t key = std::hash<std::string_view>()(position);
    known_[key] = known;
    order_.emplace_back(key, known.sequence);
    if (order_.size() <= count_max_) return;
    const auto [oldest, sequence] = order_.front();
    order_.pop_front();
    const auto found = known_.find(oldest);
    if (found != known_.end() && found->second.sequence == sequence) known_.erase(found);
  }
  [[nodiscard]] const Known* find(std::string_view position) const {
    const auto found = known_.find(std::hash<std::string_view>()(position));
    return found == known_.end() ? nullptr : &found->second;
  }
  void clear() {
    known_.clear();
    order_.clear();
  }

 private:
  const std::size_t count_max_;
  std::unordered_map<std::size_t, Known> known_;
  std::deque<std::pair<std::size_t, topic::Sequence>> order_;
};

}  // namespace sluice::source
