#include "bench/expectation.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "tests/support/bench_sample.h"

using namespace sluice::bench;

namespace {

std::string refusal(std::string_view text) {
  try {
    static_cast<void>(parse_expectations(text));
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

bool met(std::string_view text, const Outcome& run) {
  const auto judgements = judge(parse_expectations(text), run);
  REQUIRE(judgements.size() == 1);
  return judgements[0].met;
}

}  // namespace

TEST_CASE("expectations are a figure, a relation and a limit with its unit") {
  const auto expectations = parse_expectations("p99<50ms, lost=0,deliveries/s >= 10k,rss_per_stream<=1KiB,max>0.5s");
  REQUIRE(expectations.size() == 5);
  CHECK(expectations[0].figure->name == "p99");
  CHECK(expectations[0].relation == Relation::below);
  CHECK(expectations[0].limit == 50);
  CHECK(expectations[1].relation == Relation::equal);
  CHECK(expectations[2].relation == Relation::at_least);
  CHECK(expectations[2].limit == 10'000);
  CHECK(expectations[3].relation == Relation::at_most);
  CHECK(expectations[3].limit == 1024);
  CHECK(expectations[4].relation == Relation::above);
  CHECK(expectations[4].limit == 500);
  CHECK(expectations[0].text() == "p99 < 50.0 ms");
  CHECK(parse_expectations("lost==0")[0].relation == Relation::equal);
  CHECK(parse_expectations("").empty());
  CHECK(parse_expectations(",p50<1ms,").size() == 1);
}

TEST_CASE("a wrong expectation is refused with the remedy") {
  CHECK(refusal("p98<3") == "\"p98<3\": there is no figure `p98`; did you mean `p90`?");
  CHECK(refusal("colour<3").ends_with("all of them: sluice bench --list-figures"));
  CHECK(refusal("p99") == "\"p99\" compares nothing: write figure<limit, as in p99<50ms");
  CHECK(refusal("p99<50MiB") == "\"p99<50MiB\": `50MiB` is no limit for p99: write it as p99<50ms");
  CHECK(refusal("lost=") == "\"lost=\": `` is no limit for lost: write it as lost=10k");
  CHECK(refusal("lost=0;p99<3").find("no limit for lost") != std::string::npos);
}

TEST_CASE("expectations are judged on the figures, each relation as it reads") {
  Outcome run = steady_sample();
  run.total.lost = 5;
  CHECK(met("lost=5", run));
  CHECK(!met("lost=0", run));
  CHECK(!met("lost<5", run));
  CHECK(met("lost<=5", run));
  CHECK(met("lost>=5", run));
  CHECK(!met("lost>5", run));
  CHECK(met("p99<1s", run));
}

TEST_CASE("an expectation of a figure that the run has not is missed, and says what it needs") {
  Outcome run = steady_sample();
  run.servers.clear();
  const auto judgements = judge(parse_expectations("rss_per_stream<1KiB"), run);
  CHECK(!judgements[0].met);
  CHECK(judgements[0].value_text() == "not measured: needs --server-pid");
}
