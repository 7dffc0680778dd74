// RetryHints: the reconnection time that each subscriber is given, drawn for it alone, so that a cut of all of them at
// once comes back spread: no faster than this process can take them, and later while it is loaded.
// One per worker, told the load of the whole process; pure. Invariant: every drawn value lies in interval(), both ends
// included, and interval() in the configured range. The interval is what gets clamped, never a drawn value: clamped
// values pile up on one instant, a stampede of their own.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>

#include "gateway/config/config.h"

namespace sluice::load {

using Random = std::mt19937_64;  // one per worker, seeded at its start

class RetryHints {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  struct Interval {
    std::chrono::milliseconds low, high;
    friend bool operator==(const Interval&, const Interval&) = default;
  };
  struct Situation {
    double load_percent = 0;
    std::uint64_t streams = 0;   // that would come back at once
    double accept_rate = 2'000;  // of them a second
  };

  explicit RetryHints(config::RetryRange range);

  void adjust(const Situation& situation, TimePoint now);
  [[nodiscard]] Interval interval() const { return interval_; }
  // retry.max leaves less time than the streams need to come back at the accept rate: admission has to take the rest.
  [[nodiscard]] bool truncated() const { return truncated_; }
  [[nodiscard]] std::chrono::milliseconds draw(Random& random) const;
  // Counts renewals, modulo 256. A stream that holds another edition gets a new `retry:` with its next bytes. It grows
  // when the interval has moved by more than a quarter, at most every 30 s; every 5 s where its upper end has more than
  // doubled.
  [[nodiscard]] std::uint8_t edition() const { return edition_; }

 private:
  const config::RetryRange range_;
  Interval interval_, told_;
  std::optional<TimePoint> told_at_;
  std::uint8_t edition_ = 0;
  bool truncated_ = false;
};

}  // namespace sluice::load
