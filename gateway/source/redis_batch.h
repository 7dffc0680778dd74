// RedisBatch: how many entries to ask Redis for at once. Redis counts entries and not bytes, so the number follows from
// what came: about a MiB an answer, carefully upwards while answers are full, down at once for large entries. A value,
// one per stream that is read. Pure. Invariant: 1 ≤ count() ≤ 1,000.
#pragma once

#include <algorithm>
#include <cstddef>

namespace sluice::source {

class RedisBatch {
 public:
  static constexpr std::size_t most = 1000;
  static constexpr std::size_t bytes_wanted = 1024UL * 1024;

  [[nodiscard]] std::size_t count() const { return count_; }
  // Of an answer: whether it had all that was asked for, and the size of the largest entry that is known to be there.
  void note(bool full, std::size_t largest) {
    const std::size_t room = largest == 0 ? most : std::clamp<std::size_t>(bytes_wanted / largest, 1, most);
    count_ = std::min(full ? 2 * count_ : count_, room);
  }
  // The connection was lost, perhaps by an answer that was too large.
  void start_again() { count_ = 1; }

 private:
  std::size_t count_ = 32;
};

}  // namespace sluice::source
