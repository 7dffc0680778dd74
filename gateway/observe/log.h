// The log of the process: events with fields, as text on a terminal and as JSON lines elsewhere, on standard error.
// Called from every room and every thread. Its state is the process's, as standard error is:
// main sets it up before any thread; until then events of level info and above go out as text.
// Never logs a query string, a token or an event's data. spdlog (slow to compile) stays in log.cc.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <string>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/observe/log_line.h"

namespace sluice::observe {

enum class Level : std::uint8_t { trace, debug, info, warning, error };

// From log.format, log.level and log.access. `out`: instead of standard error, in tests; outlives the process's last
// log_event(), or the next set-up.
void set_up_log(const config::Config& config, std::ostream* out = nullptr);

// Whether an event of that level is written: for the caller whose fields are costly.
[[nodiscard]] bool logs(Level level);

// log_event(Level::info, "listening", {{"address", "127.0.0.1:8443"}, {"workers", 2}});
void log_event(Level level, std::string_view message, std::initializer_list<LogField> fields = {});

// The access log: one line for a stream or request that ended, with why (log.access).
struct StreamEnd {
  std::string_view remote;  // "127.0.0.1:51234"
  std::string_view method;
  std::string_view path;      // without the query, which may hold a token
  std::string_view protocol;  // "h2"
  int status = 0;
  std::size_t topics = 0;
  bool resumed = false;
  std::uint64_t events = 0, bytes = 0;  // delivered
  std::chrono::milliseconds duration{0};
  std::string_view reason;  // "peer", "drain", "slow", "complete"
};
void log_stream_end(const StreamEnd& end);

}  // namespace sluice::observe
