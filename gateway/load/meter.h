// Meter: how loaded this process is: each resource as a share of its limit, smoothed (a rise is believed within a
// second, a fall within half a minute, so that what hangs on the load does not flap), and the worst of them in percent.
// Fed ten times a second by the first worker, on its thread; pure, it is told the time and never reads a clock or
// /proc. Invariant: percent() is 100 times the largest share(), and worst() names whose that is.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::load {

enum class Resource : std::uint8_t {
  cpu,          // cores in use, of the workers
  loop_lag,     // seconds by which the latest worker ran what was due
  connections,  //
  streams,      //
  backlog,      // bytes that are sealed for peers and that their sockets have not taken
  memory,       // resident bytes
  handshakes,   // in progress
  descriptors,  //
};
inline constexpr std::size_t resource_count = static_cast<std::size_t>(Resource::descriptors) + 1;
[[nodiscard]] std::string_view name(Resource resource);

class Meter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  struct Amount {
    double value = 0, limit = 0;  // limit 0: there is none
  };
  using Amounts = std::array<Amount, resource_count>;  // by Resource

  void take(const Amounts& amounts, TimePoint now);

  [[nodiscard]] double percent() const { return 100 * share(worst_); }
  [[nodiscard]] Resource worst() const { return worst_; }
  // 1: at its limit; at most 2.
  [[nodiscard]] double share(Resource resource) const { return shares_[static_cast<std::size_t>(resource)]; }
  // For a person, as last taken: "38 ms of 50 ms".
  [[nodiscard]] std::string amount(Resource resource) const;
  // Of the worst: "loop_lag 38 ms of 50 ms".
  [[nodiscard]] std::string reason() const;

 private:
  Amounts amounts_{};
  std::array<double, resource_count> shares_{};
  Resource worst_ = Resource::cpu;
  std::optional<TimePoint> taken_;
};

}  // namespace sluice::load
