#include "gateway/load/accept_rate.h"

#include <doctest/doctest.h>

using sluice::load::AcceptRate;
using sluice::load::ArrivalCosts;

namespace {

constexpr std::uint64_t ms = 1'000'000;  // ns

// A process whose second is written as what came and what it cost.
struct Story {
  AcceptRate rate;
  ArrivalCosts costs;
  std::uint64_t cpu_ns = 0, sent_bytes = 0;

  void second(std::uint64_t arrivals, std::uint64_t handshake_us, std::uint64_t deliver_ms, std::uint64_t replay = 0) {
    costs.handshakes += arrivals;
    costs.handshake_ns += arrivals * handshake_us * 1000;
    costs.subscribes += arrivals;
    costs.subscribe_ns += arrivals * 30'000;
    costs.replay_bytes += replay;
    cpu_ns += arrivals * (handshake_us + 30) * 1000 + deliver_ms * ms;
    sent_bytes += deliver_ms * 200'000 + replay;
    rate.take(costs, cpu_ns, sent_bytes, 1.0);
  }
};

}  // namespace

TEST_CASE("before anything was measured each worker takes 2,000 streams a second") {
  CHECK(AcceptRate(1, 0).per_second() == doctest::Approx(2'000));
  CHECK(AcceptRate(4, 0).per_second() == doctest::Approx(8'000));
  CHECK(AcceptRate(4, 500).per_second() == 500);
}

TEST_CASE("it learns what handshakes cost on this machine") {
  Story slow{.rate = AcceptRate(1, 0)};
  for (int second = 0; second != 10; ++second) slow.second(200, 970, 0);
  CHECK(slow.rate.arrival_seconds() == doctest::Approx(1e-3).epsilon(0.02));
  CHECK(slow.rate.per_second() == doctest::Approx(500).epsilon(0.02));
}

TEST_CASE("a few measurements move it little") {
  Story story{.rate = AcceptRate(1, 0)};
  story.second(2, 20'000, 0);
  CHECK(story.rate.per_second() > 1'000);
}

TEST_CASE("what is delivered leaves less for arrivals, but never nothing") {
  Story story{.rate = AcceptRate(2, 0)};
  for (int second = 0; second != 30; ++second) story.second(0, 0, 600);
  CHECK(story.rate.delivery_load() == doctest::Approx(0.6).epsilon(0.01));
  CHECK(story.rate.per_second() == doctest::Approx(0.4 / 250e-6).epsilon(0.02));
  for (int second = 0; second != 30; ++second) story.second(0, 0, 2'000);
  CHECK(story.rate.per_second() == doctest::Approx(0.1 / 250e-6).epsilon(0.02));
}

TEST_CASE("what resumed streams catch up with is a cost of theirs, not of deliveries") {
  Story story{.rate = AcceptRate(1, 0)};
  for (int second = 0; second != 60; ++second) story.second(100, 220, 100, 100 * 100'000);
  CHECK(story.rate.arrival_seconds() > 500e-6);
  CHECK(story.rate.delivery_load() < 0.1);
}

TEST_CASE("a second that did not pass teaches nothing") {
  AcceptRate rate(1, 0);
  rate.take({.handshake_ns = 1, .handshakes = 1}, 10, 10, 0);
  CHECK(rate.per_second() == doctest::Approx(2'000));
}
