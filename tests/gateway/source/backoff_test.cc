#include "gateway/source/backoff.h"

#include <doctest/doctest.h>

#include <set>

namespace sluice::source {
namespace {

using namespace std::chrono_literals;

TEST_CASE("waits double from half a second to half a minute, and begin anew after a success") {
  const Backoff::Duration ceilings[] = {1s, 2s, 4s, 8s, 16s, 30s, 30s, 30s};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Backoff backoff(seed);
    for (int round = 0; round < 2; ++round) {
      for (const Backoff::Duration ceiling : ceilings) {
        const Backoff::Duration wait = backoff.next();
        CHECK(wait >= ceiling / 2);
        CHECK(wait <= ceiling);
      }
      backoff.reset();
    }
  }
}

TEST_CASE("gateways with different seeds do not come back together; the same seed repeats") {
  std::set<Backoff::Duration> waits;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Backoff::Duration wait = Backoff(seed).next();
    CHECK(wait == Backoff(seed).next());
    waits.insert(wait);
  }
  CHECK(waits.size() > 50);
}

TEST_CASE("a least wait above half of the most stays within both") {
  Backoff backoff(1, 20ms, 25ms);
  for (int attempt = 0; attempt < 100; ++attempt) CHECK(backoff.next() <= 25ms);
}

}  // namespace
}  // namespace sluice::source
