// Counter and Gauge: one number each, written by one thread, read by any: a load and a store, never a locked
// instruction.
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::observe {

// One writer, any reader.
class Counter {
 public:
  void add(std::uint64_t count = 1) { value_.store(value_.load(relaxed) + count, relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(relaxed); }

 private:
  static constexpr auto relaxed = std::memory_order_relaxed;
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, relaxed); }
  void add(std::int64_t difference) { set(value() + difference); }
  [[nodiscard]] std::int64_t value() const { return value_.load(relaxed); }

 private:
  static constexpr auto relaxed = std::memory_order_relaxed;
  std::atomic<std::int64_t> value_{0};
};

}  // namespace sluice::observe
