// LossLedger: which sequence numbers of one topic were missed, by how many streams. Filled while events come, one for
// each thread and topic that lost anything; merged and counted at the end, when it is known what was acknowledged: only
// that was promised to anybody. Pure values. A hole costs the same whether one event fell into it or a million, and
// holes of many streams at the same place cost one.
// Invariant: the sum of the steps up to a number is how many streams missed it.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace sluice::bench {

// Sequence numbers from `from` up to but not `to`.
struct SequenceRange {
  std::uint64_t from = 0, to = 0;
  friend bool operator==(const SequenceRange&, const SequenceRange&) = default;
};

class LossLedger {
 public:
  void missed(SequenceRange range);
  void came(std::uint64_t sequence);  // late
  void merge(const LossLedger& other);
  // Losses, without those of `unacknowledged` numbers: apart and in order.
  [[nodiscard]] std::uint64_t count(const std::vector<SequenceRange>& unacknowledged = {}) const;

 private:
  std::map<std::uint64_t, std::int64_t> steps_;
};

// In order, what overlaps or touches joined.
[[nodiscard]] std::vector<SequenceRange> joined(std::vector<SequenceRange> ranges);

}  // namespace sluice::bench
