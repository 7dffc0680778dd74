#include "bench/server_process.h"

#include <fstream>
#include <initializer_list>
#include <stdexcept>
#include <string>

namespace sluice::bench {
namespace {

std::chrono::nanoseconds read_clock(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) throw std::runtime_error("the server process has ended");
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// The value in bytes of a line "Name: 12 kB" of one of the process' files.
struct Kibibytes {
  const char* name;
  std::int64_t& bytes;
};
void read_kibibytes(pid_t pid, const char* file_name, std::initializer_list<Kibibytes> wanted) {
  std::ifstream file("/proc/" + std::to_string(pid) + '/' + file_name);
  if (!file) throw std::runtime_error("cannot read the memory of process " + std::to_string(pid));
  for (std::string word; file >> word;)
    for (const Kibibytes& line : wanted) {
      std::int64_t kibibytes = 0;
      if (word == line.name && file >> kibibytes) line.bytes = kibibytes * 1024;
    }
}

}  // namespace

ServerProcess::ServerProcess(pid_t pid) : pid_(pid), clock_() {
  if (clock_getcpuclockid(pid, &clock_) != 0) throw std::runtime_error("no process " + std::to_string(pid));
}

std::chrono::nanoseconds ServerProcess::cpu_time() const { return read_clock(clock_); }

Memory ServerProcess::memory() const {
  Memory memory;
  read_kibibytes(pid_, "smaps_rollup", {{"Rss:", memory.rss_bytes}, {"Pss:", memory.pss_bytes}});
  return memory;
}

std::int64_t ServerProcess::peak_rss_bytes() const {
  std::int64_t peak = 0;
  read_kibibytes(pid_, "status", {{"VmHWM:", peak}});
  return peak;
}

std::chrono::nanoseconds own_cpu_time() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace sluice::bench
