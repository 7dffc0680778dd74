// ConnectionRoom: how many connections a process may hold: limits.connections, or fewer where its descriptors end
// sooner; who comes beyond is told which of the two it was. A value, made once at start (serve/load_watch). Pure.
#pragma once

#include <cstdint>

#include "gateway/load/admission.h"

namespace sluice::load {

struct ConnectionRoom {
  // So many more are let in to be told when to come back; beyond those even a handshake is too dear.
  static constexpr std::uint32_t surplus_max = 128;
  // And so many beyond those for who looks after an overfull gateway.
  static constexpr std::uint32_t admin_extra = 16;

  std::uint32_t most = 1;
  BusyReason reason = BusyReason::connections;  // why there are not more
};

// `descriptors_open`: of this process, without connections; `descriptors_max` 0: not known.
[[nodiscard]] ConnectionRoom connection_room(std::uint32_t connections, std::uint64_t descriptors_open,
                                             std::uint64_t descriptors_max);

}  // namespace sluice::load
