#include "gateway/serve/shed.h"

#include <algorithm>
#include <vector>

namespace sluice::serve {

namespace {
constexpr std::size_t share = 100;  // one connection of so many in a second
}  // namespace

Shed shed_memory(std::span<Connection* const> connections, std::size_t excess) {
  struct Holder {
    Connection* connection;
    std::size_t bytes;
  };
  std::vector<Holder> holders;
  for (Connection* connection : connections)
    if (const std::size_t bytes = connection->held_bytes(); bytes != 0) holders.push_back({connection, bytes});
  const std::size_t most = std::min(holders.size(), std::max<std::size_t>(connections.size() / share, 1));
  std::ranges::partial_sort(holders, holders.begin() + static_cast<std::ptrdiff_t>(most), std::ranges::greater{},
                            &Holder::bytes);
  Shed shed;
  while (shed.connections != most && shed.bytes < excess) {
    const Holder& holder = holders[shed.connections++];
    shed.bytes += holder.bytes;
    holder.connection->let_go();
  }
  return shed;
}

}  // namespace sluice::serve
