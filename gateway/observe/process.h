// ProcessFigures: what the kernel says about this process, by the names that every Prometheus client uses.
// Reads /proc/self; called when metrics are asked for, never on the data path.
#pragma once

#include <cstdint>
#include <optional>

namespace sluice::observe {

struct ProcessFigures {
  double cpu_seconds = 0;  // user + system
  double start_time = 0;   // seconds since 1970
  std::uint64_t resident_bytes = 0, virtual_bytes = 0;
  std::uint64_t open_fds = 0, max_fds = 0;
  std::uint64_t threads = 0;
};

// nullopt without a readable /proc.
[[nodiscard]] std::optional<ProcessFigures> read_process();
// Its resident memory alone: costs microseconds, whatever is open.
[[nodiscard]] std::uint64_t read_resident_bytes();

}  // namespace sluice::observe
