// StreamIds: what became of the stream ids that the peer has used, for as long as it matters. nghttp2 forgets a closed
// stream at once (270 bytes each otherwise); the standard wants a late frame answered by how the stream ended
// (RFC 9113 §5.1, §5.1.1). Pure; owned by the session; remembers the last 256 ids in 72 bytes.
// Invariant: ids above highest() are idle.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

#include "proto/http2_server.h"

namespace sluice::proto {

class StreamIds {
 public:
  enum class Past : std::uint8_t {
    skipped,    // never opened: closed when a higher id was opened
    ended,      // open or ended by END_STREAM or by the peer's RST_STREAM: a further frame is an error
    abandoned,  // ended by a RST_STREAM of ours or never accepted: frames in flight are ignored
    forgotten,  // too long ago to tell
  };

  [[nodiscard]] StreamId highest() const { return highest_; }

  // The peer opened `id`, odd and above highest().
  void open(StreamId id) {
    const auto steps = static_cast<std::size_t>(std::int64_t{id} - highest_ + 1) / 2;
    used_ = steps < used_.size() ? used_ << steps : decltype(used_){};
    abandoned_ = steps < abandoned_.size() ? abandoned_ << steps : decltype(abandoned_){};
    used_.set(0);
    highest_ = id;
  }
  void abandon(StreamId id) {
    if (const std::size_t back = distance(id); back < abandoned_.size()) abandoned_.set(back);
  }
  // `id` is odd and at most highest().
  [[nodiscard]] Past past(StreamId id) const {
    const std::size_t back = distance(id);
    if (back >= used_.size()) return Past::forgotten;
    if (abandoned_.test(back)) return Past::abandoned;
    return used_.test(back) ? Past::ended : Past::skipped;
  }

 private:
  [[nodiscard]] std::size_t distance(StreamId id) const { return static_cast<std::size_t>(highest_ - id) / 2; }

  StreamId highest_ = -1;
  std::bitset<256> used_, abandoned_;  // bit k: stream highest_ - 2k
};

}  // namespace sluice::proto
