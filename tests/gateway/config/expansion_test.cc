#include "gateway/config/expansion.h"

#include <doctest/doctest.h>

using namespace sluice::config;

namespace {

struct Row {
  const char* text;
  const char* expanded;
};

}  // namespace

TEST_CASE("a variable in a string is replaced as a shell replaces it") {
  const Environment environment{{"HOST", "redis1"}, {"EMPTY", ""}, {"_A9", "x"}, {"DOLLAR", "${HOST}"}};
  const Row rows[] = {
      {"", ""},
      {"plain", "plain"},
      {"redis://${HOST}:6379", "redis://redis1:6379"},
      {"${HOST}${_A9}", "redis1x"},
      {"${NOWHERE:-localhost}", "localhost"},
      {"${NOWHERE:-}", ""},
      {"${NOWHERE:-a:-b}", "a:-b"},
      {"${EMPTY:-default}", "default"},
      {"${HOST:-default}", "redis1"},
      {"${DOLLAR}", "${HOST}"},
      {"$${HOST}", "${HOST}"},
      {"costs $5, $HOST, $", "costs $5, $HOST, $"},
      {"$$", "$$"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Expanded expanded = expand(row.text, environment);
    CHECK(expanded.problem.empty());
    CHECK(expanded.text == row.expanded);
  }
}

TEST_CASE("a variable that is not set and has no default is a mistake with a remedy") {
  CHECK(expand("${NOWHERE}", {}).problem ==
        "`${NOWHERE}` is not set in the environment; set it, or write `${NOWHERE:-default}`");
  CHECK(expand("${EMPTY}", {{"EMPTY", ""}}).problem.find("not set") != std::string::npos);
  CHECK(expand("${HOST", {}).problem == "`${` without its `}`; write `$${` for the characters `${`");
  CHECK(expand("${}", {}).problem == "`${}` names no variable; write `${NAME}` or `${NAME:-default}`");
  CHECK(!expand("${1A}", {}).problem.empty());
  CHECK(!expand("${A-b}", {}).problem.empty());
}

TEST_CASE("any text survives being escaped and expanded") {
  for (const char* text : {"", "$", "${", "$${", "${A}", "a$b", "$$$${{}"}) {
    CAPTURE(text);
    CHECK(expand(escape_expansion(text), {}).text == text);
  }
}

TEST_CASE("only a text that used a variable may stand for a number") {
  CHECK(expand("${A:-1}", {}).used_variable);
  CHECK(!expand("1", {}).used_variable);
  CHECK(!expand("$${A}", {}).used_variable);
}
