// LoadWatch: how loaded the process is, gathered from its workers and the system ten times a second, and how many
// subscribers a second it can take. Owned by the gateway, on the first worker's thread, which calls on_tick(); every
// worker reads the result in load::State. It decides nothing: RetryHints and Admission do.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/load/accept_rate.h"
#include "gateway/load/meter.h"
#include "gateway/load/state.h"
#include "gateway/observe/metrics.h"

namespace sluice::serve {

class Worker;

class LoadWatch {
 public:
  // All outlive it.
  LoadWatch(const config::Limits& limits, std::vector<Worker*> workers, load::State& state,
            observe::LoadMetrics& metrics);
  // How many connections fit, once the sources have what they open at start. Before the listeners take any.
  void measure_room();
  // Of the first worker, every 100 ms.
  void on_tick(std::chrono::steady_clock::time_point now);
  // For a person: "load 37 %: cpu 0.74 cores of 2.00 cores; 3,400 streams a second can come back".
  [[nodiscard]] std::string detail() const;
  [[nodiscard]] const load::Meter& meter() const { return meter_; }

 private:
  void measure_memory();
  void learn_rate(std::chrono::steady_clock::time_point now);

  const config::Limits& limits_;
  const std::vector<Worker*> workers_;
  load::State& state_;
  observe::LoadMetrics& metrics_;
  load::Meter meter_;
  load::AcceptRate rate_;
  double cpu_seconds_ = 0, memory_bytes_ = 0;
  double own_descriptors_ = 0, descriptors_max_ = 0;  // without connections
  const double memory_max_;
  std::chrono::steady_clock::time_point ticked_{}, learned_{};
  unsigned ticks_ = 0;
};

// Three quarters of what the machine or the process's cgroup gives, in bytes.
[[nodiscard]] std::uint64_t automatic_memory_limit();

}  // namespace sluice::serve
