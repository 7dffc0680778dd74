// Tally: what one thread of the crowd has counted. Written by that thread alone; the counts may be read by others while
// it runs (a progress display, a publisher that waits for its deliveries), the rest after it has stopped.
// Invariant: no count ever falls, except `streams_open`, `connections_open`, `lost` (what comes late was not lost) and
// `back`.
#pragma once

#include <atomic>
#include <cstdint>
#include <unordered_map>

#include "bench/loss_ledger.h"
#include "bench/outcome.h"

namespace sluice::bench {

// A number with one writer: no locked instruction, for who reads it needs no order with anything else.
class Count {
 public:
  void add(std::uint64_t more) { value_.store(value() + more, std::memory_order_relaxed); }
  void subtract(std::uint64_t less) { value_.store(value() - less, std::memory_order_relaxed); }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct alignas(64) Tally {
  Count deliveries, bytes;
  Count lost, repeated, reordered, malformed, gaps;
  Count streams_open, connections_open;
  Count opened_once, heard;  // streams that were ever open; of these, the ones of which a byte has come
  Count reconnects, ended, closed_for_good, failed_attempts, handshakes;
  Count dropped, back, slow_ended;      // of a storm; of slow readers
  Count first_delivery, last_delivery;  // when, on the run's clock; 0: none yet

  std::unordered_map<unsigned, Faults> faults;      // by topic, of those that have any; `lost` is the ledger's
  std::unordered_map<unsigned, LossLedger> losses;  // by topic
  Histogram slow_latency;                           // of readers that were made slow; everybody else's is in the slices
  Histogram caught_up;                              // of events that were due while their stream was away
  Histogram open_time;
  Histogram return_late;  // of streams that asked again: after the time that they were to wait
};

}  // namespace sluice::bench
