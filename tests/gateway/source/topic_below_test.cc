#include "gateway/source/topic_below.h"

#include <doctest/doctest.h>

namespace sluice::source {
namespace {

TEST_CASE("a text names a topic below the source, no text the source's own") {
  const config::Limits limits;
  CHECK(topic_below("orders", "", limits) == "orders");
  CHECK(topic_below("orders", "eu", limits) == "orders/eu");
  CHECK(topic_below("orders", "eu/fr", limits) == "orders/eu/fr");
  CHECK(topic_below("orders", "São Paulo", limits) == "orders/São Paulo");
}

TEST_CASE("a text that no request could ask for names none") {
  config::Limits limits;
  for (const char* text :
       {"/", "/a", "a/", "a//b", ".", "..", "a/../b", "**", "a/**", "a\nb", "a\x7f", "\xc2\x85", "\xff"})
    CHECK_MESSAGE(!topic_below("orders", text, limits), text);
  limits.topic_name = 10;
  CHECK(topic_below("orders", "abc", limits));
  CHECK(!topic_below("orders", "abcd", limits));
}

}  // namespace
}  // namespace sluice::source
