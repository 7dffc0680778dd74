#include "gateway/load/free_memory.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using sluice::load::FreeMemory;

TEST_CASE("memory is given back in the first quiet second after a crowd has come or gone") {
  FreeMemory memory;
  FreeMemory::TimePoint now{1h};
  CHECK_FALSE(memory.due(0, now));
  CHECK(memory.due(1000, now += 1s));  // patience is measured from the last release: there was none
  CHECK_FALSE(memory.due(1500, now += 1s));
  CHECK_FALSE(memory.due(2000, now += 1s));
  CHECK(memory.due(2000, now += 1s));
  CHECK_FALSE(memory.due(2000, now += 1h));
}

TEST_CASE("a crowd that never pauses does not put it off for ever") {
  FreeMemory memory;
  FreeMemory::TimePoint now{1h};
  std::uint64_t turnover = 0;
  int releases = 0;
  for (int second = 0; second != 100; ++second) releases += memory.due(turnover += 100, now += 1s) ? 1 : 0;
  CHECK(releases == 10);
}

TEST_CASE("a few connections are not worth it") {
  FreeMemory memory;
  FreeMemory::TimePoint now{1h};
  CHECK_FALSE(memory.due(63, now += 1h));
  CHECK_FALSE(memory.due(63, now += 1h));
  CHECK(memory.due(64, now += 1h));
}
