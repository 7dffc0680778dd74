#include "gateway/source/topic_below.h"

#include <doctest/doctest.h>

<<<<<<< HEAD
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
=======
#include <string>

using sluice::source::topic_below;

TEST_CASE("a topic is called after its source and what the engine calls it") {
  CHECK(topic_below("s", "", 10) == "s");
  CHECK(topic_below("s", "a", 10) == "s/a");
  CHECK(topic_below("s", "a b/\u00e9", 10) == "s/a b/\u00e9");
}

TEST_CASE("what nobody could subscribe to is no topic") {
  using namespace std::string_literals;
  for (const std::string& below : {"/"s, "/a"s, "a/"s, "a//b"s, "."s, "a/.."s, "**"s, "a/**"s, "a\nb"s, "a\x7f"s,
                                   "a\0"s, "\xff"s, "\u0085"s, "123456789"s}) {
    CAPTURE(below);
    CHECK_FALSE(topic_below("s", below, 10));
  }
}
>>>>>>> main
