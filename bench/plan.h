// Plan: what a benchmark run is to do: made by bench/command from the command line, or by a test. Values, no behaviour.
// Invariant: what bench/command gives back is whole: every number in its range, every address parsed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "gateway/client/target.h"
#include "gateway/client/trust.h"
#include "proto/http.h"

namespace sluice::bench {

enum class Scenario : std::uint8_t {
  steady,       // a crowd that stays, events at a rate
  ramp,         // streams or rate rise until a limit is crossed
  storm,        // everybody loses the connection at once and comes back
  slow_reader,  // a share of the crowd reads slowly
  drain,        // the server is told to leave: storm with its restart command, judged as a drain
  idle,         // streams that only exist
  handshakes,   // new connections with one stream each, as fast as the server takes them
};

enum class Wire : std::uint8_t { automatic, http2, http1 };  // automatic: what ALPN chooses; without TLS HTTP/1.1

// The event streams that are held open.
struct Crowd {
  client::Target target;  // `{i}` in path and query: the number of the stream's topic
  client::Trust trust;
  Wire wire = Wire::automatic;
  unsigned connections = 1;
  unsigned streams = 1;                       // on each connection; HTTP/1.1 can have one only
  unsigned topics = 1;                        // stream i has topic i % topics
  unsigned threads = 1;                       // each with its share of the connections and a loop of its own
  std::vector<proto::Field> fields;           // of each request: the user's headers, tokens
  std::string last_event_id;                  // of the first request; empty: none
  std::vector<std::string> source_addresses;  // local addresses to connect from, in turn; empty: the system's choice
  std::uint32_t stream_window = 6 * 1024 * 1024;  // bytes; Chromium's. HTTP/2 only
  double open_rate = 0;  // connections per second while the crowd opens; 0: 64 in progress at a time
};

// What makes events.
struct Publishing {
  enum class Kind : std::uint8_t { none, http, command };
  Kind kind = Kind::http;
  // http: one request for each body. In path, query, header values and `body`: `{i}` topic's number, `{data}` the
  // payload, `{data:url}` the same percent-encoded, `{event}` ... see bench/publish_template.h.
  client::Target target;
  std::string method = "POST";
  std::vector<proto::Field> fields;
  std::string body = "{data}";
  std::string command;         // command: started once; gets one line for each event on its standard input
  double rate = 0;             // events per second, each at its scheduled time, late or not; 0: as fast as acknowledged
  bool one_at_a_time = false;  // the next when the last was acknowledged and everybody has it
  unsigned batch = 1;          // events in one NDJSON body (servers that take it)
  unsigned in_flight = 8;      // bodies under way without a rate
  std::size_t payload_bytes = 100;
};

struct RampPlan {
  enum class What : std::uint8_t { streams, rate };
  What what = What::rate;
  double from = 100, to = 1'000'000, factor = 1.5;  // each step is `factor` times the last
  std::chrono::milliseconds step{5'000};
  std::chrono::milliseconds p99_max{100};  // the limits that end it; loss and refusals always do
  double delivered_share_min = 0.99;       // of what was offered in the step
};

struct StormPlan {
  std::string restart_command;  // run by /bin/sh -c at the storm's moment; empty: the client drops all connections
  std::chrono::milliseconds settle{60'000};  // how long it may take until all are back
};

struct SlowPlan {
  double share = 0.1;           // of the streams, whole connections of them
  double bytes_per_second = 0;  // 0: they never read
};

struct Plan {
  Scenario scenario = Scenario::steady;
  Crowd crowd;
  Publishing publishing;
  RampPlan ramp;
  StormPlan storm;
  SlowPlan slow;
  std::chrono::milliseconds warmup{1'000}, duration{10'000};
  std::vector<pid_t> servers;  // whose CPU time and memory are read
  bool spin = false;           // poll instead of sleeping: the server does not pay for waking this client
  // subscribe only (Kind::none): how many events of each topic every stream is to get; 0: whatever comes.
  std::uint64_t expected_events = 0;
  std::optional<std::chrono::steady_clock::time_point> epoch;  // what payloads of others count their times from
  bool announce_open = false;                                  // print "open" when all streams are open
  unsigned events_before_idle = 0;
};

}  // namespace sluice::bench
