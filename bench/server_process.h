// What a measured server costs, as the kernel counts it. Read from another process on the same machine. Owned by a run,
// on its main thread. A process that ends is no error: from then on nothing more is read of it, and gone() says so.
// Invariant: a figure is a difference of two readings at the edges of the measured time.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <chrono>
#include <cstdint>
#include <optional>

#include "bench/outcome.h"

namespace sluice::bench {

class ServerProcess {
 public:
  // Throws std::runtime_error when there is no such process, or not ours to look at.
  explicit ServerProcess(pid_t pid);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Without the crowd.
  void read_before();
  void begin_measuring();
  void sample();  // now and then: the peak
  void end_measuring();
  // Of the measured time so far.
  [[nodiscard]] const ServerFigures& figures() const { return figures_; }
  // CPU time of all its threads, user and system, to the nanosecond, since it started, as far as it is known.
  [[nodiscard]] std::chrono::nanoseconds cpu_time();
  [[nodiscard]] bool gone();

 private:
  void read_memory(std::int64_t& rss_bytes, std::int64_t& pss_bytes);
  [[nodiscard]] std::int64_t highest_rss();  // of its life

  int descriptor_;  // of the process: its number may be another's later
  clockid_t clock_{};
  bool gone_ = false, measuring_ = false;
  std::chrono::nanoseconds last_cpu_{0}, cpu_at_begin_{0};
  std::int64_t highest_at_begin_ = 0;
  ServerFigures figures_;
};

// The same of this process.
[[nodiscard]] std::chrono::nanoseconds own_cpu_time();
[[nodiscard]] std::int64_t own_rss_bytes();

}  // namespace sluice::bench
