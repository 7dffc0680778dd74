#include "gateway/load/connection_room.h"

#include <algorithm>

namespace sluice::load {

namespace {
// For what sources, stores and files open later: a sixteenth of all, within these bounds.
constexpr std::uint64_t reserve_min = 32, reserve_max = 1024, reserve_share = 16;
}  // namespace

ConnectionRoom connection_room(std::uint32_t connections, std::uint64_t descriptors_open,
                               std::uint64_t descriptors_max) {
  if (descriptors_max == 0) return {.most = connections};
  const std::uint64_t taken = descriptors_open + ConnectionRoom::surplus_max + ConnectionRoom::admin_extra +
                              std::clamp(descriptors_max / reserve_share, reserve_min, reserve_max);
  const std::uint64_t room = std::max<std::uint64_t>(descriptors_max - std::min(taken, descriptors_max), 1);
  if (room >= connections) return {.most = connections};
  return {.most = static_cast<std::uint32_t>(room), .reason = BusyReason::descriptors};
}

}  // namespace sluice::load
