#include "gateway/load/retry.h"

#include <cstdint>

#include "proto/check.h"

namespace sluice::load {

RetryHints::RetryHints(config::RetryRange range) : range_(range) {
  check(range.min <= range.max, "retry.min ≤ retry.max: the configuration has checked it");
}

std::chrono::milliseconds RetryHints::draw(Random& random) const {
  const Interval now = interval();
  std::uniform_int_distribution<std::int64_t> pick(now.low.count(), now.high.count());
  return std::chrono::milliseconds(pick(random));
}

}  // namespace sluice::load
