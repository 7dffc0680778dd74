#include "bench/html_report.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "tests/support/bench_sample.h"

using namespace sluice::bench;

namespace {

std::string page(Outcome run, Scenario scenario, std::string_view expect = "") {
  const Verdict verdict = verdict_of(run, parse_expectations(expect));
  return html_report(
      {sample_plan(scenario), std::move(run), verdict, {}, "sluice bench 'https://h/t{i}' --token '***'"});
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("the page needs nothing but itself") {
  const std::string html = page(storm_sample(), Scenario::storm);
  for (const char* what : {"<script", "<link", "<img", "@import", "url(", "src="})
    CHECK_MESSAGE(!has(html, what), what);
}

TEST_CASE("a steady run shows latency and deliveries") {
  const std::string html = page(steady_sample(), Scenario::steady, "p99<1s,lost=0");
  for (const char* what : {"Latency by percentile", "Distribution of latency", "Deliveries over time",
                           "Latency over time", "Expectations", "CPU and memory", "All figures", "The command"})
    CHECK_MESSAGE(has(html, what), what);
  CHECK(!has(html, "Coming back"));
  CHECK(count_of(html, "<svg") == count_of(html, "</svg>"));
}

TEST_CASE("a storm shows when streams came back, and the topics that lost") {
  const std::string html = page(storm_sample(), Scenario::storm);
  CHECK(has(html, "Reconnects over time"));
  CHECK(has(html, "Coming back"));
  CHECK(has(html, "retry: from 1.00 s to 11.0 s"));
  CHECK(has(html, "Faults by topic"));
}

TEST_CASE("a ramp shows its steps and the knee") {
  const std::string html = page(ramp_sample(), Scenario::ramp);
  CHECK(has(html, "knee: 128k/s"));
  CHECK(has(html, "Steps of the ramp"));
}

TEST_CASE("text from outside is escaped") {
  Outcome run = steady_sample();
  run.url = "https://h/<script>alert(1)</script>";
  run.failure = "\"<b>\"&";
  run.warnings = {"<i>"};
  const std::string html = page(std::move(run), Scenario::steady);
  CHECK(!has(html, "<script>"));
  CHECK(!has(html, "<i>\n"));
  CHECK(has(html, "&quot;&lt;b&gt;&quot;&amp;"));
}

TEST_CASE("a run with nothing in it has a page all the same") {
  CHECK_NOTHROW(static_cast<void>(page({}, Scenario::steady)));
  Outcome run;
  run.storm.emplace();
  run.slow.emplace();
  run.ramp.emplace_back();
  run.bins.resize(1);
  CHECK_NOTHROW(static_cast<void>(page(run, Scenario::storm)));
}

TEST_CASE("a day of bins is drawn with as many points as there are pixels") {
  Outcome run = steady_sample();
  run.bins.resize(86'400, run.bins[3]);
  CHECK(page(std::move(run), Scenario::steady).size() < 400'000);
}
