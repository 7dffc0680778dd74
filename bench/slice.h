// Slice: what one thread of a run saw in one bin of time and one section of the run (opening, warm-up, a step, ...).
// The flow: a thread's Recorder fills the slice of now → the bin or the section ends → the slice goes to the thread's
// Outbox → the run's main thread takes it into its Timeline. Owned by one of them at a time. Nothing of it is shared,
// so nothing on the data path is locked. Invariant: every count belongs to exactly one slice.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "bench/histogram.h"

namespace sluice::bench {

struct Slice {
  unsigned section = 0;
  std::uint64_t bin = 0;  // since the run began
  std::uint64_t published = 0, refused_publishes = 0;
  std::uint64_t deliveries = 0, bytes = 0;
  std::uint64_t opened = 0, reconnects = 0, ended = 0, handshakes = 0;
  std::uint64_t lost = 0;  // as it looked then: what comes late counts as reordered at the end
  Histogram latency;
};

// Filled by one thread, emptied by another, once for each slice.
class Outbox {
 public:
  void put(std::unique_ptr<Slice> slice) {
    const std::scoped_lock lock(mutex_);
    slices_.push_back(std::move(slice));
  }
  [[nodiscard]] std::vector<std::unique_ptr<Slice>> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(slices_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Slice>> slices_;
};

// Owned by the thread that records. Told the time, in nanoseconds since the run began.
class Recorder {
 public:
  explicit Recorder(std::uint64_t bin_ns) : bin_ns_(bin_ns), slice_(std::make_unique<Slice>()) {}

  [[nodiscard]] Slice& slice() { return *slice_; }
  // To be called before anything of `now` is recorded.
  void reach(std::uint64_t now) {
    if (now / bin_ns_ != slice_->bin) cut(now, slice_->section);
  }
  void enter(unsigned section, std::uint64_t now) { cut(now, section); }
  [[nodiscard]] Outbox& outbox() { return outbox_; }

 private:
  void cut(std::uint64_t now, unsigned section) {
    auto next = std::make_unique<Slice>();
    next->section = section;
    next->bin = now / bin_ns_;
    outbox_.put(std::exchange(slice_, std::move(next)));
  }

  const std::uint64_t bin_ns_;
  std::unique_ptr<Slice> slice_;
  Outbox outbox_;
};

}  // namespace sluice::bench
