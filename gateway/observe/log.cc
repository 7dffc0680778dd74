#include "gateway/observe/log.h"

#include <unistd.h>

#include <array>
#include <memory>
#include <span>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace sluice::observe {
namespace {

constexpr std::array<std::string_view, 5> level_names = {"trace", "debug", "info", "warning", "error"};

constexpr spdlog::level::level_enum to_spdlog(Level level) {
  return static_cast<spdlog::level::level_enum>(level);  // the same order, asserted below
}
static_assert(to_spdlog(Level::trace) == spdlog::level::trace && to_spdlog(Level::info) == spdlog::level::info &&
              to_spdlog(Level::warning) == spdlog::level::warn && to_spdlog(Level::error) == spdlog::level::err);

Level level_named(std::string_view name) {
  for (std::size_t index = 0; index < level_names.size(); ++index)
    if (level_names[index] == name) return static_cast<Level>(index);
  return Level::info;
}

// What set_up_log() decides; replaced only while no other thread logs.
struct Log {
  std::shared_ptr<spdlog::logger> logger;
  bool json = false;
  bool access = true;

  Log(std::shared_ptr<spdlog::sinks::sink> sink, bool as_json, Level level, bool with_access)
      : logger(std::make_shared<spdlog::logger>("sluice", std::move(sink))), json(as_json), access(with_access) {
    const char* pattern = as_json ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %^%-7l%$ %v";
    logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, "\n"));
    logger->set_level(to_spdlog(level));
    logger->flush_on(spdlog::level::trace);  // a line that is still in a buffer when the process dies explains nothing
  }
};

Log& log() {
  static Log log(std::make_shared<spdlog::sinks::stderr_color_sink_mt>(), false, Level::info, true);
  return log;
}

void write(Level level, std::string_view message, std::span<const LogField> fields) {
  if (!logs(level)) return;
  const WallTime now = std::chrono::system_clock::now();
  const std::string_view name = level_names[static_cast<std::size_t>(level)];
  const std::string line = log().json ? json_line(now, name, message, fields) : text_line(message, fields);
  log().logger->log(now, spdlog::source_loc{}, to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

void set_up_log(const config::Config& config, std::ostream* out) {
  using Format = config::Config::LogFormat;
  const bool terminal = out == nullptr && ::isatty(STDERR_FILENO) != 0;
  const bool json = config.log_format == Format::json || (config.log_format == Format::automatic && !terminal);
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (out != nullptr)
    sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(*out);
  else
    sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();  // colour on a terminal only
  log() = Log(std::move(sink), json, level_named(config.log_level), config.access_log);
}

bool logs(Level level) { return log().logger->should_log(to_spdlog(level)); }

void log_event(Level level, std::string_view message, std::initializer_list<LogField> fields) {
  write(level, message, {fields.begin(), fields.size()});
}

void log_stream_end(const StreamEnd& end) {
  if (!log().access) return;
  log_event(Level::info, "stream ended",
            {{"remote", end.remote},
             {"method", end.method},
             {"path", end.path},
             {"protocol", end.protocol},
             {"status", end.status},
             {"topics", end.topics},
             {"resumed", end.resumed},
             {"events", end.events},
             {"bytes", end.bytes},
             {"seconds", static_cast<double>(end.duration.count()) / 1000.0},
             {"reason", end.reason}});
}

}  // namespace sluice::observe
