// What a place in a topic is worth, given the offsets that its partitions have now: where to read on, and what is lost.
// Pure; used by Kafka for the present and by KafkaPages for the past.
// Invariant: an offset that a partition has, and that is after the place, is never passed over.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gateway/source/kafka_position.h"
#include "gateway/topic/gap.h"

namespace sluice::source {

// The offsets of a partition: [low, high).
struct KafkaRange {
  KafkaOffset low = 0, high = 0;
};

// Where a page begins that was asked for after `after`.
struct KafkaBegin {
  KafkaPosition from;
  std::optional<topic::GapReason> gap;
};
// Empty `after`: the oldest of every partition. A partition that is missing in it begins at its beginning, without a
// loss; one that ends before its place is another one than it was.
[[nodiscard]] KafkaBegin find_kafka_begin(const std::string& after, const std::vector<KafkaRange>& ranges);

// What has happened to the partitions that a source reads.
struct KafkaChange {
  KafkaPosition position;  // where it is to read on
  bool recreated = false;  // partitions end before the last event that was read: the topic was made anew, or cut back
  std::vector<KafkaPartition> trimmed;  // their next offset has gone: they go on at their oldest
  bool reassign = false;                // and has to say so to librdkafka
};
// `position`: how far it has come; `before`: how far it had come when the ranges were asked for; `stranded`: partitions
// whose next offset librdkafka could not get. New partitions are read from their beginning.
[[nodiscard]] KafkaChange find_kafka_change(const KafkaPosition& position, const KafkaPosition& before,
                                            const std::set<KafkaPartition>& stranded,
                                            const std::vector<KafkaRange>& ranges);

}  // namespace sluice::source
