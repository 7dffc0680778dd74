// PositionFormat: how a source writes where an event stands in its engine, as the text of an `id:`. To
// all but its source a position is opaque: this is the one place where texts are told apart and put in order. Made by
// the source's wiring, shared by all workers; every member may be called on any thread. Invariant: of two positions of
// one opening compare() says which is first, or `unordered` where the text alone cannot tell (a backend's own ids);
// equal texts are equal.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/event_id.h"

namespace sluice::topic {

// The source's running number: orders all entries of all topics of one source. 0: before the first.
using Sequence = std::uint64_t;

class PositionFormat {
 public:
  enum class Kind : std::uint8_t {
    known,      // a position of this source; its engine may have lost it all the same
    foreign,    // of another opening: another stream of that name, another run of this gateway, another node
    malformed,  // nothing that this source has ever written
  };
  virtual ~PositionFormat() = default;

  [[nodiscard]] virtual Kind classify(std::string_view position) const = 0;
  // Of two known positions: which comes first in the source's order.
  [[nodiscard]] virtual std::partial_ordering compare(std::string_view left, std::string_view right) const = 0;
  // Whether each topic has positions of its own (Redis streams): an id then has a part for each topic.
  [[nodiscard]] virtual bool per_topic() const { return false; }
  // Whether positions are vectors (Kafka: an offset for each partition): two of them may be unordered, and a stream
  // that resumes finds entries that it has had behind the first that it has not. Along one log they rise all the same.
  [[nodiscard]] virtual bool vectors() const { return false; }
  // The position of a sequence, where positions are our own numbering; nullopt: only the engine gives positions.
  [[nodiscard]] virtual std::optional<std::string> text_of(Sequence) const { return std::nullopt; }
  // The other way round; nullopt for a position of another opening, and where text_of() knows none.
  [[nodiscard]] virtual std::optional<Sequence> sequence_of(std::string_view) const { return std::nullopt; }
  // A stream that resumed at `resumed` reaches the entry at `entry`: whether it has had that entry already, ...
  [[nodiscard]] virtual bool had(std::string_view resumed, std::string_view entry) const {
    return compare(entry, resumed) <= 0;
  }
  // ... and its id from then on. `entry` itself: nothing is to be remembered of `resumed` any more.
  [[nodiscard]] virtual std::string join(std::string_view, std::string_view entry) const { return std::string(entry); }
};

// `<epoch>.<sequence>`: for sources whose order is ours; valid as long as this opening.
class EpochFormat final : public PositionFormat {
 public:
  explicit EpochFormat(const proto::Epoch& epoch) : epoch_(epoch) {}
  [[nodiscard]] Kind classify(std::string_view position) const override;
  [[nodiscard]] std::partial_ordering compare(std::string_view left, std::string_view right) const override;
  [[nodiscard]] std::optional<std::string> text_of(Sequence sequence) const override;
  [[nodiscard]] std::optional<Sequence> sequence_of(std::string_view position) const override;
  [[nodiscard]] const proto::Epoch& epoch() const { return epoch_; }

 private:
  const proto::Epoch epoch_;
};

// `<number>-<number>` or any other two decimal numbers around `separator`, the left one first in the order.
struct NumberPair {
  std::uint64_t left = 0, right = 0;
  friend auto operator<=>(const NumberPair&, const NumberPair&) = default;
};
// Only canonical text: no sign, no leading zero, nothing above 2^64-1.
[[nodiscard]] std::optional<NumberPair> parse_number_pair(std::string_view text, char separator);
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);

// Positions that are such a pair: `1795332250205-0` (Redis), `7215.88` (an outbox table). Valid on every node.
class PairFormat final : public PositionFormat {
 public:
  PairFormat(char separator, bool per_topic) : separator_(separator), per_topic_(per_topic) {}
  [[nodiscard]] Kind classify(std::string_view position) const override;
  [[nodiscard]] std::partial_ordering compare(std::string_view left, std::string_view right) const override;
  [[nodiscard]] bool per_topic() const override { return per_topic_; }

 private:
  const char separator_;
  const bool per_topic_;
};

}  // namespace sluice::topic
