#include "proto/json.h"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("whatever is in a text, it stays one JSON string") {
  struct Row {
    const char* name;
    std::string text, json;
  };
  const Row rows[] = {{"nothing", "", R"("")"},
                      {"plain", "plain", R"("plain")"},
                      {"quote and backslash", "a\"b\\c", R"("a\"b\\c")"},
                      {"line ends and tab", "a\r\nb\tc", R"("a\r\nb\tc")"},
                      {"other controls", std::string("\0\x01\x1f", 3), R"("\u0000\u0001\u001f")"},
                      {"DEL and beyond ASCII", "\x7fgr\u00fc\u00df\u2028", "\"\x7fgr\u00fc\u00df\u2028\""}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    std::string json;
    sluice::proto::append_json_string(json, row.text);
    CHECK(json == row.json);
    std::string inside;
    sluice::proto::append_json_text(inside, row.text);
    CHECK("\"" + inside + "\"" == row.json);
  }
}
