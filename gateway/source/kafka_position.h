// KafkaPosition: where a reader of a Kafka topic stands, as the offset of the last event in each partition, and the
// text of it: `1.18790,0.18812`. The first pair is the partition to which the event itself belongs, the others follow
// in rising order: so that from an entry's position alone can be told which event it is. -1: nothing yet, and a
// partition that is missing is read from wherever it begins. Pure values; any thread. Invariant: partitions are
// distinct; to_string() of what parse() took is the same text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/topic/position_format.h"

namespace sluice::source {

using KafkaPartition = std::int32_t;
using KafkaOffset = std::int64_t;

class KafkaPosition {
 public:
  struct Place {
    KafkaPartition partition = 0;
    KafkaOffset last = -1;
    friend bool operator==(const Place&, const Place&) = default;
  };
  KafkaPosition() = default;
  // nullopt: not what this class writes; only canonical numbers, the pairs behind the first rising.
  [[nodiscard]] static std::optional<KafkaPosition> parse(std::string_view text);

  // The offset of the last event there; nullopt: the partition is not in it.
  [[nodiscard]] std::optional<KafkaOffset> find(KafkaPartition partition) const;
  void set(KafkaPartition partition, KafkaOffset last);
  void erase(KafkaPartition partition);
  // By partition.
  [[nodiscard]] const std::vector<Place>& places() const { return places_; }
  // The first pair of the text: whose event this is.
  [[nodiscard]] KafkaPartition own() const { return own_; }
  void set_own(KafkaPartition partition) { own_ = partition; }

  // Replaces `text`.
  void write(std::string& text) const;
  [[nodiscard]] std::string to_string() const;

 private:
  std::vector<Place> places_;
  KafkaPartition own_ = 0;  // the first of places_ where it is not among them
};

// Partial order, by element: a partition that is missing has had nothing.
[[nodiscard]] std::partial_ordering compare(const KafkaPosition& left, const KafkaPosition& right);

class KafkaFormat final : public topic::PositionFormat {
 public:
  [[nodiscard]] Kind classify(std::string_view position) const override;
  [[nodiscard]] std::partial_ordering compare(std::string_view left, std::string_view right) const override;
  [[nodiscard]] bool vectors() const override { return true; }
  // Whether the entry's own offset is at most the one of `resumed` in its partition.
  [[nodiscard]] bool had(std::string_view resumed, std::string_view entry) const override;
  // The larger of both in each partition; the entry's own first.
  [[nodiscard]] std::string join(std::string_view resumed, std::string_view entry) const override;
};

}  // namespace sluice::source
