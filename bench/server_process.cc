#include "bench/server_process.h"

#include <fstream>
#include <stdexcept>
#include <string>

namespace sluice::bench {
namespace {

std::chrono::nanoseconds read_clock(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) throw std::runtime_error("the server process has ended");
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

ServerProcess::ServerProcess(pid_t pid) : pid_(pid), clock_() {
  if (clock_getcpuclockid(pid, &clock_) != 0) throw std::runtime_error("no process " + std::to_string(pid));
}

std::chrono::nanoseconds ServerProcess::cpu_time() const { return read_clock(clock_); }

Memory ServerProcess::memory() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/smaps_rollup");
  if (!file) throw std::runtime_error("cannot read the memory of process " + std::to_string(pid_));
  Memory memory;
  for (std::string word; file >> word;) {
    std::int64_t kibibytes = 0;
    if (word == "Rss:" && file >> kibibytes) memory.rss_bytes = kibibytes * 1024;
    if (word == "Pss:" && file >> kibibytes) memory.pss_bytes = kibibytes * 1024;
  }
  return memory;
}

std::chrono::nanoseconds own_cpu_time() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace sluice::bench
