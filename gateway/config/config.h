// Config: what the TOML file, the environment and the flags say, as valid types: a Config that exists is usable.
// Values; made once at start by load(), read by main and handed in parts to the rooms that need them.
// Never opens a certificate, an engine or a socket. Defaults and reasons: docs/configuration.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "gateway/config/problem.h"
#include "proto/http2_server.h"

namespace sluice::config {

using std::chrono::milliseconds;

// "127.0.0.1:8443", ":8443" (every address), "[::1]:0" (port 0: the kernel chooses).
struct ListenAddress {
  std::string host;  // empty: every address
  std::uint16_t port = 8443;
  [[nodiscard]] bool loopback() const;  // 127.0.0.0/8, ::1, localhost
  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

struct TlsFiles {
  std::filesystem::path cert, key;  // both empty: the development certificate, made when missing
};

// Above that load nobody is asked to come back sooner than `min`.
struct RetryStep {
  double load_percent = 0;
  milliseconds min{};
  friend bool operator==(const RetryStep&, const RetryStep&) = default;
};
// The range in which each subscriber's reconnection time is drawn; where in it is measured (load/retry).
struct RetryRange {
  milliseconds min{2000}, max{60'000};  // min ≥ 1 s: `retry: 0` makes Chromium reconnect in 3 ms
  std::vector<RetryStep> steps;
};

struct Limits {
  std::uint32_t connections = 50'000;
  std::uint32_t streams = 1'000'000;  // all connections together
  std::uint32_t accept_rate = 0;      // streams that may open in a second; 0: what is measured, under pressure only
  std::uint64_t memory = 0;           // resident bytes; 0: three quarters of what the machine or its cgroup gives
  std::uint32_t handshakes = 512;     // in progress
  std::uint32_t handshakes_per_turn = 16;  // of one worker's loop
  std::size_t event_size = 1024 * 1024;
  std::size_t body_size = 8 * 1024 * 1024;  // one publish request
  std::size_t bodies = 64 * 1024 * 1024;    // of all requests in progress together
  std::size_t events_per_body = 65'536;
  std::size_t lines_per_event = 65'536;
  std::size_t event_name = 256, event_id = 128, event_key = 512, topic_name = 512;  // bytes
  std::size_t topics = 100'000;                                                     // with state
  std::size_t topics_per_stream = 64;
  std::size_t last_event_id = 4096;  // bytes
  std::size_t conflate_lag = 100;    // events behind which `slow = "conflate"` sends values
  milliseconds tls_handshake_timeout{10'000};
  milliseconds body_idle_timeout{30'000}, body_timeout{60'000};
  milliseconds idle_timeout{60'000};  // a connection without streams
  milliseconds connection_age{0};     // then a connection is drained, give or take a tenth; 0: never
  milliseconds ping_interval{30'000}, ping_timeout{10'000};
  milliseconds stall_timeout{30'000};      // backlog and no byte accepted; also TCP_USER_TIMEOUT
  std::size_t stream_quantum = 64 * 1024;  // bytes a stream sends per turn
  std::size_t mailbox = 16 * 1024 * 1024;  // bytes waiting for another worker
  proto::Http2Limits http2;
};

struct History {
  std::size_t entries = 10'000;                 // per topic
  std::size_t bytes = 16 * 1024 * 1024;         // per topic
  std::size_t bytes_total = 256 * 1024 * 1024;  // all topics of the source
  milliseconds age{600'000};
  std::size_t keys = 10'000;  // per topic, for `snapshot` and `slow = "conflate"`
  // publish:
  enum class Store : std::uint8_t { memory, disk } store = Store::memory;
  std::filesystem::path path;                                          // of the database, with Store::disk
  enum class Sync : std::uint8_t { full, process } sync = Sync::full;  // what an acknowledged event survives
};

// Which part of an engine's message becomes what of an event. Empty: the adapter's default (docs/sources.md). A value
// is the name of a field, header or column of the message, or, with a leading `/`, a JSON pointer (RFC 6901) into its
// payload.
struct Mapping {
  std::string topic, event, data, key;
};

// How a source's TLS trusts and shows itself; empty: the system's certificate authorities, no certificate of our own.
struct SourceTls {
  std::filesystem::path ca, cert, key;
};

struct Source {
  std::string name;  // [source.NAME]
  std::string url;   // "demo:", "publish:", "redis://localhost:6379"; its scheme chooses the adapter
  History history;
  milliseconds linger{60'000};  // a topic opened on first use closes when nobody has used it for this long
  Mapping map;
  SourceTls tls;
  bool publish = false;   // POST writes into the engine
  bool snapshot = false;  // a new subscriber first gets the newest event of each key
  // What of the engine: which of them a scheme takes, source_keys() says (Key::schemes).
  std::string stream, channel, subject, topic, table;
  std::vector<std::string> command;                                                               // exec:
  enum class Format : std::uint8_t { automatic, sse, ndjson, lines } format = Format::automatic;  // exec:, file:
  double rate = 1.0;  // demo: events per second of each topic
  // https:, http:
  std::string token;             // sent as `authorization: Bearer`; empty: none
  milliseconds silence{45'000};  // nothing for so long, not even a comment: the connection is made anew
  [[nodiscard]] std::string_view scheme() const { return std::string_view(url).substr(0, url.find(':')); }
};

enum class Start : std::uint8_t { now, earliest };
enum class End : std::uint8_t { clean, reset };
enum class Open : std::uint8_t { event, id };
// What a stream gets that has fallen behind: what retention has taken announced as a gap; an end; values.
enum class Slow : std::uint8_t { gap, disconnect, conflate };

// A route serves exactly one of: source, topics, files.
struct Route {
  std::string path;                            // "/demo/{name}", "/topics/**", "/stream"
  std::string source;                          // one source; captures make the topic
  std::vector<std::string> topics;             // several: "audit", "fleet/**"
  std::optional<std::filesystem::path> files;  // a directory; "embedded:" = the page inside the binary
  Start start = Start::now;
  End end = End::clean;
  Open open = Open::event;
  Slow slow = Slow::gap;
  milliseconds flush_interval{0};  // a topic's events are sent not more often than this
};

struct Config {
  ListenAddress listen{"127.0.0.1", 8443};
  std::optional<ListenAddress> admin = ListenAddress{"127.0.0.1", 9443};  // admin.listen = "off" disables
  unsigned workers = 0;                                                   // 0: auto
  TlsFiles tls;
  std::vector<std::string> cors_origins;  // exact: "https://app.example.com"
  bool cors_credentials = false;
  std::string publish_secret;                 // access.publish_secret; empty: none
  std::filesystem::path publish_secret_file;  // load() reads it into publish_secret and clears it
  RetryRange retry;
  milliseconds heartbeat{15'000};
  milliseconds drain_delay{0}, drain_duration{0};
  enum class LogFormat : std::uint8_t { automatic, text, json } log_format = LogFormat::automatic;
  std::string log_level = "info";
  bool access_log = true;
  Limits limits;
  std::vector<Source> sources;
  std::vector<Route> routes;
  Places places;                    // for what is found wrong only when it is tried
  bool zero_configuration = false;  // no file: demo and publish sources, open publishing on loopback
};

}  // namespace sluice::config
