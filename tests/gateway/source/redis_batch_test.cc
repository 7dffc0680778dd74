#include "gateway/source/redis_batch.h"

#include <doctest/doctest.h>

using sluice::source::RedisBatch;

TEST_CASE("as many entries are asked for as make about a MiB, growing while answers are full") {
  RedisBatch batch;
  CHECK(batch.count() == 32);
  batch.note(false, 100);
  CHECK(batch.count() == 32);
  for (int answer = 0; answer != 5; ++answer) batch.note(true, 100);
  CHECK(batch.count() == 1000);
  batch.note(true, 100UL * 1024);
  CHECK(batch.count() == 10);
  batch.note(true, 8UL * 1024 * 1024);
  CHECK(batch.count() == 1);
  batch.note(false, 0);
  CHECK(batch.count() == 1);
  batch.note(true, 1);
  CHECK(batch.count() == 2);
  batch.start_again();
  CHECK(batch.count() == 1);
}
