// State: what every worker reads of the load of the whole process. Written by the first worker (serve/load_watch), read
// by all; each number by itself, so two of them may be of different moments.
#pragma once

#include <atomic>
#include <cstdint>

#include "gateway/load/connection_room.h"

namespace sluice::load {

struct State {
  ConnectionRoom connection_room{};        // written once, before anybody reads it
  std::atomic<double> percent{0};          // Meter::percent()
  std::atomic<double> accept_rate{2'000};  // AcceptRate::per_second(), of all workers
  std::atomic<std::uint64_t> streams{0};   // open
  // What is published is delivered late: the loops lag, or sockets do not take what is sealed for them.
  std::atomic<bool> late{false};
  std::atomic<bool> memory_full{false};  // 90 % of it
  // Resident bytes above 95 % of limits.memory: so much is to be given back.
  std::atomic<std::uint64_t> memory_excess{0};
};

}  // namespace sluice::load
