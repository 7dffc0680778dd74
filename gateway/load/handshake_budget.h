// HandshakeBudget: how many TLS handshakes one turn of a worker's loop advances, so that a crowd that connects does not
// stop the events. One is always taken; the others until they are too many (limits.handshakes_per_turn), or have taken
// too long: a number alone is 3 ms of work on one machine and 7 ms on another.
// One per worker; pure, it is told the time.
#pragma once

#include <chrono>
#include <cstdint>

namespace sluice::load {

class HandshakeBudget {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::milliseconds time_max{2};

  explicit HandshakeBudget(std::uint32_t per_turn) : per_turn_(per_turn) {}

  void begin_turn() { taken_ = 0; }
  [[nodiscard]] bool has_room(TimePoint now) const { return taken_ == 0 || (taken_ < per_turn_ && now < until_); }
  // A connection whose handshake is not complete is read now.
  void take(TimePoint now) {
    if (taken_++ == 0) until_ = now + time_max;
  }

 private:
  std::uint32_t per_turn_;
  std::uint32_t taken_ = 0;
  TimePoint until_{};  // since this turn's first
};

}  // namespace sluice::load
