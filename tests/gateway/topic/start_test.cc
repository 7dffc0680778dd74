#include "gateway/topic/start.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "tests/gateway/topic/replicas.h"

using namespace sluice;
using tests::Replicas;
using topic::GapReason;
using topic::Wish;

TEST_CASE("where a client begins follows from its last event id and from what the log still holds") {
  // Sequences 1 … 10, the odd ones in s/a; s/a has lost 1 and 3.
  topic::History history;
  history.entries = 3;
  Replicas replicas(history);
  for (int event = 0; event != 5; ++event) {
    replicas.append("s/a", "x");
    replicas.append("s/b", "x");
  }
  const topic::Topics& topics = *replicas.topics[0];
  topic::TopicLog& log = replicas.log("s/a");
  REQUIRE(log.first() == 2);
  const std::string here = replicas.position(0).substr(0, proto::Epoch::size);

  struct Row {
    const char* name;
    Wish wish;
    topic::Offset next;
    topic::Sequence after;
    std::optional<GapReason> gap;
  };
  const Row rows[] = {
      {"now", {Wish::Kind::now}, 5, 10, {}},
      {"earliest", {Wish::Kind::earliest}, 2, 3, {}},
      {"no position for this source", {Wish::Kind::no_position}, 2, 3, GapReason::no_position},
      {"the newest entry", {Wish::Kind::position, here + ".9"}, 5, 9, {}},
      {"another topic's newest", {Wish::Kind::position, here + ".10"}, 5, 10, {}},
      {"in the ring", {Wish::Kind::position, here + ".7"}, 4, 7, {}},
      {"in the ring, another topic's", {Wish::Kind::position, here + ".6"}, 3, 6, {}},
      {"the last that was trimmed", {Wish::Kind::position, here + ".3"}, 2, 3, {}},
      {"before what was trimmed", {Wish::Kind::position, here + ".2"}, 2, 3, GapReason::trimmed},
      {"the very beginning", {Wish::Kind::position, here + ".0"}, 2, 3, GapReason::trimmed},
      {"the future", {Wish::Kind::position, here + ".11"}, 2, 3, GapReason::unknown_position},
      {"another opening", {Wish::Kind::position, "zzzzzz.7"}, 2, 3, GapReason::unknown_epoch},
      {"an engine's id", {Wish::Kind::position, "1795332250205-0"}, 2, 3, GapReason::unknown_position},
      {"nothing", {Wish::Kind::position, ""}, 2, 3, GapReason::unknown_position},
      {"hostile", {Wish::Kind::position, here + ".99999999999999999999"}, 2, 3, GapReason::unknown_position},
      {"leading zeros", {Wish::Kind::position, here + ".007"}, 2, 3, GapReason::unknown_position},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const topic::Start start = tests::start_in(topics, log, row.wish);
    CHECK(start.next == row.next);
    CHECK(start.after == row.after);
    CHECK(start.gap == row.gap);
  }
}

TEST_CASE("a worker that has not yet heard of a position waits for it instead of calling it unknown") {
  Replicas replicas;
  replicas.append("s/a", "x");
  replicas.deliver(1);
  replicas.append("s/a", "y");
  const Wish second{Wish::Kind::position, replicas.position(2)};
  topic::TopicLog& at_home = replicas.log("s/a");
  topic::TopicLog& elsewhere = *replicas.topics[1]->join("s/a");
  CHECK_FALSE(tests::asks_home(*replicas.topics[0], at_home, second));
  CHECK(tests::asks_home(*replicas.topics[1], elsewhere, second));
  replicas.deliver(1);
  CHECK_FALSE(tests::asks_home(*replicas.topics[1], elsewhere, second));
  // What nobody has is unknown once the home has answered.
  const Wish third{Wish::Kind::position, replicas.position(3)};
  CHECK(tests::asks_home(*replicas.topics[1], elsewhere, third));
  CHECK(tests::start_in(*replicas.topics[1], elsewhere, third).gap == GapReason::unknown_position);
}
