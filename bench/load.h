// Load: one run of the load client against one server, and its figures. The flow: open the crowd → warm up → measure
// for `duration` → stop publishing → wait for what is under way → judge. Who only subscribes measures from the first
// delivery to the last. One thread, one loop: the caller's. Throws
// std::runtime_error when there is nothing to measure (no server, streams refused). Invariant: a figure of the server
// is a difference of two readings at the edges of the measured time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "bench/load_options.h"
#include "bench/server_process.h"
#include "bench/stream_check.h"
#include "proto/tls.h"

namespace sluice::bench {

struct Figures {
  double seconds = 0;                                            // measured
  std::uint64_t published = 0, deliveries = 0, connections = 0;  // in that time; connections: handshakes only
  double client_cpu_seconds = 0;
  std::optional<double> server_cpu_seconds;
  std::optional<Memory> memory_before, memory;  // without and with the streams
  std::optional<std::int64_t> peak_rss_bytes;   // of the server's whole life
  std::uint64_t refused = 0;                    // publishes
  std::uint64_t ended = 0;                      // streams that the server ended
  std::string failure;                          // the first of either
  Tally total;                                  // of the whole run: loss and order
  Histogram latency;                            // of the measured time
};

[[nodiscard]] Figures run_load(const LoadOptions& options, const proto::TlsContext& tls);

}  // namespace sluice::bench
