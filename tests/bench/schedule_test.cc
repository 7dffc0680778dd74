#include "bench/schedule.h"

#include <doctest/doctest.h>

#include <vector>

namespace sluice::bench {
namespace {

TEST_CASE("what is due comes in the order of its time, and nothing before") {
  Schedule<int> schedule;
  int first = 1, second = 2, third = 3;
  CHECK_FALSE(schedule.next_due().has_value());
  CHECK(schedule.take_due(1'000) == nullptr);
  schedule.add(700, third);
  schedule.add(500, first);
  schedule.add(600, second);
  CHECK(schedule.next_due() == 500);
  CHECK(schedule.take_due(499) == nullptr);
  CHECK(schedule.take_due(650) == &first);
  CHECK(schedule.take_due(650) == &second);
  CHECK(schedule.take_due(650) == nullptr);
  CHECK(schedule.next_due() == 700);
  CHECK(schedule.take_due(700) == &third);
  CHECK(schedule.size() == 0);
}

}  // namespace
}  // namespace sluice::bench
