#include "proto/http2_stream_ids.h"

#include <doctest/doctest.h>

using sluice::proto::StreamIds;
using Past = StreamIds::Past;

TEST_CASE("stream ids are remembered by how they ended, 256 ids back") {
  StreamIds ids;
  CHECK(ids.highest() == -1);
  ids.open(1);
  ids.open(7);
  ids.abandon(7);
  CHECK(ids.past(1) == Past::ended);
  CHECK(ids.past(3) == Past::skipped);
  CHECK(ids.past(7) == Past::abandoned);
  ids.open(7 + 2 * 249);
  CHECK(ids.past(1) == Past::ended);
  CHECK(ids.past(3) == Past::skipped);
  ids.open(ids.highest() + 8);
  CHECK(ids.past(1) == Past::forgotten);
  CHECK(ids.past(7) == Past::abandoned);
}

TEST_CASE("the largest jump of a stream id forgets everything below") {
  StreamIds ids;
  ids.open(1);
  ids.open(0x7fff'ffff);
  CHECK(ids.past(1) == Past::forgotten);
  CHECK(ids.past(0x7fff'fffd) == Past::skipped);
  CHECK(ids.past(0x7fff'ffff) == Past::ended);
  StreamIds first;
  first.open(0x7fff'ffff);
  CHECK(first.past(1) == Past::forgotten);
}
