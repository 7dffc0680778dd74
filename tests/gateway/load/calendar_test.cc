#include "gateway/load/calendar.h"

#include <map>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using sluice::load::Calendar;
using std::chrono::milliseconds;

namespace {
const Calendar::TimePoint start{100h};
}

TEST_CASE("refused clients come back at the rate, none before the floor") {
  Calendar calendar(1s, 60s);
  calendar.set_rate(200);
  std::mt19937_64 random(7);
  std::map<std::int64_t, int> bins;
  for (int client = 0; client != 2'000; ++client) {
    const milliseconds wait = calendar.book(start, random);
    REQUIRE(wait >= 1s);
    ++bins[wait / 100ms];
  }
  CHECK(bins.size() <= 101);
  CHECK(bins.rbegin()->first <= 112);  // 10 s of arrivals behind the floor
  for (const auto& [bin, count] : bins) CHECK(count <= 20);
}

TEST_CASE("who comes in a slot of its own is let in, and a crowd beside it is not") {
  Calendar calendar(1s, 60s);
  calendar.set_rate(100);
  std::mt19937_64 random(7);
  CHECK_FALSE(calendar.busy(start));
  const milliseconds wait = calendar.book(start, random);
  CHECK(calendar.busy(start));
  const auto back = start + wait;
  int admitted = 0;
  for (int arrival = 0; arrival != 500; ++arrival) admitted += calendar.admit(back) ? 1 : 0;
  CHECK(admitted == 60);  // half a second's, and a fifth more
  CHECK_FALSE(calendar.admit(back + 400ms));
  CHECK(calendar.admit(back + 500ms));
  CHECK_FALSE(calendar.busy(back + 200ms));
}

TEST_CASE("who comes back as late as networks and loops make it finds its place; the rate is kept all the same") {
  Calendar calendar(1s, 60s);
  calendar.set_rate(500);
  std::mt19937_64 random(7);
  std::uniform_int_distribution<int> late(0, 250);
  std::multimap<Calendar::TimePoint, int> returns;
  for (int client = 0; client != 5'000; ++client)
    returns.emplace(start + calendar.book(start, random) + milliseconds(late(random)), client);
  int admitted = 0;
  std::map<std::int64_t, int> seconds;
  for (const auto& [when, client] : returns)
    if (calendar.admit(when)) {
      ++admitted;
      ++seconds[(when - start) / 1s];
    }
  CHECK(admitted > 4'990);
  for (const auto& [second, count] : seconds) CHECK(count <= 600);
}

TEST_CASE("who was given a place keeps it when the rate falls meanwhile") {
  Calendar calendar(1s, 60s);
  calendar.set_rate(500);
  std::mt19937_64 random(7);
  std::multimap<Calendar::TimePoint, int> returns;
  for (int client = 0; client != 1'000; ++client) returns.emplace(start + calendar.book(start, random), client);
  calendar.set_rate(100);
  int admitted = 0;
  for (const auto& [when, client] : returns) admitted += calendar.admit(when) ? 1 : 0;
  CHECK(admitted == 1'000);
  CHECK(calendar.book(start + 2s, random) > 1s);  // behind them
  int others = 0;
  for (int arrival = 0; arrival != 500; ++arrival) others += calendar.admit(start + 10s) ? 1 : 0;
  CHECK(others == 60);
}

TEST_CASE("a full calendar spreads the others evenly over its last half") {
  Calendar calendar(1s, 11s);
  calendar.set_rate(10);
  std::mt19937_64 random(7);
  for (int client = 0; client != 110; ++client) (void)calendar.book(start, random);
  int early = 0, late = 0;
  for (int client = 0; client != 1'000; ++client) {
    const milliseconds wait = calendar.book(start, random);
    REQUIRE(wait >= 6s);
    REQUIRE(wait <= 11s);
    ++(wait < 8500ms ? early : late);
  }
  CHECK(early > 430);
  CHECK(late > 430);
}

TEST_CASE("a rate below ten a second has whole places in some bins") {
  Calendar calendar(1s, 60s);
  calendar.set_rate(2);
  int admitted = 0;
  for (int bin = 0; bin != 100; ++bin)
    for (int arrival = 0; arrival != 3; ++arrival) admitted += calendar.admit(start + bin * 100ms) ? 1 : 0;
  CHECK(admitted == 20);
}

TEST_CASE("bins that have passed are empty again, after a long silence too") {
  Calendar calendar(1s, 5s);
  calendar.set_rate(10);
  std::mt19937_64 random(7);
  for (int hour = 0; hour != 5; ++hour) {
    const auto now = start + hour * 1h;
    CHECK(calendar.book(now, random) < 1300ms);
    int admitted = 0;
    for (int arrival = 0; arrival != 10; ++arrival) admitted += calendar.admit(now) ? 1 : 0;
    CHECK(admitted == 6);
  }
}
