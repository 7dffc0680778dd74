#include "gateway/observe/log.h"

#include <sstream>

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::observe;

namespace {

// The log goes to memory while this lives.
struct Captured {
  std::ostringstream out;
  explicit Captured(const config::Config& config) { set_up_log(config, &out); }
  ~Captured() { set_up_log({}); }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
};

config::Config with(config::Config::LogFormat format, const char* level = "info", bool access = true) {
  config::Config config;
  config.log_format = format;
  config.log_level = level;
  config.access_log = access;
  return config;
}

const StreamEnd end{
    "127.0.0.1:51234", "GET", "/demo/clock", "h2", 200, 1, true, 12, 3456, std::chrono::milliseconds(1500), "peer"};

}  // namespace

TEST_CASE("only events of the configured level and above are written") {
  Captured log(with(config::Config::LogFormat::text, "warning"));
  log_event(Level::info, "quiet");
  log_event(Level::warning, "loud", {{"port", 8443}});
  CHECK(!logs(Level::info));
  CHECK(logs(Level::error));
  CHECK(log.out.str().size() == std::string("2026-11-22T17:10:08.123Z warning loud port=8443\n").size());
  CHECK(log.out.str().ends_with("Z warning loud port=8443\n"));
}

TEST_CASE("an ended stream is one line of JSON that says who, what and why") {
  Captured log(with(config::Config::LogFormat::json));
  log_stream_end(end);
  const std::string line = log.out.str();
  CHECK(line.starts_with("{\"time\":\""));
  CHECK(line.ends_with(R"(,"level":"info","message":"stream ended","remote":"127.0.0.1:51234","method":"GET",)"
                       R"("path":"/demo/clock","protocol":"h2","status":200,"topics":1,"resumed":true,"events":12,)"
                       R"("bytes":3456,"seconds":1.5,"reason":"peer"})"
                       "\n"));
}

TEST_CASE("automatic means JSON where nobody sits at a terminal") {
  Captured log(with(config::Config::LogFormat::automatic));
  log_event(Level::info, "hello");
  CHECK(log.out.str().starts_with("{"));
}

TEST_CASE("the access log can be switched off alone") {
  Captured log(with(config::Config::LogFormat::text, "info", false));
  log_stream_end(end);
  CHECK(log.out.str().empty());
  log_event(Level::info, "still here");
  CHECK(!log.out.str().empty());
}

TEST_CASE("braces in a message are only braces") {
  Captured log(with(config::Config::LogFormat::text));
  log_event(Level::info, "{} {0} %v", {{"key", "{}"}});
  CHECK(log.out.str().ends_with("{} {0} %v key={}\n"));
}
