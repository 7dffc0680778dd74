// `sluice bench` as values: what was typed (Draft, filled in by options.cc), and what it means (Command: a whole plan
// and where its results go). Pure but for the number of cores and the existence of --server-pid's processes. Invariant:
// a Command's plan is whole; whatever contradicts itself was refused with the remedy.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bench/expectation.h"
#include "bench/plan.h"

namespace sluice::bench {

// Absent: not typed. Numbers are in the unit of the plan.
struct Draft {
  std::optional<std::string> url;
  std::string scenario = "steady";
  std::optional<unsigned> connections, streams, topics, threads;
  std::optional<double> rate, payload, open_rate, stream_window;
  std::optional<std::chrono::milliseconds> duration, warmup;
  std::vector<std::string> headers, source_addresses;
  std::string token, last_event_id;
  bool http1 = false, http2 = false;
  client::Trust trust;

  std::optional<std::string> preset, publish_url, publish_body, publish_method, publish_command;
  std::vector<std::string> publish_headers;
  std::string publish_token;
  bool no_publish = false, one_at_a_time = false;
  std::optional<unsigned> batch, in_flight;
  std::optional<std::uint64_t> expect_events;
  std::optional<std::int64_t> epoch;  // ns of CLOCK_MONOTONIC
  bool announce_open = false;

  std::optional<std::string> ramp;  // "rate", "streams"
  std::optional<double> ramp_from, ramp_to, ramp_factor, ramp_delivered;
  std::optional<std::chrono::milliseconds> ramp_step, ramp_p99;
  std::optional<std::string> restart_command;
  std::optional<std::chrono::milliseconds> settle;
  std::optional<double> slow_share, slow_rate;
  std::optional<unsigned> events_before_idle;

  std::vector<pid_t> servers;
  bool spin = false;

  std::vector<std::string> expect;
  std::optional<std::string> compare, json, report;
  bool quiet = false;
  bool list_figures = false;  // instead of a run
};

struct Command {
  Plan plan;
  std::vector<Expectation> expectations;
  std::optional<std::filesystem::path> compare, report;
  std::optional<std::string> json;  // "-": standard output
  bool quiet = false;               // neither live view nor summary
  std::string typed;                // the command line, without secrets
};

// Throws std::invalid_argument with one line: what is wrong, and how to write it.
[[nodiscard]] Command make_command(const Draft& draft);

// "sluice bench --token '...' URL", as a shell takes it: what is secret is left out.
[[nodiscard]] std::string typed_command(const std::vector<std::string>& arguments);

}  // namespace sluice::bench
