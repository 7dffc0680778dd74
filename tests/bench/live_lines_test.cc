#include "bench/live_lines.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice::bench;

namespace {

struct Sample {
  std::vector<Bin> bins{{.published = 100,
                         .deliveries = 10'000,
                         .bytes = 1'600'000,
                         .latency_p50_ns = 410'000,
                         .latency_p99_ns = 1'200'000,
                         .latency_max_ns = 3'000'000},
                        {.published = 90,
                         .deliveries = 9'000,
                         .bytes = 1'440'000,
                         .latency_p50_ns = 420'000,
                         .latency_p99_ns = 1'500'000,
                         .latency_max_ns = 4'000'000},
                        {.published = 3}};
  Progress progress;
  Sample() {
    progress = {.phase = Phase::measuring,
                .seconds = 5.1,
                .phase_seconds = 4,
                .phase_of_seconds = 10,
                .streams_open = 100,
                .streams_wanted = 100,
                .connections_open = 10,
                .bins = bins};
  }
};

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

constexpr TextStyle plain{.color = false, .unicode = false, .columns = 100};

}  // namespace

TEST_CASE("the block says phase and time left, streams, rates and latency of the last whole bin") {
  const Sample sample;
  const std::string block = joined(live_block(sample.progress, "steady https://host", plain));
  CHECK(block.starts_with("steady https://host\n"));
  CHECK(block.find("measuring   [############------------------]  6.0 s left") != std::string::npos);
  CHECK(block.find("streams     100 of 100 open on 10 connections") != std::string::npos);
  CHECK(block.find("published   90/s") != std::string::npos);
  CHECK(block.find("deliveries  9,000/s, 1.37 MiB/s") != std::string::npos);
  CHECK(block.find("p50 420 us  p99 1.50 ms  max 4.00 ms") != std::string::npos);
  CHECK(block.find("reconnects") == std::string::npos);
  CHECK(block.find("faults") == std::string::npos);
}

TEST_CASE("reconnects and faults are shown when there are some") {
  Sample sample;
  sample.progress.reconnects = 1'234;
  sample.progress.lost = 7;
  sample.progress.refused_publishes = 2;
  const std::string block = joined(live_block(sample.progress, "storm", plain));
  CHECK(block.find("reconnects  1,234") != std::string::npos);
  CHECK(block.find("faults      7 lost, 2 publishes refused") != std::string::npos);
}

TEST_CASE("no line is wider than the terminal") {
  Sample sample;
  sample.progress.step = "step 3, 225 events/s";
  sample.progress.reconnects = 5;
  sample.bins.insert(sample.bins.begin(), 300, sample.bins[0]);
  sample.progress.bins = sample.bins;
  for (const std::size_t columns : {1UL, 10UL, 40UL, 60UL, 80UL, 100UL, 250UL})
    for (const bool color : {false, true})
      for (const std::string& line : live_block(sample.progress, std::string(300, 'x'), {color, true, columns}))
        CHECK(width_of(line) <= columns);
}

TEST_CASE("while the crowd opens or comes back, the bar shows the streams that are open") {
  Sample sample;
  sample.progress.phase = Phase::coming_back;
  sample.progress.phase_of_seconds = 60;
  sample.progress.streams_open = 50;
  CHECK(live_block(sample.progress, "storm", plain)[1] ==
        "coming back [###############---------------]  4.0 s, 60.0 s at most");
  sample.progress.phase = Phase::opening;
  sample.progress.phase_of_seconds = 0;
  CHECK(live_block(sample.progress, "storm", plain)[1] == "opening     [###############---------------]  4.0 s");
}

TEST_CASE("before the first bin is whole, rates come from what there is of it") {
  std::vector<Bin> bins{{.published = 50, .deliveries = 5'000}};
  const Progress progress{.phase = Phase::warming_up, .seconds = 0.5, .bins = bins};
  CHECK(joined(live_block(progress, "steady", plain)).find("deliveries  10,000/s") != std::string::npos);
  CHECK_NOTHROW(static_cast<void>(live_block(Progress{}, "steady", plain)));
}

TEST_CASE("a log gets the same in a line") {
  Sample sample;
  CHECK(live_line(sample.progress) ==
        "  5.1 s  measuring, 100 of 100 streams, 90/s published, 9,000/s delivered, p50 420 us, p99 1.50 ms");
  sample.progress.step = "step 3, 225 events/s";
  sample.progress.reconnects = 3;
  sample.progress.repeated = 1;
  CHECK(live_line(sample.progress) ==
        "  5.1 s  measuring (step 3, 225 events/s), 100 of 100 streams, 90/s published, 9,000/s delivered, p50 420 us, "
        "p99 1.50 ms, 3 reconnects, 1 repeated");
}
