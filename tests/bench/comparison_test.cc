#include "bench/comparison.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/bench_sample.h"

using namespace sluice::bench;

namespace {

StoredRun run_with(double p99_ms, std::uint64_t bin_p99_ns, std::uint64_t wobble_ns = 0, std::size_t bins = 10) {
  StoredRun run{
      "", "steady", "load", true, {{"p99", p99_ms}, {"lost", 0}, {"deliveries/s", 1'000}, {"server_cpu", 0.5}}, {}};
  for (std::size_t index = 0; index < bins; ++index)
    run.bins.push_back({.deliveries = 1'000, .latency_p99_ns = bin_p99_ns + (index % 2 == 0 ? wobble_ns : 0)});
  return run;
}

Compared find(const Comparison& comparison, std::string_view name) {
  const auto found = std::find_if(comparison.figures.begin(), comparison.figures.end(),
                                  [&](const Compared& compared) { return compared.kind->name == name; });
  REQUIRE(found != comparison.figures.end());
  return *found;
}

}  // namespace

TEST_CASE("less latency is better, less throughput is worse") {
  StoredRun before = run_with(10, 10'000'000), now = run_with(5, 5'000'000);
  now.figures["deliveries/s"] = 500;
  const Comparison comparison = compare("old.json", before, now);
  CHECK(find(comparison, "p99").change == Change::better);
  CHECK(find(comparison, "p99").ratio == 0.5);
  CHECK(ratio_text(find(comparison, "p99")) == "0.50x");
  CHECK(find(comparison, "deliveries/s").change == Change::worse);
  CHECK(find(comparison, "server_cpu").change == Change::none);
  CHECK(ratio_text(find(comparison, "server_cpu")) == "=");
  CHECK(comparison.notes.empty());
}

TEST_CASE("a difference within what runs of the same differ by is none") {
  const Comparison comparison = compare("old.json", run_with(10, 10'000'000), run_with(11, 11'000'000));
  CHECK(find(comparison, "p99").change == Change::none);
}

TEST_CASE("bins that vary widen the noise") {
  // A third more, but each bin is anything from 5 to 25 ms.
  const Comparison wild = compare("old.json", run_with(15, 5'000'000, 20'000'000), run_with(20, 5'000'000, 20'000'000));
  CHECK(find(wild, "p99").noise > 0.5);
  CHECK(find(wild, "p99").change == Change::none);
  const Comparison calm = compare("old.json", run_with(15, 15'000'000), run_with(20, 20'000'000));
  CHECK(find(calm, "p99").change == Change::worse);
}

TEST_CASE("short runs are trusted little, and say so") {
  const Comparison comparison = compare("old.json", run_with(10, 10'000'000, 0, 3), run_with(12.5, 12'500'000, 0, 3));
  CHECK(find(comparison, "p99").change == Change::none);
  REQUIRE(comparison.notes.size() == 1);
  CHECK(comparison.notes[0].find("longer runs") != std::string::npos);
}

TEST_CASE("one event lost is a difference, for counts are exact") {
  StoredRun now = run_with(10, 10'000'000);
  now.figures["lost"] = 1;
  const Compared lost = find(compare("old.json", run_with(10, 10'000'000), now), "lost");
  CHECK(lost.change == Change::worse);
  CHECK(!lost.ratio);
  CHECK(ratio_text(lost) == "new");
}

TEST_CASE("runs of another load or scenario are compared with a note") {
  StoredRun now = run_with(10, 10'000'000);
  now.offered = "another load";
  now.scenario = "storm";
  CHECK(compare("old.json", run_with(10, 10'000'000), now).notes.size() == 2);
}
