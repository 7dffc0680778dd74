// sluice_engine_load: writes payloads into an engine, or reads them with the engine's own client library and does
// nothing with them. Prints one JSON object; a reader says "open" before, once nothing written from then on escapes it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bench/engines/engine.h"
#include "bench/engines/intake.h"
#include "bench/server_process.h"

namespace {

using sluice::bench::Engine;
using sluice::bench::EngineOptions;
using sluice::bench::Intake;
using sluice::bench::own_cpu_time;
using sluice::bench::RunClock;
using Clock = std::chrono::steady_clock;

struct Work {
  bool write = false, read = false;
  std::uint64_t count = 0;
  double rate = 0;  // events per second; 0: as fast as they are acknowledged
  std::size_t payload_bytes = 100;
  double patience = 10;  // seconds without an event after which the rest counts as lost
};

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }
double milliseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

void write(sluice::bench::Writer& writer, const Work& work, const RunClock& clock) {
  const auto begin = Clock::now();
  const auto cpu = own_cpu_time();
  for (std::uint64_t sequence = 0; sequence != work.count; ++sequence) {
    auto due = Clock::now();
    if (work.rate > 0) {
      due =
          begin + std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 * static_cast<double>(sequence) / work.rate));
      if (due > Clock::now()) {
        writer.flush();
        std::this_thread::sleep_until(due);
      }
    }
    writer.write(sluice::bench::make_payload({sequence, clock.since(due)}, work.payload_bytes));
  }
  writer.finish();
  fmt::print(R"({{"events":{},"seconds":{},"cpu_seconds":{}}})"
             "\n",
             work.count, seconds(Clock::now() - begin), seconds(own_cpu_time() - cpu));
}

int read(sluice::bench::Reader& reader, const Work& work, const RunClock& clock) {
  Intake intake(clock);
  std::cout << "open" << std::endl;
  const auto cpu = own_cpu_time();
  auto heard = Clock::now();
  while (intake.count() < work.count) {
    const std::uint64_t before = intake.count();
    reader.read(intake);
    const auto now = Clock::now();
    if (intake.count() != before) heard = now;
    if (seconds(now - heard) > work.patience) break;
  }
  const double cpu_seconds = seconds(own_cpu_time() - cpu);
  const std::uint64_t lost = intake.lost() + (work.count > intake.next() ? work.count - intake.next() : 0);
  fmt::print(R"({{"events":{},"seconds":{},"cpu_seconds":{},"latency_ms":{{"p50":{},"p99":{},"max":{}}},)"
             R"("lost":{},"stale":{},"malformed":{}}})"
             "\n",
             intake.count(), milliseconds(intake.last() - intake.first()) / 1000, cpu_seconds,
             milliseconds(intake.latency().quantile(0.5)), milliseconds(intake.latency().quantile(0.99)),
             milliseconds(intake.latency().max()), lost, intake.stale(), intake.malformed());
  return lost + intake.stale() + intake.malformed() == 0 ? 0 : 1;
}

int run(int argc, char** argv) {
  const std::vector<Engine> engines = sluice::bench::engines();
  std::vector<std::string> names;
  for (const Engine& engine : engines) names.emplace_back(engine.name);
  std::string name;
  EngineOptions options;
  Work work;
  std::int64_t epoch = 0;

  CLI::App app("Writes payloads into an engine, or reads them with its own client library.", "sluice_engine_load");
  app.add_option("--engine", name, "which")->required()->check(CLI::IsMember(names));
  app.add_option("--url", options.url, "where it is, as in a source's `url`")->required();
  app.add_option("--name", options.name, "stream, channel, table, subject, topic or path");
  app.add_option("--cacert", options.cacert, "PEM file to trust");
  const auto write_flag = app.add_flag("--write", work.write, "write --count payloads");
  app.add_flag("--read", work.read, "read --count payloads")->excludes(write_flag);
  app.add_flag("--from-oldest", options.from_oldest, "read what is there already")->needs("--read");
  app.add_option("--count", work.count, "payloads")->required()->check(CLI::PositiveNumber);
  app.add_option("--rate", work.rate, "payloads per second, each at its time; 0: as fast as they are acknowledged");
  app.add_option("--payload", work.payload_bytes, "bytes of a payload")
      ->capture_default_str()
      ->check(CLI::Range(sluice::bench::payload_bytes_min, std::size_t{1} << 20));
  app.add_option("--patience", work.patience, "seconds without a payload after which a reader gives up");
  app.add_option("--epoch", epoch, "what payloads count their times from, in ns of CLOCK_MONOTONIC");
  CLI11_PARSE(app, argc, argv);

  const Engine& engine = *std::ranges::find(engines, name, [](const Engine& one) { return std::string(one.name); });
  const RunClock clock{Clock::time_point(std::chrono::nanoseconds(epoch))};
  if (work.write) {
    write(*engine.make_writer(options), work, clock);
    return 0;
  }
  if (!work.read || !engine.make_reader)
    throw std::invalid_argument("say --write" + std::string(engine.make_reader ? " or --read" : ""));
  return read(*engine.make_reader(options), work, clock);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sluice_engine_load: %s\n", error.what());
    return 1;
  }
}
