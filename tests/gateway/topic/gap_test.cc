#include "gateway/topic/gap.h"

#include <doctest/doctest.h>

#include <string>

using namespace sluice::topic;

TEST_CASE("a gap says what was lost, and its id is the last lost position") {
  std::string text;
  append_gap(text,
             {.topic = "notes/a", .from = "abcdef.1", .to = "abcdef.9", .count = 8, .reason = GapReason::slow_consumer},
             "abcdef.9");
  CHECK(text ==
        "id: abcdef.9\nevent: sluice.gap\n"
        R"(data: {"topic":"notes/a","from":"abcdef.1","to":"abcdef.9","count":8,"reason":"slow_consumer"})"
        "\n\n");
}

TEST_CASE("what is not known about a gap is null") {
  std::string text;
  append_gap(text, {.topic = "n", .to = "abcdef.9", .reason = GapReason::unknown_epoch}, "i");
  CHECK(text ==
        "id: i\nevent: sluice.gap\n"
        R"(data: {"topic":"n","from":null,"to":"abcdef.9","count":null,"reason":"unknown_epoch"})"
        "\n\n");
}

TEST_CASE("every reason has a name of its own") {
  for (std::size_t index = 0; index != gap_reason_count; ++index)
    CHECK(std::string(name(static_cast<GapReason>(index))) != "unknown");
}
