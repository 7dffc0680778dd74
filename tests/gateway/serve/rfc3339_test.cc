#include "gateway/serve/rfc3339.h"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>

using namespace sluice;
using namespace std::chrono_literals;

TEST_CASE("a time is read as RFC 3339 writes it, and nothing else is a time") {
  struct Row {
    const char* text;
    std::optional<std::chrono::milliseconds> since_1970;
  };
  const Row rows[] = {
      {"1970-01-01T00:00:00Z", 0ms},
      {"2026-11-24T21:00:00Z", 1'795'554'000'000ms},
      {"2026-11-24t22:00:00.250+01:00", 1'795'554'000'250ms},
      {"2026-11-24 19:30:00-01:30", 1'795'554'000'000ms},
      {"2024-02-29T00:00:00Z", 1'709'164'800'000ms},
      {"2026-11-24T21:00:00.123456789Z", 1'795'554'000'123ms},
      {"2026-02-29T00:00:00Z", {}},
      {"2026-13-01T00:00:00Z", {}},
      {"2026-11-24T24:00:00Z", {}},
      {"2026-11-24T21:00:00", {}},
      {"2026-11-24T21:00:00Zx", {}},
      {"2026-11-24T21:00:00.Z", {}},
      {"2026-11-24T21:00:00+25:00", {}},
      {"2026-11-24", {}},
      {"yesterday", {}},
      {"1795554000", {}},
      {"", {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto time = serve::parse_time(row.text);
    REQUIRE(time.has_value() == row.since_1970.has_value());
    if (time) CHECK(std::chrono::duration_cast<std::chrono::milliseconds>(time->time_since_epoch()) == *row.since_1970);
  }
}
