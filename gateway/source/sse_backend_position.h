// Positions of an SSE backend: the backend's own id, opaque, which goes back to it as Last-Event-ID; and for an event
// that it gave no id of its own, `<the id before>~<epoch>.<n>`, which only this opening of the source knows.
//   "18"  →  18        "a b"  →  a!20b        an event without an id after 18  →  18~k3fa9x.7
// Bytes other than [A-Za-z0-9.,_-] are written as `!` and two hexadecimal digits: `%` is taken, event ids are decoded
// on their way in (proto/event_id), and a position has one text. Pure values; read on any thread.
// Invariant: what encode_backend_id() wrote parse_backend_position() reads back, and nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/topic/position_format.h"

namespace sluice::source {

// nullopt: empty, or not to be sent on in a header: with controls, with a blank at an end, or too long.
[[nodiscard]] std::optional<std::string> encode_backend_id(std::string_view id);

struct SseBackendPosition {
  std::string id;                           // the backend's; empty: it has given none
  std::optional<proto::EpochSequence> own;  // of an event without an id, after `id`
};
[[nodiscard]] std::optional<SseBackendPosition> parse_backend_position(std::string_view text);

// The texts tell no order: two positions are equal or unordered, and the rings are searched.
class SseBackendFormat final : public topic::PositionFormat {
 public:
  explicit SseBackendFormat(const proto::Epoch& epoch) : epoch_(epoch) {}
  [[nodiscard]] Kind classify(std::string_view position) const override;
  [[nodiscard]] std::partial_ordering compare(std::string_view left, std::string_view right) const override;
  [[nodiscard]] bool per_topic() const override { return true; }

  // Of an event without an id of its own. `encoded_id`: the id before it, or empty.
  [[nodiscard]] std::string own_position(std::string_view encoded_id, std::uint64_t number) const;

 private:
  const proto::Epoch epoch_;
};

}  // namespace sluice::source
