#include "gateway/load/connection_room.h"

#include <doctest/doctest.h>

using sluice::load::BusyReason;
using sluice::load::connection_room;
using sluice::load::ConnectionRoom;

TEST_CASE("there is room for limits.connections, or for as many as descriptors allow") {
  const ConnectionRoom enough = connection_room(50'000, 40, 1'048'576);
  CHECK(enough.most == 50'000);
  CHECK(enough.reason == BusyReason::connections);

  // 40 are open, 128 + 16 are for those who are told to come back and for the administrator, 64 for sources.
  const ConnectionRoom usual_shell = connection_room(50'000, 40, 1'024);
  CHECK(usual_shell.most == 1'024 - 40 - 144 - 64);
  CHECK(usual_shell.reason == BusyReason::descriptors);
  CHECK(connection_room(776, 40, 1'024).reason == BusyReason::connections);

  const ConnectionRoom large = connection_room(10'000'000, 40, 1'048'576);
  CHECK(large.most == 1'048'576 - 40 - 144 - 1'024);
}

TEST_CASE("without descriptors there is still room for one, and where nobody knows for all") {
  CHECK(connection_room(50'000, 40, 64).most == 1);
  CHECK(connection_room(50'000, 40, 0).most == 50'000);
}
