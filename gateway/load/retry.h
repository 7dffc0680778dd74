// RetryHints: the reconnection time each subscriber is given when it opens, drawn for it alone, so that a cut of all of
// them at once comes back spread. The interval is the configured range now; measured load will move it within that
// range, behind interval().
// One per worker; pure. Invariant: every drawn value lies in interval(), both ends included. The interval is what gets
// clamped to the range, never a drawn value: clamped values pile up on one instant, a stampede of their own.
#pragma once

#include <chrono>
#include <random>

#include "gateway/config/config.h"

namespace sluice::load {

using Random = std::mt19937_64;  // one per worker, seeded at its start

class RetryHints {
 public:
  struct Interval {
    std::chrono::milliseconds low, high;
    friend bool operator==(const Interval&, const Interval&) = default;
  };

  explicit RetryHints(config::RetryRange range);

  [[nodiscard]] Interval interval() const { return {range_.min, range_.max}; }
  [[nodiscard]] std::chrono::milliseconds draw(Random& random) const;

 private:
  config::RetryRange range_;
};

}  // namespace sluice::load
