#include "gateway/load/retry.h"

#include <array>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using sluice::load::Random;
using sluice::load::RetryHints;

TEST_CASE("reconnection times are spread evenly over the interval, both ends included") {
  const RetryHints hints({2000ms, 5000ms});
  CHECK(hints.interval() == RetryHints::Interval{2000ms, 5000ms});
  Random random(42);
  constexpr int draws = 30'000;
  std::array<int, 30> bins{};  // of 100 ms
  auto lowest = 1h + 0ms, highest = 0ms;
  for (int i = 0; i < draws; ++i) {
    const auto time = hints.draw(random);
    REQUIRE(time >= 2000ms);
    REQUIRE(time <= 5000ms);
    lowest = std::min<std::chrono::milliseconds>(lowest, time);
    highest = std::max(highest, time);
    ++bins[static_cast<std::size_t>(std::min<std::int64_t>((time - 2000ms) / 100ms, 29))];
  }
  CHECK(lowest == 2000ms);
  CHECK(highest == 5000ms);
  for (const int count : bins) {
    CHECK(count > draws / 30 * 8 / 10);
    CHECK(count < draws / 30 * 12 / 10);
  }
}

TEST_CASE("an interval of one value gives that value") {
  Random random(1);
  CHECK(RetryHints({3000ms, 3000ms}).draw(random) == 3000ms);
}
