#include "bench/quantity.h"

#include <doctest/doctest.h>

using namespace sluice::bench;

TEST_CASE("a quantity is shown with three digits in a unit of its size") {
  CHECK(quantity_text(0.000001, Unit::milliseconds) == "1.00 ns");
  CHECK(quantity_text(0.0042, Unit::milliseconds) == "4.20 us");
  CHECK(quantity_text(1.24, Unit::milliseconds) == "1.24 ms");
  CHECK(quantity_text(35.14, Unit::milliseconds) == "35.1 ms");
  CHECK(quantity_text(2040, Unit::milliseconds) == "2.04 s");
  CHECK(quantity_text(999.9, Unit::milliseconds) == "1.00 s");
  CHECK(quantity_text(0, Unit::milliseconds) == "0 ms");
  CHECK(quantity_text(742, Unit::bytes) == "742 B");
  CHECK(quantity_text(27136, Unit::bytes) == "26.5 KiB");
  CHECK(quantity_text(-2048, Unit::bytes) == "-2.00 KiB");
  CHECK(quantity_text(1048576, Unit::bytes_per_second) == "1.00 MiB/s");
  CHECK(quantity_text(2'000'000, Unit::count) == "2,000,000");
  CHECK(quantity_text(999, Unit::count) == "999");
  CHECK(quantity_text(1.5, Unit::count) == "1.50");
  CHECK(quantity_text(10'400.4, Unit::per_second) == "10,400/s");
  CHECK(quantity_text(0.432, Unit::share) == "43.2 %");
}

TEST_CASE("a quantity is read with any unit of its kind, or in the figure's own") {
  CHECK(parse_quantity("50ms", Unit::milliseconds) == 50);
  CHECK(parse_quantity("50", Unit::milliseconds) == 50);
  CHECK(parse_quantity("1.5 s", Unit::milliseconds) == 1500);
  CHECK(parse_quantity("250us", Unit::milliseconds) == doctest::Approx(0.25));
  CHECK(parse_quantity("800ns", Unit::microseconds) == doctest::Approx(0.8));
  CHECK(parse_quantity("2m", Unit::seconds) == 120);
  CHECK(parse_quantity("64KiB", Unit::bytes) == 65536);
  CHECK(parse_quantity("1MB", Unit::bytes) == 1e6);
  CHECK(parse_quantity("10MiB/s", Unit::bytes_per_second) == 10 * 1048576.0);
  CHECK(parse_quantity("10k", Unit::count) == 10'000);
  CHECK(parse_quantity("2M/s", Unit::per_second) == 2e6);
  CHECK(parse_quantity("50%", Unit::share) == doctest::Approx(0.5));
}

TEST_CASE("what is no quantity, or one of another kind, is refused") {
  for (const char* text : {"", "ms", "-1", "fast", "1e400", "nan", "inf", "5 5", "5msx"})
    CHECK_MESSAGE(!parse_quantity(text, Unit::milliseconds), text);
  CHECK(!parse_quantity("50MiB", Unit::milliseconds));
  CHECK(!parse_quantity("50ms", Unit::bytes));
  CHECK(!parse_quantity("1KiB", Unit::count));
  CHECK(!parse_quantity("50/s", Unit::count));
}

TEST_CASE("the example of a unit is a quantity of that unit") {
  for (const Unit unit : {Unit::count, Unit::per_second, Unit::seconds, Unit::milliseconds, Unit::microseconds,
                          Unit::bytes, Unit::bytes_per_second, Unit::share})
    CHECK_MESSAGE(parse_quantity(example_of(unit), unit), example_of(unit));
}
