#include "gateway/source/redis_ordinals.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::source {
namespace {

TEST_CASE("the ordinals of the entries read last are known, of their own stream alone, and right") {
  RedisOrdinals ordinals;
  CHECK_FALSE(ordinals.find("a", {0, 0}));
  for (std::uint64_t number = 1; number <= 2 * RedisOrdinals::slot_count; ++number)
    ordinals.add("a", {7, number}, number);
  CHECK(ordinals.find("a", {7, 2 * RedisOrdinals::slot_count}) == 2 * RedisOrdinals::slot_count);
  std::size_t known = 0;
  bool right = true, others = false;
  for (std::uint64_t number = 1; number <= 2 * RedisOrdinals::slot_count; ++number) {
    const auto found = ordinals.find("a", {7, number});
    known += found ? 1 : 0;
    right = right && found.value_or(number) == number;
    others = others || ordinals.find("b", {7, number});
  }
  CHECK(right);
  CHECK(known > RedisOrdinals::slot_count / 2);
  CHECK_FALSE(others);
  ordinals.clear();
  CHECK_FALSE(ordinals.find("a", {7, 2 * RedisOrdinals::slot_count}));
}

}  // namespace
}  // namespace sluice::source
