// Histogram: durations counted in log-linear buckets, 64 to each power of two (at most 1.6 % off), as HdrHistogram
// does. A value of one thread. Recording is an increment: it happens once per delivery. Invariant: count() is the sum
// of the buckets.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace sluice::bench {

class Histogram {
 public:
  void record(std::uint64_t nanoseconds) {
    ++buckets_[bucket_of(nanoseconds)];
    ++count_;
    max_ = std::max(max_, nanoseconds);
  }
  // As if `count` durations had been recorded: what read a histogram back from its buckets does.
  void record_many(std::uint64_t nanoseconds, std::uint64_t count) {
    if (count == 0) return;
    buckets_[bucket_of(nanoseconds)] += count;
    count_ += count;
    max_ = std::max(max_, nanoseconds);
  }
  void merge(const Histogram& other) {
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) buckets_[bucket] += other.buckets_[bucket];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }
  // take(nanoseconds, count) for each bucket that is not empty, in order; of a bucket its top, or max().
  template <class Take>
  void for_each_bucket(Take&& take) const {
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket)
      if (buckets_[bucket] != 0) take(std::min(top_of(bucket), max_), buckets_[bucket]);
  }
  // The value below which `share` (0 to 1) of the durations lie, rounded up to its bucket; 0 when nothing was recorded.
  [[nodiscard]] std::uint64_t quantile(double share) const {
    const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t passed = 0;
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
      passed += buckets_[bucket];
      if (passed > rank) return std::min(top_of(bucket), max_);
    }
    return max_;
  }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  static constexpr unsigned bits = 6;
  static constexpr std::size_t per_power = std::size_t{1} << bits;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < per_power) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - bits - 1;
    return (std::size_t{shift} + 1) * per_power + ((value >> shift) - per_power);
  }
  static std::uint64_t top_of(std::size_t bucket) {
    if (bucket < per_power) return bucket;
    const std::size_t shift = bucket / per_power - 1;
    return ((bucket % per_power + per_power + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - bits + 1) * per_power> buckets_{};
  std::uint64_t count_ = 0, max_ = 0;
};

}  // namespace sluice::bench
