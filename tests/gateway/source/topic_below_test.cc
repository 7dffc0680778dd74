#include "gateway/source/topic_below.h"

#include <doctest/doctest.h>

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
