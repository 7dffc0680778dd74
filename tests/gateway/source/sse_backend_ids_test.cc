#include "gateway/source/sse_backend_ids.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::source {
namespace {

TEST_CASE("the newest positions are known, the oldest are forgotten one by one") {
  SseBackendIds ids(3);
  for (std::size_t number = 1; number <= 5; ++number) ids.add(std::to_string(number), {number * 10, number});
  CHECK(ids.find("1") == nullptr);
  CHECK(ids.find("2") == nullptr);
  for (std::size_t number = 3; number <= 5; ++number) {
    REQUIRE(ids.find(std::to_string(number)) != nullptr);
    CHECK(ids.find(std::to_string(number))->content == number * 10);
    CHECK(ids.find(std::to_string(number))->sequence == number);
  }
  ids.clear();
  CHECK(ids.find("5") == nullptr);
}

TEST_CASE("a position that was given twice is known as the newer, for as long as that") {
  SseBackendIds ids(2);
  ids.add("a", {1, 1});
  ids.add("a", {2, 2});
  ids.add("b", {3, 3});
  REQUIRE(ids.find("a") != nullptr);
  CHECK(ids.find("a")->sequence == 2);
  ids.add("c", {4, 4});
  CHECK(ids.find("a") == nullptr);
}

}  // namespace
}  // namespace sluice::source
