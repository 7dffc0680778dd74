#include "bench/loss_ledger.h"

#include <algorithm>

namespace sluice::bench {
namespace {

// How many numbers of `range` are in `holes`.
std::uint64_t overlap(SequenceRange range, const std::vector<SequenceRange>& holes) {
  std::uint64_t count = 0;
  auto hole = std::ranges::partition_point(holes, [&](const SequenceRange& each) { return each.to <= range.from; });
  for (; hole != holes.end() && hole->from < range.to; ++hole)
    count += std::min(hole->to, range.to) - std::max(hole->from, range.from);
  return count;
}

}  // namespace

void LossLedger::missed(SequenceRange range) {
  ++steps_[range.from];
  --steps_[range.to];
}

void LossLedger::came(std::uint64_t sequence) {
  --steps_[sequence];
  ++steps_[sequence + 1];
}

void LossLedger::merge(const LossLedger& other) {
  for (const auto& [at, step] : other.steps_) steps_[at] += step;
}

std::uint64_t LossLedger::count(const std::vector<SequenceRange>& unacknowledged) const {
  std::uint64_t lost = 0, from = 0;
  std::int64_t streams = 0;
  for (const auto& [at, step] : steps_) {
    if (streams > 0) lost += static_cast<std::uint64_t>(streams) * (at - from - overlap({from, at}, unacknowledged));
    streams += step;
    from = at;
  }
  return lost;
}

std::vector<SequenceRange> joined(std::vector<SequenceRange> ranges) {
  std::ranges::sort(ranges, {}, &SequenceRange::from);
  std::vector<SequenceRange> out;
  for (const SequenceRange& range : ranges) {
    if (!out.empty() && range.from <= out.back().to)
      out.back().to = std::max(out.back().to, range.to);
    else
      out.push_back(range);
  }
  return out;
}

}  // namespace sluice::bench
