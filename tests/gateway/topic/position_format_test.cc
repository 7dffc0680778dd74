#include "gateway/topic/position_format.h"

#include <doctest/doctest.h>

#include <compare>
#include <string>

using namespace sluice;
using topic::EpochFormat;
using topic::PairFormat;
using Kind = topic::PositionFormat::Kind;

TEST_CASE("a position of ours is known in its opening, foreign in another, and anything else is malformed") {
  const proto::Epoch epoch = proto::Epoch::from_random(7);
  const EpochFormat format(epoch);
  const std::string here(epoch.text());
  CHECK(format.classify(here + ".12") == Kind::known);
  CHECK(format.classify("zzzzzz.12") == Kind::foreign);
  for (const char* text : {"", "12", "1-2", ".12", "zzzzzz.", "zzzzzz.-1", "zzzzzz.01"}) {
    CAPTURE(text);
    CHECK(format.classify(text) == Kind::malformed);
  }
  CHECK(format.compare(here + ".9", here + ".10") < 0);
  CHECK(format.compare(here + ".10", here + ".10") == 0);
  CHECK(format.compare(here + ".9", "zzzzzz.9") == std::partial_ordering::unordered);
  CHECK(format.text_of(12) == here + ".12");
  CHECK(format.sequence_of(here + ".12") == 12);
  CHECK_FALSE(format.sequence_of("zzzzzz.12"));
}

TEST_CASE("a pair of numbers is ordered by the left one, then by the right one") {
  const PairFormat format('-', true);
  struct Row {
    const char *left, *right;
    std::partial_ordering order;
  };
  const Row rows[] = {
      {"1-0", "1-0", std::partial_ordering::equivalent},
      {"1-0", "1-1", std::partial_ordering::less},
      {"9-9", "10-0", std::partial_ordering::less},
      {"18446744073709551615-0", "1-0", std::partial_ordering::greater},
      {"1-0", "x", std::partial_ordering::unordered},
  };
  for (const Row& row : rows) {
    CAPTURE(row.left);
    CAPTURE(row.right);
    CHECK(format.compare(row.left, row.right) == row.order);
  }
  for (const char* text :
       {"", "-", "1-", "-1", "1", "01-0", "1-00", "1-0-0", "+1-0", "18446744073709551616-0", "1.0"}) {
    CAPTURE(text);
    CHECK(format.classify(text) == Kind::malformed);
  }
  CHECK(format.per_topic());
  CHECK_FALSE(format.text_of(1));
}

TEST_CASE("whoever resumed at a position has had everything up to it") {
  const PairFormat format('.', false);
  CHECK(format.had("7.5", "7.5"));
  CHECK(format.had("7.5", "7.4"));
  CHECK_FALSE(format.had("7.5", "8.1"));
  CHECK(format.join("7.5", "8.1") == "8.1");
}
