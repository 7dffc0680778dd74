#include "bench/figures_table.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

TEST_CASE("the documented figures are the table of figures") {
  const char* root = std::getenv("PROJECT_ROOT");
  REQUIRE_MESSAGE(root != nullptr, "PROJECT_ROOT is the source folder; `meson test` sets it");
  std::ifstream in(std::string(root) + "/docs/benchmarking.md");
  std::ostringstream text;
  text << in.rdbuf();
  const std::string begin = "<!-- figures: begin -->\n\n", end = "\n<!-- figures: end -->";
  const std::size_t first = text.str().find(begin), last = text.str().find(end);
  REQUIRE(first != std::string::npos);
  REQUIRE(last != std::string::npos);
  CHECK_MESSAGE(text.str().substr(first + begin.size(), last - first - begin.size()) == sluice::bench::figures_table(),
                "docs/benchmarking.md is behind the figures: put the output of `sluice bench --list-figures` between "
                "its markers");
}
