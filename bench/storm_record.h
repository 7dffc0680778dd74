// StormRecord: what one thread sees of a storm: who lost the connection, what reconnection time they held, when they
// came back. Owned by a CrowdThread; nothing is recorded before begin(). `dropped`, `back` and `failed_attempts` are in
// the thread's Tally, where others may read them. Invariant: `back` are those of the dropped that are open now.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bench/histogram.h"
#include "bench/tally.h"

namespace sluice::bench {

class StormRecord {
 public:
  explicit StormRecord(Tally& tally) : tally_(tally) {}

  void begin(std::uint64_t now) {
    began_ = now;
    watching_ = true;
  }
  // A stream was lost. True: it counts as dropped from now on.
  bool on_lost(std::uint64_t retry_ms) {
    if (!watching_) return false;
    tally_.dropped.add(1);
    retry_held_ms_.push_back(retry_ms);
    return true;
  }
  void on_lost_again() { tally_.back.subtract(1); }
  void on_back(std::uint64_t now, std::uint64_t away_ns, std::uint64_t reopen_ns) {
    tally_.back.add(1);
    away_.record(away_ns);
    reopen_.record(reopen_ns);
    last_back_ = now;
  }
  void on_reconnect(std::uint64_t now) {
    if (!watching_) return;
    const std::size_t second = (now - began_) / 1'000'000'000;
    if (arrivals_.size() <= second) arrivals_.resize(second + 1);
    ++arrivals_[second];
  }

  [[nodiscard]] const Histogram& away() const { return away_; }
  [[nodiscard]] const Histogram& reopen() const { return reopen_; }
  [[nodiscard]] const std::vector<std::uint64_t>& arrivals() const { return arrivals_; }  // in each second
  [[nodiscard]] const std::vector<std::uint64_t>& retry_held_ms() const { return retry_held_ms_; }
  [[nodiscard]] std::uint64_t began() const { return began_; }
  [[nodiscard]] std::uint64_t last_back() const { return last_back_; }

 private:
  Tally& tally_;
  bool watching_ = false;
  std::uint64_t began_ = 0, last_back_ = 0;
  Histogram away_, reopen_;
  std::vector<std::uint64_t> arrivals_, retry_held_ms_;
};

}  // namespace sluice::bench
