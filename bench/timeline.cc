#include "bench/timeline.h"

#include <algorithm>

namespace sluice::bench {
namespace {

constexpr std::size_t growing_bins_max = 4;

}  // namespace

void add(Slice& sum, const Slice& slice) {
  sum.published += slice.published;
  sum.refused_publishes += slice.refused_publishes;
  sum.deliveries += slice.deliveries;
  sum.bytes += slice.bytes;
  sum.opened += slice.opened;
  sum.reconnects += slice.reconnects;
  sum.ended += slice.ended;
  sum.handshakes += slice.handshakes;
  sum.lost += slice.lost;
  if (slice.latency.count() != 0) sum.latency.merge(slice.latency);
}

void Timeline::take(Outbox& outbox) {
  for (const std::unique_ptr<Slice>& slice : outbox.take()) add(*slice);
}

void Timeline::add(const Slice& slice) {
  while (sections_.size() <= slice.section) sections_.push_back(std::make_unique<Slice>());
  bench::add(*sections_[slice.section], slice);
  if (bins_.size() <= slice.bin) bins_.resize(slice.bin + 1);
  Bin& bin = bins_[slice.bin];
  bin.published += slice.published;
  bin.deliveries += slice.deliveries;
  bin.bytes += slice.bytes;
  bin.opened += slice.opened;
  bin.reconnects += slice.reconnects;
  bin.ended += slice.ended;
  if (slice.latency.count() == 0) return;
  Histogram& latency = latencies_[slice.bin];
  latency.merge(slice.latency);
  bin.latency_p50_ns = latency.quantile(0.5);
  bin.latency_p99_ns = latency.quantile(0.99);
  bin.latency_max_ns = std::max(bin.latency_max_ns, latency.max());
  if (latencies_.size() > growing_bins_max) latencies_.erase(latencies_.begin());
}

const Slice& Timeline::section(unsigned number) {
  while (sections_.size() <= number) sections_.push_back(std::make_unique<Slice>());
  return *sections_[number];
}

}  // namespace sluice::bench
