// FreeMemory: when to give free memory back to the system. A crowd that connects at once leaves a hole of 16 KB behind
// each TLS handshake, and one that goes leaves everything: the allocator keeps both, and the process looks as large as
// its worst second. Asked once a second by the first worker; pure, it is told the time and what has happened.
// Invariant: not due more often than min_interval, and never for fewer than turnover_min connections.
#pragma once

#include <chrono>
#include <cstdint>

namespace sluice::load {

class FreeMemory {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Walking the free lists costs milliseconds: wait for a pause, but not for ever.
  static constexpr std::chrono::seconds min_interval{1}, patience{10};
  static constexpr std::uint64_t turnover_min = 64;

  // `turnover`: connections opened and closed since the start. True: release now.
  [[nodiscard]] bool due(std::uint64_t turnover, TimePoint now) {
    const bool pause = turnover == seen_;
    seen_ = turnover;
    if (turnover - released_ < turnover_min || now - released_at_ < (pause ? min_interval : patience)) return false;
    released_ = turnover;
    released_at_ = now;
    return true;
  }

 private:
  std::uint64_t seen_ = 0, released_ = 0;
  TimePoint released_at_{};
};

}  // namespace sluice::load
