#include "bench/outcome_json.h"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <string>

#include "bench/stored_run.h"
#include "tests/support/bench_sample.h"

using namespace sluice::bench;
namespace json = boost::json;

namespace {

std::string json_of(const Outcome& run, Scenario scenario = Scenario::steady, std::string_view expect = "") {
  return outcome_json({sample_plan(scenario), run, verdict_of(run, parse_expectations(expect)), {}, "sluice bench"});
}

}  // namespace

TEST_CASE("a run as JSON is one line") {
  const std::string text = json_of(storm_sample(), Scenario::storm);
  CHECK(text.find('\n') == text.size() - 1);
}

TEST_CASE("the keys that scripts read are where they were") {
  const Outcome run = steady_sample();
  const json::object object = json::parse(json_of(run)).as_object();
  for (const char* key : {"offered", "seconds", "published", "deliveries", "connections", "client_cpu_seconds",
                          "server_cpu_seconds", "rss_bytes", "pss_bytes", "peak_rss_bytes", "lost", "repeated",
                          "reordered", "malformed", "gaps", "refused", "ended", "failure"})
    CHECK_MESSAGE(object.contains(key), key);
  CHECK(object.at("rss_bytes") == 560'000);
  CHECK(object.at("latency_ms").at("p99.9").is_number());
  CHECK(object.at("failure") == "");
  CHECK(object.at("began") == "2026-11-30T00:53:20Z");
}

TEST_CASE("the figures read back are the figures written") {
  for (const Outcome& run : {steady_sample(), storm_sample(), ramp_sample()}) {
    const StoredRun stored_run = parse_stored_run(json_of(run));
    const auto figures = figures_of(run);
    REQUIRE(stored_run.figures.size() == figures.size());
    for (const Figure& figure : figures)
      CHECK_MESSAGE(stored_run.figures.at(std::string(figure.kind->name)) == doctest::Approx(figure.value),
                    figure.kind->name);
    CHECK(stored_run.scenario == run.scenario);
    CHECK(stored_run.offered == run.offered);
  }
}

TEST_CASE("the measured bins read back are those of the run") {
  const Outcome run = steady_sample();
  const StoredRun stored_run = parse_stored_run(json_of(run));
  REQUIRE(stored_run.bins.size() == 10);
  for (std::size_t index = 0; index < 10; ++index) {
    CHECK(stored_run.bins[index].deliveries == run.bins[index + 2].deliveries);
    CHECK(stored_run.bins[index].latency_p99_ns == run.bins[index + 2].latency_p99_ns);
  }
  CHECK(stored(run, true).bins.size() == 10);
}

TEST_CASE("a histogram read back from its buckets has the same percentiles") {
  const Outcome run = steady_sample();
  const json::object object = json::parse(json_of(run)).as_object();
  Histogram histogram;
  for (const json::value& bucket : object.at("histograms").at("latency_ns").as_array())
    histogram.record_many(bucket.at(0).to_number<std::uint64_t>(), bucket.at(1).to_number<std::uint64_t>());
  CHECK(histogram.count() == run.latency.count());
  CHECK(histogram.max() == run.latency.max());
  for (const double share : {0.5, 0.9, 0.99, 0.999}) CHECK(histogram.quantile(share) == run.latency.quantile(share));
}

TEST_CASE("no secret of the plan is written") {
  CHECK(json_of(steady_sample()).find("swordfish") == std::string::npos);
}

TEST_CASE("topics are written when something is wrong with them") {
  const json::object object = json::parse(json_of(storm_sample(), Scenario::storm)).as_object();
  const json::array& topics = object.at("topics_with_faults").as_array();
  REQUIRE(topics.size() == 1);
  CHECK(topics[0].at("topic") == 3);
  CHECK(topics[0].at("lost") == 12);
}

TEST_CASE("expectations are written with what came of them") {
  const json::object object =
      json::parse(json_of(steady_sample(), Scenario::steady, "p99<1ns,all_back_s<1s")).as_object();
  const json::array& judgements = object.at("expectations").as_array();
  REQUIRE(judgements.size() == 2);
  CHECK(judgements[0].at("met") == false);
  CHECK(judgements[1].at("value").is_null());
}
