#include "gateway/load/handshake_budget.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using sluice::load::HandshakeBudget;

TEST_CASE("a turn takes as many handshakes as it may, the next as many again") {
  HandshakeBudget budget(3);
  const HandshakeBudget::TimePoint now{1h};
  for (int turn = 0; turn != 2; ++turn) {
    budget.begin_turn();
    for (int handshake = 0; handshake != 3; ++handshake) {
      CHECK(budget.has_room(now));
      budget.take(now);
    }
    CHECK_FALSE(budget.has_room(now));
  }
}

TEST_CASE("a turn takes handshakes for two milliseconds, but always one") {
  HandshakeBudget budget(100);
  HandshakeBudget::TimePoint now{1h};
  budget.take(now);
  CHECK(budget.has_room(now + 1999us));
  CHECK_FALSE(budget.has_room(now + 2ms));
  now += 5s;
  budget.begin_turn();
  CHECK(budget.has_room(now));
  budget.take(now);
  CHECK(budget.has_room(now + 1999us));
}
