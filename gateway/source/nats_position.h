// Positions of a JetStream stream: `k3fa.901234`, the stream's incarnation and a sequence in it: a sequence alone
// cannot tell a stream from another one made anew under its name. The incarnation is a hash of the time at which the
// stream was created, so every node writes the same. Owned by the source's wiring, shared by all workers and by the
// source's threads. Invariant: positions of one incarnation are ordered as their sequences; of two they are unordered.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/topic/position_format.h"

namespace sluice::source {

// 20 bits: of a million streams made anew, one is taken for its predecessor.
using Incarnation = std::uint32_t;
[[nodiscard]] Incarnation incarnation_of(std::int64_t created_nanoseconds);

struct StreamPosition {
  Incarnation incarnation = 0;
  std::uint64_t sequence = 0;  // 0: before the first message
  [[nodiscard]] std::string text() const;
  // Only what text() writes.
  [[nodiscard]] static std::optional<StreamPosition> parse(std::string_view text);
  friend bool operator==(const StreamPosition&, const StreamPosition&) = default;
};

class StreamPositionFormat final : public topic::PositionFormat {
 public:
  [[nodiscard]] Kind classify(std::string_view position) const override;
  [[nodiscard]] std::partial_ordering compare(std::string_view left, std::string_view right) const override;

  // The incarnation that the source reads; nullopt: not known yet, and every position may be of it.
  [[nodiscard]] std::optional<Incarnation> current() const;
  void set_current(Incarnation incarnation) const { current_.store(incarnation); }

 private:
  static constexpr std::uint32_t unknown = 0xffff'ffff;
  mutable std::atomic<std::uint32_t> current_{unknown};
};

}  // namespace sluice::source
