#include "bench/verdict.h"

#include <doctest/doctest.h>

#include "tests/support/bench_sample.h"

using namespace sluice::bench;

TEST_CASE("a run without a fault is clean") {
  const Verdict verdict = verdict_of(steady_sample(), parse_expectations("lost=0"));
  CHECK(verdict.clean());
  CHECK(verdict.exit_code() == 0);
  CHECK(verdict.text() == "clean");
}

TEST_CASE("what was lost, repeated, reordered, altered or refused makes a run unclean") {
  Outcome run = steady_sample();
  run.total = {.lost = 2, .repeated = 1};
  run.refused_publishes = 4;
  const Verdict verdict = verdict_of(run, {});
  CHECK(verdict.exit_code() == 1);
  CHECK(verdict.text() == "not clean: 2 lost, 1 repeated, 4 publishes refused");
}

TEST_CASE("a fault with a limit of the user's is judged by that limit alone") {
  Outcome run = steady_sample();
  run.total.lost = 2;
  CHECK(verdict_of(run, parse_expectations("lost<10")).exit_code() == 0);
  CHECK(verdict_of(run, parse_expectations("lost<2")).exit_code() == 3);
  CHECK(verdict_of(run, parse_expectations("repeated=0")).exit_code() == 1);
}

TEST_CASE("a missed expectation of a clean run has an exit code of its own") {
  const Verdict verdict = verdict_of(steady_sample(), parse_expectations("p99<1ns,lost=0"));
  CHECK(verdict.exit_code() == 3);
  CHECK(verdict.text() == "1 of 2 expectations missed");
}

TEST_CASE("a failure outweighs what was expected") {
  Outcome run = steady_sample();
  run.failure = "the server went away";
  CHECK(verdict_of(run, parse_expectations("p99<1ns")).exit_code() == 1);
  CHECK(verdict_of(run, {}).text() == "failed: the server went away");
}

TEST_CASE("a ramp may end in loss and refusals, which it looks for, but not in repeats") {
  Outcome run = ramp_sample();
  run.total.lost = 5;
  run.refused_publishes = 7;
  CHECK(verdict_of(run, {}).clean());
  run.total.repeated = 1;
  CHECK(verdict_of(run, {}).exit_code() == 1);
}

TEST_CASE("streams that did not come back from a storm make it unclean") {
  Outcome run = storm_sample();
  run.total = {};
  CHECK(verdict_of(run, {}).clean());
  run.storm->back = 9'990;
  CHECK(verdict_of(run, {}).text() == "not clean: 10 streams not back");
}
