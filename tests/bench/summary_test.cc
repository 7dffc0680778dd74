#include "bench/summary.h"

#include <doctest/doctest.h>

#include "tests/support/bench_sample.h"

using namespace sluice::bench;

namespace {

std::string summary(const RunReport& report) {
  return summary_text(report, {.color = false, .unicode = true, .columns = 100});
}

RunReport report_of(Outcome run, std::string_view expect = "", Scenario scenario = Scenario::steady) {
  const Verdict verdict = verdict_of(run, parse_expectations(expect));
  return {sample_plan(scenario), std::move(run), verdict, {}, "sluice bench"};
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a clean run's summary begins with the load and ends with its verdict") {
  const std::string text = summary(report_of(steady_sample()));
  CHECK(text.starts_with("steady: 10 connections x 10 streams, 100 events/s\n"));
  CHECK(text.ends_with("\nclean\n"));
  CHECK(has(text, "faults         none\n"));
  CHECK(has(text, "deliveries per CPU second"));
  CHECK(!has(text, "\x1b"));
}

TEST_CASE("expectations are ticked or crossed with what was measured") {
  Outcome run = steady_sample();
  run.total.lost = 3;
  const std::string text = summary(report_of(std::move(run), "p50<1s,lost=0"));
  CHECK(has(text, "\u2713 p50 < 1.00 s"));
  CHECK(has(text, "\u2717 lost = 0                            3\n"));
  CHECK(text.ends_with("1 of 2 expectations missed\n"));
}

TEST_CASE("faults are named with the topics that have the most") {
  const std::string text = summary(report_of(storm_sample(), "", Scenario::storm));
  CHECK(has(text, "topic 3: 12 lost, 3 repeated, 0 reordered, 0 malformed"));
  CHECK(has(text, "warning: the client's busiest thread"));
  CHECK(has(text, "reconnects     "));
  CHECK(text.ends_with("not clean: 12 lost, 3 repeated\n"));
}

TEST_CASE("a ramp's steps are a table, and what broke is said") {
  const std::string text = summary(report_of(ramp_sample(), "", Scenario::ramp));
  CHECK(has(text, "events/s"));
  CHECK(has(text, "128,000"));
  CHECK(has(text, "broken: p99 160 ms is above 100 ms"));
}

TEST_CASE("beside an earlier run each figure has its ratio, and whether it is better") {
  RunReport report = report_of(steady_sample());
  Outcome before = steady_sample();
  before.servers[0].cpu_seconds *= 2;
  report.comparison = compare("old.json", stored(before, true), stored(report.outcome, true));
  const std::string text = summary(report);
  CHECK(has(text, "ratio to old.json"));
  CHECK(has(text, "0.50x  better"));
  CHECK(has(text, "        =  \n"));
}
