// Outcome: what a benchmark run has measured. Filled in by bench/run, read by everything that shows it (summary, JSON,
// HTML report, expectations, comparison). Values, no behaviour. Times are in the unit of their name; histograms count
// nanoseconds. Invariant: `total` is the sum over `topics`; a series has one number for each bin since the run began.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/histogram.h"

namespace sluice::bench {

// Of one topic, or of all, over all streams and the whole run.
struct Faults {
  std::uint64_t lost = 0, repeated = 0, reordered = 0;
  std::uint64_t malformed = 0;  // events that are neither ours nor the server's own, or whose data was altered
  std::uint64_t gaps = 0;       // losses that the server announced (`sluice.gap`), counted in `lost` as well
};

// What happened in one bin of the run's time.
struct Bin {
  std::uint64_t published = 0, deliveries = 0, bytes = 0;
  std::uint64_t opened = 0;      // streams, the first time or again
  std::uint64_t reconnects = 0;  // connections attempted by who had one before
  std::uint64_t ended = 0;       // streams
  std::uint64_t latency_p50_ns = 0, latency_p99_ns = 0, latency_max_ns = 0;
};

struct ServerFigures {
  pid_t pid = 0;
  double cpu_seconds = 0;                            // in the measured time
  std::int64_t rss_before_bytes = 0, rss_bytes = 0;  // without the crowd, and at the end of the measured time
  std::int64_t pss_before_bytes = 0, pss_bytes = 0;
  std::int64_t rss_peak_bytes = 0;  // in the measured time, read every 250 ms
};

struct ClientFigures {
  unsigned threads = 1;
  double cpu_seconds = 0;           // in the measured time
  double busiest_thread_share = 0;  // of one core, 0 to 1: at 0.9 and above the client is the bottleneck
  std::int64_t bytes_per_stream = 0, bytes_per_connection = 0;  // RSS when the crowd was open, less what was before
};

struct StormFigures {
  std::uint64_t dropped = 0;            // streams that lost their connection
  std::uint64_t back = 0;               // of these, open again at the end
  double all_back_seconds = 0;          // from the drop until the last was back; 0: not all came
  std::uint64_t arrivals_peak = 0;      // reconnects in the busiest second
  double arrivals_peak_at_seconds = 0;  // after the drop
  Histogram away;                       // from a stream's loss until it was open again
  Histogram reopen;                     // from the request until the stream's head
  std::vector<std::uint64_t>
      retry_held_ms;  // of each dropped stream: the reconnection time that it held (0: none sent)
  std::uint64_t failed_attempts = 0;
  bool restarted = false;          // the server was away itself: publishes to it failed meanwhile
  double server_exit_seconds = 0;  // drain: until the first server process had gone; 0: it did not
};

struct RampStep {
  double offered = 0;  // streams, or events per second
  double delivered_share = 0;
  Histogram latency;
  double server_cpu_share = 0;  // of a core
  std::uint64_t lost = 0, refused = 0;
  std::string broken;  // the limit that this step crossed, for a person; empty: none
};

struct SlowFigures {
  std::uint64_t slow_streams = 0;
  Histogram others;         // latency of who reads
  std::uint64_t ended = 0;  // slow streams that the server ended
};

struct Outcome {
  std::string scenario, url, offered;  // for a person: "100 connections x 10 streams, 150 events/s"
  std::int64_t began_unix_seconds = 0;
  double seconds = 0;           // measured
  std::uint64_t published = 0;  // in the measured time; so are:
  std::uint64_t deliveries = 0, bytes = 0;
  std::uint64_t handshakes = 0;
  Histogram latency;      // scheduled publish time → receipt
  Histogram caught_up;    // the same of what streams missed while they were away, whole run; not in `latency`
  Histogram open_time;    // request → the stream's head (EventSource's `open`), whole run; connecting is in it
  Histogram return_late;  // reconnection time over → asked again, whole run: what this client adds to a slot
  std::uint64_t connections = 0, streams = 0;  // open at the end of the opening
  std::uint64_t reconnects = 0, ended = 0;     // whole run
  std::uint64_t refused_publishes = 0, closed_for_good = 0;
  Faults total;  // whole run
  std::vector<Faults> topics;
  std::chrono::milliseconds bin{1'000};
  std::vector<Bin> bins;             // whole run
  double measured_from_seconds = 0;  // where in `bins` the measured time begins
  ClientFigures client;
  std::vector<ServerFigures> servers;
  std::optional<StormFigures> storm;
  std::vector<RampStep> ramp;
  std::optional<SlowFigures> slow;
  std::vector<std::string> warnings;  // a line each
  std::string failure;                // the first thing that makes the run worthless; empty: none
  bool interrupted = false;           // Ctrl-C: what was measured until then
};

}  // namespace sluice::bench
