#include "bench/figures.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "tests/support/bench_sample.h"

using namespace sluice::bench;

namespace {

double value(const Outcome& run, std::string_view name) {
  const FigureKind* kind = find_figure(name);
  REQUIRE_MESSAGE(kind != nullptr, name);
  const auto found = kind->of(run);
  REQUIRE_MESSAGE(found.has_value(), name);
  return *found;
}

bool has(const Outcome& run, std::string_view name) { return find_figure(name)->of(run).has_value(); }

}  // namespace

TEST_CASE("every figure has a name of its own, without what --expect would take apart") {
  std::set<std::string_view> names;
  for (const FigureKind& kind : figure_kinds()) {
    CHECK_MESSAGE(names.insert(kind.name).second, kind.name);
    CHECK(kind.name.find_first_of("<>=, ") == std::string_view::npos);
    CHECK(!kind.title.empty());
  }
}

TEST_CASE("a run's figures are what it counted") {
  Outcome run;
  run.seconds = 2;
  run.published = 100;
  run.deliveries = 10'000;
  run.bytes = 4'000;
  run.connections = 10;
  run.streams = 100;
  run.latency.record_many(1'000'000, 99);
  run.latency.record_many(50'000'000, 1);
  run.servers = {{1, 0.5, 1'000, 6'000, 0, 3'000, 9'000}, {2, 0.5, 0, 5'000, 0, 1'000, 5'000}};
  run.client.cpu_seconds = 1;
  CHECK(value(run, "deliveries/s") == 5'000);
  CHECK(value(run, "bytes/s") == 2'000);
  CHECK(value(run, "p50") == doctest::Approx(1).epsilon(0.016));
  CHECK(value(run, "max") == 50);
  CHECK(value(run, "server_cpu") == 0.5);
  CHECK(value(run, "cpu_per_delivery_us") == 100);
  CHECK(value(run, "deliveries_per_cpu_second") == 10'000);
  CHECK(value(run, "rss_growth_bytes") == 10'000);
  CHECK(value(run, "rss_per_stream") == 100);
  CHECK(value(run, "rss_per_connection") == 1'000);
  CHECK(value(run, "pss_per_stream") == 40);
  CHECK(value(run, "rss_peak_bytes") == 14'000);
  CHECK(value(run, "client_cpu") == 0.5);
}

TEST_CASE("what a run does not have is no figure of it, rather than 0") {
  const Outcome run;
  for (const char* name : {"p50", "p99", "max", "server_cpu", "rss_per_stream", "handshakes/s", "all_back_s", "knee",
                           "others_p99", "deliveries/s", "open_p50", "return_late_p99"})
    CHECK_MESSAGE(!has(run, name), name);
  CHECK(value(run, "lost") == 0);
}

TEST_CASE("a storm's figures are there when there was one, the time until all are back only if they are") {
  Outcome run = storm_sample();
  CHECK(value(run, "all_back_s") == doctest::Approx(11.04));
  CHECK(value(run, "arrivals_peak") == 1'041);
  CHECK(value(run, "not_back") == 0);
  CHECK(value(run, "retry_min") >= 1'000);
  CHECK(value(run, "retry_max") < 11'000);
  CHECK(value(run, "spread_s") == doctest::Approx(9).epsilon(0.1));
  run.storm->all_back_seconds = 0;
  run.storm->back -= 7;
  CHECK(!has(run, "all_back_s"));
  CHECK(value(run, "not_back") == 7);
}

TEST_CASE("the knee is the last step within the limits") {
  const Outcome run = ramp_sample();
  CHECK(value(run, "knee") == 128'000);
  CHECK(broken_limit(run) == "p99 160 ms is above 100 ms");
  Outcome hopeless;
  hopeless.ramp.push_back({.offered = 10, .broken = "lost 3"});
  CHECK(knee_of(hopeless) == nullptr);
  CHECK(!has(hopeless, "knee"));
}

TEST_CASE("a mistyped figure is answered with the nearest") {
  CHECK(nearest_figure("p98") == "; did you mean `p90`?");
  CHECK(nearest_figure("reorderd") == "; did you mean `reordered`?");
  CHECK(nearest_figure("rss_growth") == "; did you mean `rss_growth_bytes`?");
  CHECK(nearest_figure("colour").empty());
}
