#include "gateway/observe/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace sluice::observe {
namespace {

std::string read_file(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// "btime 1795332250" in /proc/stat: when the machine started.
double boot_time() {
  std::istringstream lines(read_file("/proc/stat"));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  return 0;
}

}  // namespace

std::optional<ProcessFigures> read_process() {
  // proc(5): the fields after the command's name, which may itself hold spaces and parentheses; state is field 3.
  const std::string stat = read_file("/proc/self/stat");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream text(stat.substr(name_end + 2));
  const std::vector<std::string> fields{std::istream_iterator<std::string>(text), {}};
  if (fields.size() < 22) return std::nullopt;
  const auto field = [&fields](std::size_t number) { return std::stod(fields[number - 3]); };

  ProcessFigures figures;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  figures.cpu_seconds = (field(14) + field(15)) / ticks;
  figures.threads = static_cast<std::uint64_t>(field(20));
  figures.start_time = boot_time() + field(22) / ticks;
  figures.virtual_bytes = static_cast<std::uint64_t>(field(23));
  figures.resident_bytes = static_cast<std::uint64_t>(field(24)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end; !error && entry != end;
       entry.increment(error))
    ++figures.open_fds;
  if (figures.open_fds > 0) --figures.open_fds;  // the one that lists them
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.max_fds = limit.rlim_cur;
  return figures;
}

std::uint64_t read_resident_bytes() {
  std::istringstream text(read_file("/proc/self/statm"));  // proc(5): pages in all, pages resident, ...
  std::uint64_t all = 0, resident = 0;
  text >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace sluice::observe
