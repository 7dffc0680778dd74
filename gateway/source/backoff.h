// Backoff: how long to wait before the next attempt to reach an engine: each wait is drawn between a half and the whole
// of a time that doubles from attempt to attempt, so that many gateways do not come back in the same moment. Owned by
// the connection that waits. Pure: told its seed, never asks the time. Invariant: every wait is within [least, most].
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace sluice::source {

class Backoff {
 public:
  using Duration = std::chrono::milliseconds;

  explicit Backoff(std::uint64_t seed, Duration least = Duration(500), Duration most = Duration(30'000))
      : random_(seed), least_(least), most_(most) {}

  // The wait before the next attempt: 0.5-1 s, 1-2 s, …, 15-30 s.
  [[nodiscard]] Duration next() {
    time_ = std::clamp(2 * time_, std::min(2 * least_, most_), most_);
    return Duration(std::uniform_int_distribution<Duration::rep>((time_ / 2).count(), time_.count())(random_));
  }
  // An attempt went well.
  void reset() { time_ = Duration(0); }

 private:
  std::mt19937_64 random_;
  Duration least_, most_, time_{0};
};

}  // namespace sluice::source
