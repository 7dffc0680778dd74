// What the measured server costs, as the kernel counts it. Read from another process on the same machine.
// Owned by a load run. Throws std::runtime_error when the process is not there.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <chrono>
#include <cstdint>

namespace sluice::bench {

struct Memory {
  std::int64_t rss_bytes = 0, pss_bytes = 0;  // pss: pages shared with other processes count in part
};

class ServerProcess {
 public:
  explicit ServerProcess(pid_t pid);
  // CPU time of all its threads, user and system, to the nanosecond.
  [[nodiscard]] std::chrono::nanoseconds cpu_time() const;
  [[nodiscard]] Memory memory() const;
  // The most that was resident at any time since it started.
  [[nodiscard]] std::int64_t peak_rss_bytes() const;

 private:
  pid_t pid_;
  clockid_t clock_;
};

// The same of this process.
[[nodiscard]] std::chrono::nanoseconds own_cpu_time();

}  // namespace sluice::bench
