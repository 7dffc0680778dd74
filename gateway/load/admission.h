// Admission: whether one more event stream may open, and if not, when its client shall come back. Streams that are open
// are never sacrificed to new ones. The limits are judged as they are now; the accept rate counts while refused clients
// are about to return, while deliveries are late, and always where it is configured.
// One per worker, with its share of the accept rate; pure, it is told the time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string_view>

#include "gateway/load/calendar.h"

namespace sluice::load {

enum class BusyReason : std::uint8_t { connections, streams, memory, accept_rate, descriptors };
[[nodiscard]] std::string_view name(BusyReason reason);

class Admission {
 public:
  using TimePoint = Calendar::TimePoint;
  struct Situation {
    std::optional<BusyReason> surplus_connection = {};  // of one that is over ConnectionRoom: why
    bool streams_full = false, memory_full = false, late = false;
  };
  struct Refusal {
    BusyReason reason;
    std::chrono::milliseconds retry;
  };

  // `floor` and `horizon`: the configured range of reconnection times. `always_counted`: the rate was configured.
  Admission(std::chrono::milliseconds floor, std::chrono::milliseconds horizon, bool always_counted)
      : calendar_(floor, horizon), always_counted_(always_counted) {}

  // Streams per second on this worker.
  void set_rate(double rate) { calendar_.set_rate(rate); }
  // nullopt: it may open.
  [[nodiscard]] std::optional<Refusal> ask(const Situation& situation, TimePoint now, std::mt19937_64& random);

 private:
  Calendar calendar_;
  const bool always_counted_;
};

}  // namespace sluice::load
