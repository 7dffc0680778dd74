#include "gateway/config/units.h"

#include <doctest/doctest.h>

using namespace sluice::config;
using namespace std::chrono_literals;

TEST_CASE("a duration is a whole number and a unit") {
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("10s") == 10s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("1h") == 1h);
  CHECK(parse_duration("2d") == 48h);
  CHECK(parse_duration("10 s") == 10s);
  CHECK(parse_duration("1_000ms") == 1s);
  for (const char* wrong : {"", "10", "s", "-1s", "1.5s", "10sec", "10S", "1h30m", "10  s", " 10s", "10s ", "_1s",
                            "99999999999999999999s", "9223372036854775807s"})
    CHECK_MESSAGE(!parse_duration(wrong), wrong);
}

TEST_CASE("a size is bytes, or a whole number and a unit") {
  CHECK(parse_size("4096") == 4096U);
  CHECK(parse_size("0") == 0U);
  CHECK(parse_size("512B") == 512U);
  CHECK(parse_size("64KiB") == 65'536U);
  CHECK(parse_size("10MB") == 10'000'000U);
  CHECK(parse_size("1MiB") == 1'048'576U);
  CHECK(parse_size("2 GiB") == 2'147'483'648U);
  for (const char* wrong : {"", "MiB", "1Mb", "1.5MiB", "-1", "0x10", "18446744073709551615", "9999999999GiB", "1 "})
    CHECK_MESSAGE(!parse_size(wrong), wrong);
}

TEST_CASE("durations and sizes survive being written and read") {
  for (const auto duration : {0ms, 1ms, 999ms, 1000ms, 1001ms, 60'000ms, 90'000ms, 86'400'000ms, 172'800'001ms})
    CHECK(parse_duration(duration_text(duration)) == duration);
  for (const std::uint64_t bytes : {0ULL, 1ULL, 1000ULL, 1023ULL, 1024ULL, 1'500'000ULL, 1ULL << 40, (1ULL << 62) + 1})
    CHECK(parse_size(size_text(bytes)) == bytes);
  CHECK(duration_text(90'000ms) == "90s");
  CHECK(size_text(65'536) == "64KiB");
}

TEST_CASE("a count takes underscores between digits only") {
  CHECK(parse_count("50_000") == 50'000U);
  for (const char* wrong : {"", "_", "1_", "_1", "1__0", "1a", "+1", "0x1", "99999999999999999999"})
    CHECK_MESSAGE(!parse_count(wrong), wrong);
}
