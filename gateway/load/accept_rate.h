// AcceptRate: how many subscribers this process can take in a second, as streams that each need a full handshake, while
// what it delivers goes on: the CPU time that is left for arrivals, divided by what one has really cost here. Until
// something was measured, 2,000 a second and worker. Fed once a second by the first worker, on its thread; pure.
// Invariant: per_second() is at least 1 and at most the configured ceiling.
#pragma once

#include <cstdint>

namespace sluice::load {

// What arrivals have cost since the start, on one worker or on all: CPU nanoseconds, and how many there were.
struct ArrivalCosts {
  std::uint64_t handshake_ns = 0, handshakes = 0;  // full ones
  std::uint64_t subscribe_ns = 0, subscribes = 0;  // from the request to its answer's head
  std::uint64_t replay_bytes = 0;                  // that resumed streams had to catch up with
  ArrivalCosts& operator+=(const ArrivalCosts& other);
};

class AcceptRate {
 public:
  // `ceiling`: per second; 0: none.
  AcceptRate(unsigned workers, double ceiling);

  // `costs`, `cpu_ns`, `sent_bytes`: of the whole process since its start; `seconds` since the last call.
  void take(const ArrivalCosts& costs, std::uint64_t cpu_ns, std::uint64_t sent_bytes, double seconds);
  [[nodiscard]] double per_second() const;
  // CPU seconds of one arrival, as learned so far.
  [[nodiscard]] double arrival_seconds() const;
  // Cores that are busy with anything but arrivals.
  [[nodiscard]] double delivery_load() const { return delivery_load_; }

 private:
  const double workers_, ceiling_;
  ArrivalCosts last_;
  std::uint64_t last_cpu_ns_ = 0, last_sent_bytes_ = 0;
  double handshake_seconds_, subscribe_seconds_, replay_bytes_ = 0, byte_seconds_;
  double delivery_load_ = 0;
};

}  // namespace sluice::load
