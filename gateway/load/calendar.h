// Calendar: when those who were refused shall come back: bins of 100 ms up to a horizon, each with room for as many
// arrivals as the accept rate allows. A refusal takes a place in the first bin that has one; an arrival is let in while
// the last half second has admitted fewer than fit, and a fifth more, whoever it is, for a returning EventSource cannot
// be told from a newcomer. One per worker; pure, it is told the time. Memory: 8 bytes a bin, made by the
// first refusal. Invariant: no bin is booked beyond what the rate allows, but for the horizon's last half once all is
// full; in no half second are more let in than 1.2 times what the rate allows, or was booked when it allowed more.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

namespace sluice::load {

class Calendar {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds bin{100};

  // `floor`: nobody is asked to come back sooner; `horizon`: nor later.
  Calendar(std::chrono::milliseconds floor, std::chrono::milliseconds horizon);

  // Arrivals per second.
  void set_rate(double rate) { rate_ = rate; }
  // Places are booked in the future: arrivals have to be counted.
  [[nodiscard]] bool busy(TimePoint now) const { return now < busy_until_; }
  // Whether this moment takes one more; takes its place if so.
  [[nodiscard]] bool admit(TimePoint now);
  // A place for somebody who is refused: how long from now, a random instant in its bin.
  [[nodiscard]] std::chrono::milliseconds book(TimePoint now, std::mt19937_64& random);

 private:
  using Index = std::int64_t;  // bins since the epoch of the steady clock
  struct Bin {
    std::uint32_t booked = 0, admitted = 0;
  };
  [[nodiscard]] static Index index_of(TimePoint time) { return time.time_since_epoch() / bin; }
  [[nodiscard]] Bin& at(Index index) { return bins_[static_cast<std::size_t>(index) % bins_.size()]; }
  [[nodiscard]] std::int64_t room(Index index) const;
  // Empties the bins that nobody looks at any more.
  void advance(TimePoint now);

  const std::chrono::milliseconds floor_, horizon_;
  double rate_ = 2'000;
  std::vector<Bin> bins_;
  Index now_ = 0;         // the bin of the last call
  Index first_free_ = 0;  // no bin before it has a place
  TimePoint busy_until_{};
};

}  // namespace sluice::load
