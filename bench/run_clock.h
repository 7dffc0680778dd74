// The time of a load run, in nanoseconds since it began, or since an instant of this machine's steady clock that
// several processes share: what payloads carry and latencies are measured with.
#pragma once

#include <chrono>
#include <cstdint>

namespace sluice::bench {

class RunClock {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  RunClock() = default;
  explicit RunClock(time_point start) : start_(start) {}
  [[nodiscard]] std::uint64_t now() const { return since(std::chrono::steady_clock::now()); }
  [[nodiscard]] std::uint64_t since(time_point instant) const {
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(instant - start_).count());
  }

 private:
  time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace sluice::bench
