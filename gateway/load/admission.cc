#include "gateway/load/admission.h"

#include <array>

namespace sluice::load {

std::string_view name(BusyReason reason) {
  constexpr std::array<std::string_view, 5> names = {"limits.connections", "limits.streams", "limits.memory",
                                                     "limits.accept_rate", "descriptors"};
  return names[static_cast<std::size_t>(reason)];
}

std::optional<Admission::Refusal> Admission::ask(const Situation& situation, TimePoint now, std::mt19937_64& random) {
  std::optional<BusyReason> reason;
  if (situation.surplus_connection)
    reason = situation.surplus_connection;
  else if (situation.streams_full)
    reason = BusyReason::streams;
  else if (situation.memory_full)
    reason = BusyReason::memory;
  else if ((always_counted_ || situation.late || calendar_.busy(now)) && !calendar_.admit(now))
    reason = BusyReason::accept_rate;
  if (!reason) return std::nullopt;
  return Refusal{*reason, calendar_.book(now, random)};
}

}  // namespace sluice::load
