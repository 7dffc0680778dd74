#include "gateway/load/flush_rounds.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using sluice::load::FlushRounds;

TEST_CASE("after a long round of flushes new events wait half as long, and never above the limit") {
  FlushRounds rounds;
  const FlushRounds::TimePoint begin{1h};
  CHECK(rounds.rest_until() < begin);
  rounds.flushed(begin, begin + 1999us);
  CHECK(rounds.rest_until() < begin);
  rounds.flushed(begin, begin + 4ms);
  CHECK(rounds.rest_until() == begin + 6ms);
  rounds.flushed(begin + 6ms, begin + 56ms);
  CHECK(rounds.rest_until() == begin + 61ms);
}

TEST_CASE("a short round does not cut the rest after a long one") {
  FlushRounds rounds;
  const FlushRounds::TimePoint begin{1h};
  rounds.flushed(begin, begin + 8ms);
  rounds.flushed(begin + 9ms, begin + 10ms);
  CHECK(rounds.rest_until() == begin + 12ms);
}
