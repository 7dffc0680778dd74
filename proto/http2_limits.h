// The budgets of one HTTP/2 connection: token buckets that turn a flood into one decision. Pure; owned by the session.
// A bucket never sleeps and never asks the time: it is told.
// Invariant: 0 ≤ tokens ≤ burst.
#pragma once

#include <algorithm>
#include <chrono>

#include "proto/http2_server.h"

namespace sluice::proto {

class TokenBucket {
 public:
  TokenBucket(double burst, double per_second, TimePoint now)
      : burst_(burst), per_second_(per_second), tokens_(burst), refilled_(now) {}

  // False when the bucket is empty: the limit is crossed.
  [[nodiscard]] bool take(TimePoint now) {
    const std::chrono::duration<double> passed = now - refilled_;
    tokens_ = std::min(burst_, tokens_ + std::max(0.0, passed.count()) * per_second_);
    refilled_ = std::max(now, refilled_);
    if (tokens_ < 1.0) return false;
    tokens_ -= 1.0;
    return true;
  }

 private:
  double burst_, per_second_, tokens_;
  TimePoint refilled_;
};

struct Http2Budgets {
  Http2Budgets(const Http2Limits& limits, TimePoint now)
      : resets(limits.resets_burst, limits.resets_rate, now),
        glitches(limits.glitches_burst, limits.glitches_rate, now),
        empty_data(limits.empty_data, limits.empty_data / 60.0, now),
        unknown_frames(limits.unknown_frames_per_minute, limits.unknown_frames_per_minute / 60.0, now),
        window_updates(limits.window_updates_per_minute, limits.window_updates_per_minute / 60.0, now),
        pings(limits.pings_burst, limits.pings_per_minute / 60.0, now),
        priorities(limits.priorities_per_stream, limits.priorities_per_stream / 60.0, now) {}

  TokenBucket resets, glitches, empty_data, unknown_frames;
  TokenBucket window_updates;  // those that no DATA of ours accounts for
  TokenBucket pings;           // and SETTINGS: each makes us queue an answer (CVE-2019-9512, CVE-2019-9515)
  TokenBucket priorities;      // PRIORITY for streams that are not open; an open stream counts its own
};

}  // namespace sluice::proto
