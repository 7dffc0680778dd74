// shed_memory(): what a worker does once a second while memory is nearly full (limits.memory): it ends who holds most
// of it for peers that do not take what they asked for, the largest first. Few at a time, for a second later memory is
// measured again. Who keeps nothing for its peer is never ended; who is ended comes back and resumes.
// On the worker's thread; it decides, Connection::let_go() ends.
#pragma once

#include <cstddef>
#include <span>

#include "gateway/serve/connection.h"

namespace sluice::serve {

struct Shed {
  std::size_t connections = 0;
  std::size_t bytes = 0;  // that they held
};

// `excess`: bytes to give back. At most a hundredth of the connections, but one.
Shed shed_memory(std::span<Connection* const> connections, std::size_t excess);

}  // namespace sluice::serve
