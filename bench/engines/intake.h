// Intake: where a Reader's payloads end: each is parsed, its place in the order checked, its latency recorded, and
// nothing else, so that what a reader costs is its library. Owned by a load run. Invariant: each payload counts once.
#pragma once

#include <cstdint>
#include <string_view>

#include "bench/histogram.h"
#include "bench/payload.h"
#include "bench/run_clock.h"

namespace sluice::bench {

class Intake {
 public:
  explicit Intake(const RunClock& clock) : clock_(clock) {}

  void take(std::string_view data) {
    const auto payload = parse_payload(data);
    if (!payload) {
      ++malformed_;
      return;
    }
    const std::uint64_t now = clock_.now();
    if (count_++ == 0) first_ = now;
    last_ = now;
    latency_.record(now > payload->scheduled ? now - payload->scheduled : 0);
    if (payload->sequence > next_)
      lost_ += payload->sequence - next_;
    else if (payload->sequence < next_)
      ++stale_;
    if (payload->sequence >= next_) next_ = payload->sequence + 1;
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t next() const { return next_; }  // the sequence number that should come
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  [[nodiscard]] std::uint64_t stale() const { return stale_; }  // repeated or reordered
  [[nodiscard]] std::uint64_t malformed() const { return malformed_; }
  [[nodiscard]] std::uint64_t first() const { return first_; }
  [[nodiscard]] std::uint64_t last() const { return last_; }
  [[nodiscard]] const Histogram& latency() const { return latency_; }

 private:
  const RunClock& clock_;
  std::uint64_t count_ = 0, next_ = 0, lost_ = 0, stale_ = 0, malformed_ = 0, first_ = 0, last_ = 0;
  Histogram latency_;
};

}  // namespace sluice::bench
