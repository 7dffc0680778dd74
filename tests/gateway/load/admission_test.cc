#include "gateway/load/admission.h"

#include <map>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using sluice::load::Admission;
using sluice::load::BusyReason;

namespace {
const Admission::TimePoint start{100h};
}

TEST_CASE("a calm gateway lets everybody in, however many come at once") {
  Admission admission(1s, 60s, false);
  admission.set_rate(10);
  std::mt19937_64 random(1);
  for (int arrival = 0; arrival != 10'000; ++arrival) CHECK_FALSE(admission.ask({}, start, random).has_value());
}

TEST_CASE("each limit refuses with its name, and a time to come back") {
  Admission admission(1s, 60s, false);
  std::mt19937_64 random(1);
  const auto refused = [&](const Admission::Situation& situation) { return admission.ask(situation, start, random); };
  CHECK(refused({.surplus_connection = BusyReason::connections})->reason == BusyReason::connections);
  CHECK(refused({.surplus_connection = BusyReason::descriptors, .streams_full = true})->reason ==
        BusyReason::descriptors);
  CHECK(refused({.streams_full = true})->reason == BusyReason::streams);
  CHECK(refused({.memory_full = true})->reason == BusyReason::memory);
  CHECK(refused({.streams_full = true})->retry >= 1s);
  CHECK(name(BusyReason::streams) == "limits.streams");
  CHECK(name(BusyReason::descriptors) == "descriptors");
}

TEST_CASE("while deliveries are late, or refused clients are about to return, arrivals keep to the rate") {
  std::mt19937_64 random(1);
  const auto admitted = [&](Admission& admission, const Admission::Situation& situation) {
    int count = 0;
    for (int arrival = 0; arrival != 500; ++arrival) count += admission.ask(situation, start, random) ? 0 : 1;
    return count;
  };
  // Half a second's, and a fifth more.
  Admission late(1s, 60s, false);
  late.set_rate(200);
  CHECK(admitted(late, {.late = true}) == 120);
  Admission returning(1s, 60s, false);
  returning.set_rate(200);
  CHECK(returning.ask({.streams_full = true}, start, random));
  CHECK(admitted(returning, {}) == 120);
  Admission configured(1s, 60s, true);
  configured.set_rate(300);
  CHECK(admitted(configured, {}) == 180);
}

TEST_CASE("twice as many as there is room for all get in, in the slots that they were given") {
  // 1,000 streams fit, 2,000 try; from the fifth second on the first ones leave.
  Admission admission(1s, 60s, false);
  admission.set_rate(100);
  std::mt19937_64 random(3);
  std::multimap<Admission::TimePoint, int> arrivals;
  for (int client = 0; client != 2'000; ++client) arrivals.emplace(start, client);
  int open = 0, tries = 0;
  while (!arrivals.empty() && tries < 20'000) {
    const auto [now, client] = *arrivals.begin();
    arrivals.erase(arrivals.begin());
    ++tries;
    const int left = now < start + 5s ? 0 : 1'000;
    const auto refusal = admission.ask({.streams_full = open - left >= 1'000}, now, random);
    if (refusal)
      arrivals.emplace(now + refusal->retry, client);
    else
      ++open;
  }
  CHECK(open == 2'000);
  CHECK(tries < 4'500);  // half are refused at first, and few of those a second time
}
