#include "gateway/load/meter.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using sluice::load::Meter;
using sluice::load::Resource;

namespace {

// A meter with a clock set by hand, fed every 100 ms.
struct Story {
  Meter meter;
  Meter::TimePoint now{1h};
  Meter::Amounts amounts{};

  void set(Resource resource, double value, double limit) {
    amounts[static_cast<std::size_t>(resource)] = {value, limit};
  }
  void pass(std::chrono::milliseconds time) {
    for (const auto end = now + time; now < end;) {
      now += 100ms;
      meter.take(amounts, now);
    }
  }
};

}  // namespace

TEST_CASE("the load is that of the worst resource, and says which") {
  Story story;
  story.set(Resource::cpu, 0.4, 2);
  story.set(Resource::streams, 900, 1000);
  story.set(Resource::loop_lag, 0.038, 0.05);
  story.pass(100ms);
  CHECK(story.meter.worst() == Resource::streams);
  CHECK(story.meter.percent() == doctest::Approx(90));
  CHECK(story.meter.reason() == "streams 900 of 1000");
  CHECK(story.meter.amount(Resource::cpu) == "0.40 cores of 2.00 cores");
  story.set(Resource::streams, 0, 1000);
  story.pass(60s);
  CHECK(story.meter.reason() == "loop_lag 38 ms of 50 ms");
  CHECK(story.meter.percent() == doctest::Approx(76).epsilon(0.01));
}

TEST_CASE("a rise is believed within a second, a fall within half a minute") {
  Story story;
  story.set(Resource::cpu, 0, 1);
  story.pass(1s);
  story.set(Resource::cpu, 1, 1);
  story.pass(100ms);
  CHECK(story.meter.percent() < 40);  // one busy tick is no load
  story.pass(1s);
  CHECK(story.meter.percent() > 90);
  story.set(Resource::cpu, 0, 1);
  story.pass(1s);
  CHECK(story.meter.percent() > 80);
  story.pass(29s);
  CHECK(story.meter.percent() < 6);
}

TEST_CASE("a load that comes and goes every second does not flap") {
  Story story;
  story.pass(100ms);
  double lowest = 100, highest = 0;
  for (int second = 0; second != 60; ++second) {
    story.set(Resource::cpu, second % 2 == 0 ? 1 : 0, 1);
    story.pass(1s);
    if (second < 10) continue;
    lowest = std::min(lowest, story.meter.percent());
    highest = std::max(highest, story.meter.percent());
  }
  CHECK(highest - lowest < 12);
  CHECK(lowest > 80);
}

TEST_CASE("a clock that jumps moves the load as one second does, and one that goes back not at all") {
  Story story;
  story.set(Resource::cpu, 1, 1);
  story.pass(100ms);
  story.set(Resource::cpu, 0, 1);
  story.now += 24h;
  story.meter.take(story.amounts, story.now);
  CHECK(story.meter.percent() > 85);
  const double before = story.meter.percent();
  story.meter.take(story.amounts, story.now - 1h);
  CHECK(story.meter.percent() == before);
}

TEST_CASE("a loop that was stopped for a minute is not loaded for minutes") {
  Story story;
  story.set(Resource::loop_lag, 60, 0.05);
  story.pass(100ms);
  CHECK(story.meter.percent() == doctest::Approx(200));
  story.set(Resource::loop_lag, 0, 0.05);
  story.pass(8s);
  CHECK(story.meter.percent() < 100);
}

TEST_CASE("a resource without a limit is no load") {
  Story story;
  story.set(Resource::descriptors, 1e9, 0);
  story.pass(1s);
  CHECK(story.meter.percent() == 0);
}
