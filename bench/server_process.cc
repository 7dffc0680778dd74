#include "bench/server_process.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <stdexcept>
#include <string>

namespace sluice::bench {
namespace {

std::optional<std::chrono::nanoseconds> read_clock(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return std::nullopt;
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// The value in bytes of a line "Name: 12 kB" of one of the process' files.
struct Kibibytes {
  const char* name;
  std::int64_t& bytes;
};
void read_kibibytes(pid_t pid, const char* file_name, std::initializer_list<Kibibytes> wanted) {
  std::ifstream file("/proc/" + std::to_string(pid) + '/' + file_name);
  for (std::string word; file >> word;)
    for (const Kibibytes& line : wanted) {
      std::int64_t kibibytes = 0;
      if (word == line.name && file >> kibibytes) line.bytes = kibibytes * 1024;
    }
}

std::int64_t resident_bytes(const std::string& process) {
  std::ifstream file("/proc/" + process + "/statm");
  std::int64_t size = 0, resident = 0;
  if (!(file >> size >> resident)) return 0;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace

ServerProcess::ServerProcess(pid_t pid) : descriptor_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {
  figures_.pid = pid;
  if (descriptor_ == -1 || clock_getcpuclockid(pid, &clock_) != 0)
    throw std::runtime_error("no process " + std::to_string(pid) + " to measure: check --server-pid");
  std::int64_t rss = 0;
  read_kibibytes(pid, "smaps_rollup", {{"Rss:", rss}});
  if (rss == 0)
    throw std::runtime_error("cannot read the memory of process " + std::to_string(pid) +
                             ": run as its user or as root, or leave out --server-pid");
}

ServerProcess::~ServerProcess() { ::close(descriptor_); }

bool ServerProcess::gone() {
  pollfd ended{descriptor_, POLLIN, 0};
  gone_ = gone_ || (poll(&ended, 1, 0) == 1);
  return gone_;
}

std::chrono::nanoseconds ServerProcess::cpu_time() {
  if (!gone())
    if (const auto time = read_clock(clock_)) last_cpu_ = *time;
  return last_cpu_;
}

void ServerProcess::read_memory(std::int64_t& rss_bytes, std::int64_t& pss_bytes) {
  if (!gone()) read_kibibytes(figures_.pid, "smaps_rollup", {{"Rss:", rss_bytes}, {"Pss:", pss_bytes}});
}

void ServerProcess::read_before() { read_memory(figures_.rss_before_bytes, figures_.pss_before_bytes); }

void ServerProcess::begin_measuring() {
  cpu_at_begin_ = cpu_time();
  highest_at_begin_ = highest_rss();
  measuring_ = true;
  sample();
}

void ServerProcess::sample() {
  if (!measuring_ || gone()) return;
  figures_.rss_peak_bytes = std::max(figures_.rss_peak_bytes, resident_bytes(std::to_string(figures_.pid)));
  figures_.cpu_seconds = std::chrono::duration<double>(cpu_time() - cpu_at_begin_).count();
}

void ServerProcess::end_measuring() {
  figures_.cpu_seconds = std::chrono::duration<double>(cpu_time() - cpu_at_begin_).count();
  sample();
  measuring_ = false;
  read_memory(figures_.rss_bytes, figures_.pss_bytes);
  figures_.rss_peak_bytes = std::max(figures_.rss_peak_bytes, figures_.rss_bytes);
  // What the kernel saw is exact, if it was in the measured time.
  if (const std::int64_t highest = highest_rss(); highest > highest_at_begin_) figures_.rss_peak_bytes = highest;
}

std::int64_t ServerProcess::highest_rss() {
  std::int64_t bytes = 0;
  if (!gone()) read_kibibytes(figures_.pid, "status", {{"VmHWM:", bytes}});
  return bytes;
}

std::chrono::nanoseconds own_cpu_time() {
  return read_clock(CLOCK_PROCESS_CPUTIME_ID).value_or(std::chrono::nanoseconds{0});
}

std::int64_t own_rss_bytes() { return resident_bytes("self"); }

}  // namespace sluice::bench
