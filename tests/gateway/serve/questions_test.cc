#include "gateway/serve/questions.h"

#include <doctest/doctest.h>

#include <set>

using namespace sluice;
using serve::Question;
using serve::Questions;

TEST_CASE("a home is asked once for what many streams want to know, and each is told once") {
  Questions pages([](serve::StreamAddress) { return true; });
  CHECK(pages.add({0, "1-0"}, {{1, 1}, 0}));
  CHECK_FALSE(pages.add({0, "1-0"}, {{1, 3}, 2}));
  CHECK(pages.add({1, "1-0"}, {{1, 5}, 0}));
  CHECK(pages.add({0, "2-0"}, {{1, 7}, 0}));
  const auto askers = pages.take({0, "1-0"});
  REQUIRE(askers.size() == 2);
  CHECK(askers[0].stream.stream == 1);
  CHECK(askers[1].stream.stream == 3);
  CHECK(askers[1].part == 2);
  CHECK(pages.take({0, "1-0"}).empty());
  CHECK(pages.asker_count() == 2);
  CHECK(pages.add({0, "1-0"}, {{1, 9}, 0}));
}

TEST_CASE("subscribers that come again and again while an engine is away do not pile up") {
  std::set<std::uint64_t> connected;
  Questions pages([&](serve::StreamAddress stream) { return connected.contains(stream.connection); });
  std::uint64_t connection = 0;
  int asked = 0;
  for (int round = 0; round != 1000; ++round) {
    connected.clear();
    for (int client = 0; client != 100; ++client) {
      connected.insert(++connection);
      asked += pages.add({0, "1-0"}, {{connection, 1}, 0});
    }
    CHECK(pages.asker_count() < 300);
  }
  CHECK(asked == 1);
  std::size_t told = 0;
  for (const Questions::Asker& asker : pages.take({0, "1-0"})) told += connected.contains(asker.stream.connection);
  CHECK(told == 100);
}

TEST_CASE("what nobody waits for any more is forgotten, and its home is to be told") {
  std::set<std::uint64_t> connected{1, 2, 3};
  Questions topics([&](serve::StreamAddress stream) { return connected.contains(stream.connection); });
  CHECK(topics.add({0, "s/a"}, {{1, 1}}));
  CHECK_FALSE(topics.add({0, "s/a"}, {{2, 1}}));
  CHECK(topics.add({0, "s/b"}, {{3, 1}}));
  CHECK(topics.drop_unwanted().empty());
  connected = {1};
  CHECK(topics.drop_unwanted() == std::vector<Question>{{0, "s/b"}});
  CHECK(topics.take({0, "s/a"}).size() == 1);
  CHECK(topics.add({0, "s/b"}, {{1, 3}}));
}
