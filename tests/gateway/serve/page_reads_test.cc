#include "gateway/serve/page_reads.h"

#include <doctest/doctest.h>

#include <set>

using namespace sluice;
using serve::PageReads;
using topic::ReadRequest;

namespace {

ReadRequest after(const std::string& position) { return {.topics = {"s/a"}, .after = position, .since = {}}; }

}  // namespace

TEST_CASE("a home is asked once for a page that many streams want, and each is told once") {
  PageReads reads([](serve::StreamAddress) { return true; });
  CHECK(reads.add(0, after("1-0"), {{1, 1}, 0}));
  CHECK_FALSE(reads.add(0, after("1-0"), {{1, 3}, 2}));
  CHECK(reads.add(1, after("1-0"), {{1, 5}, 0}));
  CHECK(reads.add(0, after("2-0"), {{1, 7}, 0}));
  const auto askers = reads.take(0, after("1-0"));
  REQUIRE(askers.size() == 2);
  CHECK(askers[0].stream.stream == 1);
  CHECK(askers[1].stream.stream == 3);
  CHECK(askers[1].part == 2);
  CHECK(reads.take(0, after("1-0")).empty());
  CHECK(reads.asker_count() == 2);
  CHECK(reads.add(0, after("1-0"), {{1, 9}, 0}));
}

TEST_CASE("subscribers that come again and again while an engine is away do not pile up") {
  std::set<std::uint64_t> connected;
  PageReads reads([&](serve::StreamAddress stream) { return connected.contains(stream.connection); });
  std::uint64_t connection = 0;
  int asked = 0;
  for (int round = 0; round != 1000; ++round) {
    connected.clear();
    for (int client = 0; client != 100; ++client) {
      connected.insert(++connection);
      asked += reads.add(0, after("1-0"), {{connection, 1}, 0});
    }
    CHECK(reads.asker_count() < 300);
  }
  CHECK(asked == 1);
  std::size_t told = 0;
  for (const PageReads::Asker& asker : reads.take(0, after("1-0"))) told += connected.contains(asker.stream.connection);
  CHECK(told == 100);
}
