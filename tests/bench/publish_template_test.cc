#include "bench/publish_template.h"

#include <doctest/doctest.h>

namespace sluice::bench {
namespace {

TEST_CASE("the places of a template are filled in, other braces are text") {
  struct Row {
    const char *text, *filled;
  };
  const Row rows[] = {
      {"", ""},
      {"/topics/all", "/topics/all"},
      {"/topics/t{i}", "/topics/t7"},
      {"{data}", "0001 a&b"},
      {"topic=https%3A%2F%2Fx%2F{i}&data={data:url}", "topic=https%3A%2F%2Fx%2F7&data=0001%20a%26b"},
      {R"({"items":[{"channel":"t{i}","formats":{"http-stream":{"content":"data: {data}\n\n"}}}]})",
       R"({"items":[{"channel":"t7","formats":{"http-stream":{"content":"data: 0001 a&b\n\n"}}}]})"},
      {"{event}-{i}", "41-7"},
      {"{unknown}{", "{unknown}{"},
  };
  for (const Row& row : rows)
    CHECK(Template(row.text).fill({.topic = 7, .data = "0001 a&b", .event = 41}) == row.filled);
  CHECK(Template("/t{i}").has_topic());
  CHECK_FALSE(Template("/t").has_topic());
}

}  // namespace
}  // namespace sluice::bench
