// RedisOrdinals: of the entries that a source has read last, how many its stream had ever been given when each was the
// newest. Where as many are gone, that entry was the last to go, and who has had it has lost nothing. Owned by the
// Redis streams adapter, on its home worker's thread. Pure. It keeps hashes of 64 bits, in a table of fixed size in
// which a newer entry takes an older one's place. Invariant: no number is greater than the true one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "gateway/topic/position_format.h"

namespace sluice::source {

class RedisOrdinals {
 public:
  static constexpr std::size_t slot_count = 1 << 16;  // a MiB

  void add(std::string_view key, const topic::NumberPair& id, std::uint64_t ordinal) {
    const std::uint64_t hash = hash_of(key, id);
    slots_[hash % slot_count] = {hash, ordinal};
  }
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view key, const topic::NumberPair& id) const {
    const Slot& slot = slots_[hash_of(key, id) % slot_count];
    if (slot.hash != hash_of(key, id)) return std::nullopt;
    return slot.ordinal;
  }
  // A stream is another one now.
  void clear() { slots_.assign(slot_count, {}); }

 private:
  struct Slot {
    std::uint64_t hash = 0, ordinal = 0;
  };
  static std::uint64_t hash_of(std::string_view key, const topic::NumberPair& id) {
    constexpr std::uint64_t odd = 0x9E37'79B9'7F4A'7C15;  // of the golden ratio: spreads numbers that follow each other
    std::uint64_t hash = std::hash<std::string_view>()(key);
    for (const std::uint64_t part : {id.left, id.right}) {
      hash = (hash ^ part) * odd;
      hash ^= hash >> 32;
    }
    return hash;
  }

  std::vector<Slot> slots_ = std::vector<Slot>(slot_count);
};

}  // namespace sluice::source
