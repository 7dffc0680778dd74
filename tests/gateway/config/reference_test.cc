#include "gateway/config/reference.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

#include "gateway/config/load.h"

namespace {

std::string documentation() {
  const char* root = std::getenv("PROJECT_ROOT");
  REQUIRE_MESSAGE(root != nullptr, "PROJECT_ROOT is the source folder; `meson test` sets it");
  std::ifstream in(std::string(root) + "/docs/configuration.md");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// The text between two markers, which must both be there.
std::string between(const std::string& text, const std::string& begin, const std::string& end, std::size_t from = 0) {
  const std::size_t first = text.find(begin, from);
  const std::size_t last = text.find(end, first + begin.size());
  REQUIRE(first != std::string::npos);
  REQUIRE(last != std::string::npos);
  return text.substr(first + begin.size(), last - first - begin.size());
}

}  // namespace

TEST_CASE("the documented reference is the table that the loader uses") {
  const std::string documented = between(documentation(), "<!-- keys: begin -->\n", "<!-- keys: end -->");
  CHECK_MESSAGE(
      documented == "\n" + sluice::config::reference(),
      "docs/configuration.md is behind the table of keys: put the output of `sluice reference` between its markers");
}

TEST_CASE("every example in the documentation loads") {
  const std::string text = documentation();
  std::size_t count = 0;
  for (std::size_t at = text.find("```toml\n"); at != std::string::npos; at = text.find("```toml\n", at + 1), ++count) {
    const std::string example = between(text, "```toml\n", "```", at);
    CAPTURE(example);
    CHECK_NOTHROW(
        static_cast<void>(sluice::config::load_text(example, {}, {{"REGION", "eu"}, {"SLUICE_SECRET", "x"}})));
  }
  CHECK(count >= 2);
}
