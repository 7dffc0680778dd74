#include "gateway/config/nearest.h"

#include <doctest/doctest.h>

using namespace sluice::config;

TEST_CASE("a mistyped name finds the one that was meant") {
  const std::vector<std::string> names = {
      "limits.streams", "limits.streams_per_connection", "limits.event_size", "heartbeat", "listen", "retry.min"};
  CHECK(nearest("limit.streams", names) == "limits.streams");
  CHECK(nearest("limits.steams", names) == "limits.streams");
  CHECK(nearest("limits.straems", names) == "limits.streams");  // a swap is one edit
  CHECK(nearest("hartbeat", names) == "heartbeat");
  CHECK(nearest("lisen", names) == "listen");
  CHECK(nearest("event_size", names) == "limits.event_size");  // the right name in the wrong table
  CHECK(nearest("timeouts.min", names) == "retry.min");
  CHECK(nearest("wholly_different", names).empty());
  CHECK(nearest("", names).empty());
  CHECK(nearest("listen", {}).empty());
  CHECK(nearest(std::string(100'000, 'x'), names).empty());
}

TEST_CASE("a suggestion is a question, or nothing") {
  CHECK(did_you_mean("lisen", {"listen"}) == "; did you mean `listen`?");
  CHECK(did_you_mean("x", {"listen"}).empty());
}
