// FlushRounds: how long new events wait after a long round of flushes. A round over a thousand connections takes
// milliseconds; begun again at once for what came meanwhile, it keeps the core busy at any load and merges little. A
// rest of half the last round merges half as much again, costs nobody more latency than the round itself did, and
// leaves the core time for handshakes. Short rounds are followed by no rest.
// One per worker; pure, it is told the time. Invariant: a rest is at most rest_max and at most half of its round.
#pragma once

#include <algorithm>
#include <chrono>

namespace sluice::load {

class FlushRounds {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::milliseconds long_round{2}, rest_max{5};

  // A round of flushes went from `begin` to `end`.
  void flushed(TimePoint begin, TimePoint end) {
    const auto round = end - begin;
    if (round >= long_round) rest_until_ = end + std::min<TimePoint::duration>(round / 2, rest_max);
  }
  // New events wait until then; in the past: they do not.
  [[nodiscard]] TimePoint rest_until() const { return rest_until_; }

 private:
  TimePoint rest_until_{};
};

}  // namespace sluice::load
