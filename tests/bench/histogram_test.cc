#include "bench/histogram.h"

#include <doctest/doctest.h>

namespace sluice::bench {
namespace {

TEST_CASE("a quantile is at most 1.6 percent above the truth") {
  Histogram histogram;
  for (std::uint64_t i = 1; i <= 100'000; ++i) histogram.record(i * 1000);
  for (const double share : {0.5, 0.9, 0.99, 0.999}) {
    CAPTURE(share);
    const double truth = share * 1e8;
    CHECK(static_cast<double>(histogram.quantile(share)) >= truth);
    CHECK(static_cast<double>(histogram.quantile(share)) <= truth * 1.017);
  }
  CHECK(histogram.max() == 100'000'000);
  CHECK(histogram.count() == 100'000);
}

TEST_CASE("the smallest and the largest durations have a bucket") {
  Histogram histogram;
  histogram.record(0);
  CHECK(histogram.quantile(0.5) == 0);
  histogram.record(~std::uint64_t{0});
  CHECK(histogram.quantile(1.0) == ~std::uint64_t{0});
}

}  // namespace
}  // namespace sluice::bench
