#include "gateway/source/kafka_ranges.h"

#include <doctest/doctest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

using namespace sluice;
using source::KafkaPosition;
using source::KafkaRange;
using topic::GapReason;

TEST_CASE("a page begins behind the position, or where the rest of a partition begins, which is told") {
  struct Row {
    const char* after;
    std::vector<KafkaRange> ranges;
    const char* from;
    std::optional<GapReason> gap;
  };
  const Row rows[] = {
      {"0.4,1.6", {{0, 10}, {0, 10}}, "0.4,1.6", {}},
      {"1.6,0.4", {{0, 10}, {0, 10}}, "1.6,0.4", {}},
      {"0.9,1.9", {{0, 10}, {0, 10}}, "0.9,1.9", {}},
      {"0.-1,1.-1", {{0, 10}, {0, 0}}, "0.-1,1.-1", {}},
      {"", {{0, 10}, {7, 10}, {3, 3}}, "0.-1,1.6,2.2", {}},
      {"0.4,1.6", {{5, 10}, {0, 10}}, "0.4,1.6", {}},  // exactly what it wants next is the oldest
      {"0.4,1.6", {{6, 10}, {0, 10}}, "0.5,1.6", GapReason::trimmed},
      {"0.-1,1.6", {{1, 10}, {0, 10}}, "0.0,1.6", GapReason::trimmed},
      {"0.4", {{0, 10}, {0, 10}}, "0.4,1.-1", {}},  // a partition that it does not name begins at its beginning
      {"0.4", {{0, 10}, {8, 10}}, "0.4,1.7", {}},
      {"0.10,1.6", {{0, 10}, {0, 10}}, "0.-1,1.6", GapReason::recreated},
      {"0.10,1.6", {{2, 10}, {8, 10}}, "0.1,1.7", GapReason::recreated},
      {"0.1,1.60", {{4, 10}, {8, 10}}, "0.3,1.7", GapReason::recreated},
      {"0.4,1.6", {{0, 10}}, "0.4", GapReason::recreated},
      {"0.4,1.6", {{0, 10}, {7, 7}}, "0.4,1.6", {}},  // all of it is gone, and was had
  };
  for (const Row& row : rows) {
    CAPTURE(row.after);
    const auto begin = find_kafka_begin(row.after, row.ranges);
    CHECK(begin.from.to_string() == row.from);
    CHECK(begin.gap == row.gap);
  }
}

TEST_CASE("a source follows its partitions: new ones, trimmed ones, others of their name") {
  struct Row {
    const char* position;
    const char* before;
    std::set<source::KafkaPartition> stranded;
    std::vector<KafkaRange> ranges;
    const char* next;
    bool recreated;
    std::vector<source::KafkaPartition> trimmed;
    bool reassign;
  };
  const Row rows[] = {
      {"0.4,1.6", "0.4,1.6", {}, {{0, 5}, {0, 9}}, "0.4,1.6", false, {}, false},
      // Events came while it asked: the answer is older than they are.
      {"0.8,1.6", "0.4,1.6", {}, {{0, 5}, {0, 9}}, "0.8,1.6", false, {}, false},
      // What is trimmed may be on its way to us all the same.
      {"0.4,1.6", "0.4,1.6", {}, {{7, 9}, {0, 9}}, "0.4,1.6", false, {}, false},
      {"0.4,1.6", "0.4,1.6", {0}, {{7, 9}, {0, 9}}, "0.6,1.6", false, {0}, true},
      {"0.4,1.6", "0.4,1.6", {0, 1}, {{7, 9}, {9, 9}}, "0.6,1.8", false, {0, 1}, true},
      {"0.4,1.6", "0.4,1.6", {0}, {{3, 9}, {0, 9}}, "0.4,1.6", false, {}, true},  // it is there after all
      {"0.4", "0.4", {}, {{0, 5}, {0, 9}, {4, 9}}, "0.4,1.-1,2.3", false, {}, true},
      {"0.4,1.6", "0.4,1.6", {}, {{0, 3}, {0, 9}}, "0.-1,1.6", true, {}, true},
      {"0.4,1.6", "0.4,1.6", {0}, {{1, 3}, {0, 9}}, "0.0,1.6", true, {}, true},
      {"0.4,1.6", "0.4,1.6", {1}, {{0, 9}}, "0.4", true, {}, true},
      {"0.4,1.6", "0.4,1.6", {1}, {{0, 2}, {8, 9}}, "0.-1,1.7", true, {1}, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.position);
    CAPTURE(row.next);
    const auto change = find_kafka_change(*KafkaPosition::parse(row.position), *KafkaPosition::parse(row.before),
                                          row.stranded, row.ranges);
    CHECK(change.position.to_string() == row.next);
    CHECK(change.recreated == row.recreated);
    CHECK(change.trimmed == row.trimmed);
    CHECK(change.reassign == row.reassign);
  }
}
