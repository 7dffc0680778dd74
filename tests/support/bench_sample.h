// Outcomes as a benchmark could have measured them, the same every time: for tests of what is shown of a run.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>

#include "bench/outcome.h"
#include "bench/plan.h"

namespace sluice::bench {

// 100 streams, 100 events/s for 10 s, one p99 or so of 3 ms; nothing wrong.
inline Outcome steady_sample(unsigned seconds = 10) {
  Outcome run;
  run.scenario = "steady";
  run.url = "https://localhost:8443/topics/t{i}";
  run.offered = "10 connections x 10 streams, 100 events/s";
  run.began_unix_seconds = 1'796'000'000;
  run.seconds = seconds;
  run.measured_from_seconds = 2;
  run.connections = 10;
  run.streams = 100;
  run.topics.resize(4);
  std::mt19937_64 random(7);
  // lognormal_distribution is not the same in every library.
  const auto latency = [&](double middle_us) {
    const double a = (static_cast<double>(random() >> 11) + 0.5) / 9007199254740992.0;
    const double b = (static_cast<double>(random() >> 11) + 0.5) / 9007199254740992.0;
    const double normal = std::sqrt(-2 * std::log(a)) * std::cos(2 * std::numbers::pi * b);
    return static_cast<std::uint64_t>(1e3 * middle_us * std::exp(0.55 * normal));
  };
  for (unsigned second = 0; second < seconds + 3; ++second) {
    Histogram of_bin;
    Bin bin;
    bin.opened = second == 0 ? 100 : 0;
    bin.published = second == 0 ? 0 : 97 + random() % 7;
    bin.deliveries = 100 * bin.published;
    bin.bytes = 160 * bin.deliveries;
    for (std::uint64_t event = 0; event < bin.deliveries; ++event) of_bin.record(latency(800));
    if (bin.deliveries != 0) {
      bin.latency_p50_ns = of_bin.quantile(0.5);
      bin.latency_p99_ns = of_bin.quantile(0.99);
      bin.latency_max_ns = of_bin.max();
    }
    if (second >= 2 && second < seconds + 2) {
      run.latency.merge(of_bin);
      run.published += bin.published;
      run.deliveries += bin.deliveries;
      run.bytes += bin.bytes;
    }
    run.bins.push_back(bin);
  }
  for (unsigned stream = 0; stream < 100; ++stream) run.open_time.record(latency(4'000));
  run.client = {1, 0.04 * seconds, 0.04, 480, 21'000};
  run.servers.push_back({4242, 0.061 * seconds, 12'000'000, 12'560'000, 9'000'000, 9'490'000, 13'100'000});
  return run;
}

// 10,000 streams dropped in second 5, spread by the server over 10 s; topic 3 lost something.
inline Outcome storm_sample() {
  Outcome run = steady_sample(30);
  run.scenario = "storm";
  run.offered = "100 connections x 100 streams, 100 events/s";
  run.connections = 100;
  run.streams = 10'000;
  StormFigures storm;
  storm.dropped = storm.back = 10'000;
  std::mt19937_64 random(11);
  for (unsigned stream = 0; stream < 10'000; ++stream) {
    const std::uint64_t retry = 1'000 + random() % 10'000, open = 3'000'000 + random() % 40'000'000;
    storm.retry_held_ms.push_back(retry);
    storm.away.record(retry * 1'000'000 + open);
    storm.reopen.record(open);
    Bin& bin = run.bins[5 + retry / 1'000];
    ++bin.reconnects;
    ++bin.opened;
  }
  run.bins[5].ended = 10'000;
  run.reconnects = 10'000;
  storm.all_back_seconds = 11.04;
  storm.arrivals_peak = 1'041;
  storm.arrivals_peak_at_seconds = 4;
  storm.failed_attempts = 12;
  run.storm = std::move(storm);
  run.total = run.topics[3] = {.lost = 12, .repeated = 3, .reordered = 0, .malformed = 0, .gaps = 1};
  run.warnings.push_back("the client's busiest thread took 93 % of a core: latencies may be its own");
  return run;
}

// A rate that doubles from 1,000 until latency breaks.
inline Outcome ramp_sample() {
  Outcome run = steady_sample(45);
  run.scenario = "ramp";
  run.offered = "10 connections x 10 streams, 1,000 to 1,000,000 events/s";
  double offered = 1'000;
  for (unsigned step = 0; step < 9; ++step, offered *= 2) {
    RampStep one;
    one.offered = offered;
    const double load = offered / 200'000;
    one.delivered_share = load < 0.9 ? 1 : 0.83;
    one.server_cpu_share = std::min(1.0, load * 1.1);
    const double middle = 4e5 / std::max(0.004, 1 - load);
    for (int i = 0; i < 1'000; ++i) one.latency.record(static_cast<std::uint64_t>(middle * (0.6 + 0.001 * i)));
    if (load >= 0.9) one.broken = "p99 160 ms is above 100 ms";
    run.ramp.push_back(std::move(one));
  }
  return run;
}

inline Plan sample_plan(Scenario scenario = Scenario::steady) {
  Plan plan;
  plan.scenario = scenario;
  plan.crowd.target.path = "/topics/t{i}";
  plan.crowd.connections = 10;
  plan.crowd.streams = 10;
  plan.crowd.topics = 4;
  plan.crowd.fields = {{"authorization", "Bearer swordfish"}};
  plan.publishing.fields = {{"authorization", "Bearer swordfish"}};
  plan.publishing.rate = 100;
  return plan;
}

}  // namespace sluice::bench
