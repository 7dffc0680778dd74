#include "gateway/source/capture_template.h"

#include <doctest/doctest.h>

#include <optional>
#include <stdexcept>
#include <string>

using namespace sluice;
using source::CaptureTemplate;

TEST_CASE("a topic names the key of its template and back, and nothing outside it") {
  struct Row {
    const char *text, *topic;
    std::optional<std::string> key;
  };
  const Row rows[] = {
      {"orders", "s", "orders"},
      {"orders", "s/a", {}},
      {"orders:{region}", "s/eu", "orders:eu"},
      {"orders:{region}", "s", {}},
      {"orders:{region}", "s/", {}},
      {"orders:{region}", "s/eu/x", {}},
      {"orders:{region}", "t/eu", {}},
      {"orders:{region}", "s/*", {}},
      {"orders:{region}", "s/a:b", {}},
      {"a:{x}:b:{y}", "s/1/2", "a:1:b:2"},
      {"{x}-{y}.log", "s/1/2", "1-2.log"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CAPTURE(row.topic);
    const CaptureTemplate given("s", row.text);
    CHECK(given.key_of(row.topic) == row.key);
    if (row.key) CHECK(given.topic_of(*row.key) == row.topic);
  }
  CHECK_FALSE(CaptureTemplate("s", "orders:{region}").topic_of("orders:a b"));
  CHECK_FALSE(CaptureTemplate("s", "orders:{region}").topic_of("news:eu"));
  CHECK_FALSE(CaptureTemplate("s", "orders:{region}").key_of("s/" + std::string(129, 'a')));
}

TEST_CASE("a template that is none is refused with how to write it") {
  for (const char* text : {"orders:{", "orders:{}", "orders:{a", "{a}{b}", "orders:{a b}"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(CaptureTemplate("s", text), std::invalid_argument);
  }
}
