#include "bench/stored_run.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using namespace sluice::bench;

namespace {

std::string refusal(std::string_view text) {
  try {
    static_cast<void>(parse_stored_run(text));
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("what is no run is refused by name") {
  CHECK(refusal("").starts_with("is not JSON"));
  CHECK(refusal("root:x:0:0").starts_with("is not JSON"));
  CHECK(refusal("[1,2]") == "holds no run: write it with `sluice bench --json FILE`");
  CHECK(refusal("{\"p99\":3}") == "holds no run: write it with `sluice bench --json FILE`");
  CHECK_THROWS_WITH_AS(static_cast<void>(read_stored_run("/does/not/exist.json")),
                       "/does/not/exist.json cannot be read", std::invalid_argument);
}

TEST_CASE("of several runs in one file the last is read, and of a run laid out over lines all of it") {
  CHECK(parse_stored_run("{\"figures\":{\"p99\":1}}\n{\"figures\":{\"p99\":2}}\n").figures.at("p99") == 2);
  CHECK(parse_stored_run("{\n  \"figures\": {\n    \"p99\": 3\n  }\n}\n").figures.at("p99") == 3);
}

TEST_CASE("figures and bins that make no sense are left out") {
  const StoredRun run =
      parse_stored_run(R"({"figures":{"p99":"fast","unheard_of":3,"lost":4},"seconds":1e300,)"
                       R"("bins":{"milliseconds":1000,"measured_from_seconds":-5,"deliveries":[1,-2,"x",1e300]}})");
  CHECK(run.figures.size() == 1);
  CHECK(run.bins.size() <= 4);
  CHECK(parse_stored_run(R"({"figures":{},"bins":{"milliseconds":0,"deliveries":[1]}})").bins.empty());
}
