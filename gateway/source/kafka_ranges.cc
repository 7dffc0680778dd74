#include "gateway/source/kafka_ranges.h"

#include <cstddef>
#include <utility>

namespace sluice::source {

namespace {

// nullptr: there is no such partition.
const KafkaRange* find(const std::vector<KafkaRange>& ranges, KafkaPartition partition) {
  const auto index = static_cast<std::size_t>(partition);
  return index < ranges.size() ? &ranges[index] : nullptr;
}

bool ends_before(const KafkaRange* range, KafkaOffset last) { return range == nullptr || last >= range->high; }

// To its beginning; out of the position where it is no more.
void begin_anew(KafkaPosition& position, KafkaPartition partition, const KafkaRange* range) {
  if (range == nullptr)
    position.erase(partition);
  else
    position.set(partition, range->low - 1);
}

// Partitions that the position does not know yet; whether there are any.
bool add_new(KafkaPosition& position, const std::vector<KafkaRange>& ranges) {
  bool added = false;
  for (std::size_t index = 0; index != ranges.size(); ++index) {
    const auto partition = static_cast<KafkaPartition>(index);
    if (position.find(partition)) continue;
    position.set(partition, ranges[index].low - 1);
    added = true;
  }
  return added;
}

}  // namespace

KafkaBegin find_kafka_begin(const std::string& after, const std::vector<KafkaRange>& ranges) {
  KafkaBegin begin;
  if (auto asked = KafkaPosition::parse(after)) begin.from = std::move(*asked);
  const std::vector<KafkaPosition::Place> places = begin.from.places();
  for (const auto& [partition, last] : places) {
    const KafkaRange* range = find(ranges, partition);
    if (ends_before(range, last)) {
      begin.gap = topic::GapReason::recreated;
      begin_anew(begin.from, partition, range);
    } else if (last + 1 < range->low) {
      begin.gap = begin.gap.value_or(topic::GapReason::trimmed);
      begin_anew(begin.from, partition, range);
    }
  }
  add_new(begin.from, ranges);
  return begin;
}

KafkaChange find_kafka_change(const KafkaPosition& position, const KafkaPosition& before,
                              const std::set<KafkaPartition>& stranded, const std::vector<KafkaRange>& ranges) {
  KafkaChange change;
  change.position = position;
  for (const auto& [partition, last] : before.places()) {
    const KafkaRange* range = find(ranges, partition);
    if (!ends_before(range, last)) continue;
    change.recreated = true;
    begin_anew(change.position, partition, range);
  }
  for (const KafkaPartition partition : stranded) {
    const KafkaRange* range = find(ranges, partition);
    const auto last = change.position.find(partition);
    if (range == nullptr || !last || *last + 1 >= range->low) continue;
    change.trimmed.push_back(partition);
    begin_anew(change.position, partition, range);
  }
  change.reassign = add_new(change.position, ranges) || change.recreated || !stranded.empty();
  return change;
}

}  // namespace sluice::source
