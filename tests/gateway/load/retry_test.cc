#include "gateway/load/retry.h"

#include <array>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using sluice::config::RetryRange;
using sluice::load::Random;
using sluice::load::RetryHints;

namespace {
const RetryHints::TimePoint start{100h};

RetryHints hints_at(const RetryRange& range, const RetryHints::Situation& situation) {
  RetryHints hints(range);
  hints.adjust(situation, start);
  return hints;
}
}  // namespace

TEST_CASE("reconnection times are spread evenly over the interval, both ends included") {
  const RetryHints hints = hints_at({2000ms, 60s, {}}, {.streams = 6'000, .accept_rate = 2'000});
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

TEST_CASE("all streams that a crash cuts come back no faster than the accept rate") {
  constexpr int streams = 20'000;
  constexpr double rate = 1'500;
  const RetryHints hints = hints_at({1s, 60s, {}}, {.streams = streams, .accept_rate = rate});
  Random random(5);
  std::array<int, 61> seconds{};
  for (int i = 0; i < streams; ++i) ++seconds[static_cast<std::size_t>(hints.draw(random) / 1s)];
  for (const int count : seconds) CHECK(count < rate * 1.3);
}

TEST_CASE("a few subscribers are spread over half of retry.min, before any load was measured too") {
  Random random(1);
  CHECK(hints_at({3000ms, 60s, {}}, {.streams = 0}).interval() == RetryHints::Interval{3000ms, 4500ms});
  CHECK(RetryHints({2000ms, 60s, {}}).interval() == RetryHints::Interval{2000ms, 3000ms});
  CHECK(RetryHints({3000ms, 3000ms, {}}).draw(random) == 3000ms);
}

TEST_CASE("the classic rule, ten seconds above 80 % and two below, is a step") {
  const RetryRange range{2s, 60s, {{80, 10s}}};
  CHECK(hints_at(range, {.load_percent = 80}).interval().low == 2s);
  CHECK(hints_at(range, {.load_percent = 80.1}).interval().low == 10s);
}

TEST_CASE("of several steps the highest that the load has passed counts") {
  const RetryRange range{1s, 60s, {{50, 5s}, {90, 30s}, {70, 10s}}};
  CHECK(hints_at(range, {.load_percent = 60}).interval().low == 5s);
  CHECK(hints_at(range, {.load_percent = 75}).interval().low == 10s);
  CHECK(hints_at(range, {.load_percent = 99}).interval().low == 30s);
}

TEST_CASE("the interval is cut at retry.max, says so, and values do not pile up there") {
  const RetryHints hints = hints_at({1s, 5s, {}}, {.streams = 100'000, .accept_rate = 1'000});
  CHECK(hints.interval() == RetryHints::Interval{1s, 5s});
  CHECK(hints.truncated());
  Random random(9);
  int last_tenth = 0;
  for (int i = 0; i < 10'000; ++i) last_tenth += hints.draw(random) >= 4600ms ? 1 : 0;
  CHECK(last_tenth > 800);
  CHECK(last_tenth < 1'200);
}

TEST_CASE("open streams are to be told when the interval moved by a quarter, every half minute at most") {
  RetryHints hints({1s, 60s, {}});
  const auto at = [&](std::chrono::seconds time, std::uint64_t streams) {
    hints.adjust({.streams = streams, .accept_rate = 1'000}, start + time);
    return hints.edition();
  };
  const auto first = at(0s, 4'000);  // 1 to 5 s
  CHECK(at(31s, 5'000) == first);    // 1 to 6 s: within a quarter
  CHECK(at(32s, 9'000) != first);
  const auto second = hints.edition();
  CHECK(at(61s, 14'000) == second);
  CHECK(at(63s, 14'000) != second);
}

TEST_CASE("a crowd that has just come is told sooner: a crash would find it with the times of the few that it was") {
  RetryHints hints({1s, 60s, {}});
  const auto at = [&](std::chrono::seconds time, std::uint64_t streams) {
    hints.adjust({.streams = streams, .accept_rate = 1'000}, start + time);
    return hints.edition();
  };
  const auto first = at(0s, 100);
  CHECK(at(4s, 10'000) == first);
  CHECK(at(5s, 10'000) != first);
  const auto second = hints.edition();
  CHECK(at(15s, 20'000) == second);  // 21 s after 11 s: not twice as long
  CHECK(at(16s, 22'000) != second);
}
