// Timeline: what all threads recorded, put together: the bins of the run, and its sections. Owned by the run, on its
// main thread, which empties the threads' outboxes into it. Invariant: a slice is in one bin and in one section.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "bench/outcome.h"
#include "bench/slice.h"

namespace sluice::bench {

class Timeline {
 public:
  void take(Outbox& outbox);
  [[nodiscard]] const std::vector<Bin>& bins() const { return bins_; }
  // What was recorded in it so far; its `bin` says nothing.
  [[nodiscard]] const Slice& section(unsigned number);

 private:
  void add(const Slice& slice);

  std::vector<Bin> bins_;
  std::map<std::uint64_t, Histogram> latencies_;  // of the last bins, which may still grow
  std::vector<std::unique_ptr<Slice>> sections_;
};

void add(Slice& sum, const Slice& slice);

}  // namespace sluice::bench
