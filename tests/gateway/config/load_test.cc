#include "gateway/config/load.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

#include "gateway/config/override_layers.h"
#include "gateway/config/print.h"

using namespace sluice::config;
using namespace std::chrono_literals;

namespace {

constexpr const char* minimal = R"(
[source.orders]
url = "demo:"
[[route]]
path = "/orders"
source = "orders"
)";

Config load_minimal(const std::string& more, const Overrides& overrides = {}, const Environment& environment = {}) {
  return load_text(more + minimal, overrides, environment);
}

std::string error_of(const Overrides& overrides, const Environment& environment = {}, std::string_view text = minimal) {
  try {
    static_cast<void>(load_text(text, overrides, environment));
    return {};
  } catch (const ConfigError& error) {
    return error.what();
  }
}

// A folder of its own, removed at the end.
struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-config-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::filesystem::path write(const std::string& name, std::string_view text) const {
    std::ofstream(path / name, std::ios::binary) << text;
    return path / name;
  }
};

}  // namespace

TEST_CASE("without a file there is a demonstration: demo topics, publishing, both on one stream, and the page") {
  const Config config = load({}, {});
  CHECK(config.zero_configuration);
  CHECK(config.listen == ListenAddress{"127.0.0.1", 8443});
  CHECK(config.listen.loopback());
  REQUIRE(config.sources.size() == 2);
  CHECK(config.sources[0].name == "demo");
  CHECK(config.sources[0].url == "demo:");
  CHECK(config.sources[1].name == "topics");
  CHECK(config.sources[1].url == "publish:");
  REQUIRE(config.routes.size() == 4);
  CHECK(config.routes[0].path == "/demo/{name}");
  CHECK(config.routes[0].source == "demo");
  CHECK(config.routes[1].path == "/topics/{topic}");
  CHECK(config.routes[1].source == "topics");
  CHECK(config.routes[2].path == "/stream");
  CHECK(config.routes[2].topics == std::vector<std::string>{"demo/**", "topics/**"});
  CHECK(config.routes[3].path == "/**");
  CHECK(config.routes[3].files == "embedded:");
}

TEST_CASE("the demonstration takes settings from outside too") {
  Overrides overrides;
  overrides.set = {"source.demo.rate=50", "limits.streams=7"};
  overrides.flags = {{"listen", "[::1]:0"}};
  const Config config = load(overrides, {{"SLUICE_SOURCE__TOPICS__HISTORY__AGE", "2m"}});
  CHECK(config.zero_configuration);
  CHECK(config.sources[0].rate == 50);
  CHECK(config.sources[1].history.age == 2min);
  CHECK(config.limits.streams == 7);
  CHECK(config.listen == ListenAddress{"::1", 0});
}

TEST_CASE("the smallest file is one source and one route") {
  const Config config = load_minimal("");
  CHECK(!config.zero_configuration);
  REQUIRE(config.sources.size() == 1);
  CHECK(config.sources[0].history.entries == 10'000);
  REQUIRE(config.routes.size() == 1);
  CHECK(config.routes[0].start == Start::now);
}

TEST_CASE("every kind of value is read") {
  const Config config = load_text(R"(
listen  = ":8443"
workers = 2
tls     = { cert = "site.pem", key = "/etc/site.key" }
cors    = { origins = ["https://app.example.com", "http://localhost:3000"], credentials = true }
retry   = { min = "1s", max = "60s" }
heartbeat = "250ms"
limits  = { connections = 50_000, streams_per_connection = 128, event_size = "64KiB", body_size = 1048576, resets_rate = 2.5 }
admin   = { listen = "off" }
drain   = { delay = "5s", duration = "1m" }
log     = { format = "json", level = "debug", access = false }
[access]
publish_secret = "s3cret"
[source.notes]
url     = "publish:"
history = { age = "10m", entries = 100, bytes = "1MB", bytes_total = "2MB" }
[source.fast]
url  = "demo:"
rate = 100
[[route]]
path   = "/notes/{name}"
source = "notes"
start  = "earliest"
end    = "reset"
open   = "id"
[[route]]
path   = "/stream"
topics = ["notes/**", "fast"]
[[route]]
path  = "/**"
files = "public"
)",
                                  {.file = "/etc/sluice/sluice.toml"}, {});
  CHECK(config.listen == ListenAddress{"", 8443});
  CHECK(config.workers == 2);
  CHECK(config.tls.cert == "/etc/sluice/site.pem");  // relative paths begin where the file is
  CHECK(config.tls.key == "/etc/site.key");
  CHECK(config.cors_origins == std::vector<std::string>{"https://app.example.com", "http://localhost:3000"});
  CHECK(config.cors_credentials);
  CHECK(config.retry.min == 1s);
  CHECK(config.retry.max == 60s);
  CHECK(config.heartbeat == 250ms);
  CHECK(config.limits.connections == 50'000);
  CHECK(config.limits.http2.streams == 128);
  CHECK(config.limits.event_size == 65'536);
  CHECK(config.limits.body_size == 1'048'576);
  CHECK(config.limits.http2.resets_rate == 2.5);
  CHECK(!config.admin);
  CHECK(config.drain_delay == 5s);
  CHECK(config.drain_duration == 60s);
  CHECK(config.log_format == Config::LogFormat::json);
  CHECK(config.log_level == "debug");
  CHECK(!config.access_log);
  CHECK(config.publish_secret == "s3cret");
  REQUIRE(config.sources.size() == 2);
  const Source& fast = config.sources[0].name == "fast" ? config.sources[0] : config.sources[1];
  const Source& notes = config.sources[0].name == "fast" ? config.sources[1] : config.sources[0];
  CHECK(fast.rate == 100);
  CHECK(notes.history.bytes == 1'000'000);
  CHECK(notes.history.bytes_total == 2'000'000);
  REQUIRE(config.routes.size() == 3);
  CHECK(config.routes[0].start == Start::earliest);
  CHECK(config.routes[0].end == End::reset);
  CHECK(config.routes[0].open == Open::id);
  CHECK(config.routes[1].topics == std::vector<std::string>{"notes/**", "fast"});
  CHECK(config.routes[2].files == "/etc/sluice/public");
}

TEST_CASE("the command line wins over the environment, the environment over the file, the file over the default") {
  const std::string file = "limits = { streams = 1 }\n";
  const Environment environment{{"SLUICE_LIMITS__STREAMS", "2"}};
  Overrides set, flag;
  set.set = {"limits.streams=3"};
  flag.set = {"limits.streams=3"};
  flag.flags = {{"limits.streams", "4"}};
  CHECK(load_minimal("").limits.streams == 1'000'000);
  CHECK(load_minimal(file).limits.streams == 1);
  CHECK(load_minimal(file, {}, environment).limits.streams == 2);
  CHECK(load_minimal(file, set, environment).limits.streams == 3);
  CHECK(load_minimal(file, flag, environment).limits.streams == 4);
}

TEST_CASE("text from outside takes the type of its key") {
  Overrides overrides;
  overrides.set = {"heartbeat=5s",
                   "workers=auto",
                   "log.access=false",
                   "limits.event_size=2KiB",
                   "cors.origins=https://a.example,https://b.example",
                   "limits.resets_rate=0.5e1",
                   "admin.listen=off"};
  const Config config = load_minimal("", overrides);
  CHECK(config.heartbeat == 5s);
  CHECK(config.workers == 0);
  CHECK(!config.access_log);
  CHECK(config.limits.event_size == 2048);
  CHECK(config.cors_origins == std::vector<std::string>{"https://a.example", "https://b.example"});
  CHECK(config.limits.http2.resets_rate == 5);
  CHECK(!config.admin);
}

TEST_CASE("a variable in the file may stand for a value of any type") {
  const Environment environment{{"STREAMS", "12"}, {"SLUICE_SECRET", "from-outside"}};
  const Config config = load_minimal(
      "limits.streams = \"${STREAMS}\"\nworkers = \"${WORKERS:-3}\"\naccess.publish_secret = \"${SLUICE_SECRET}\"\n",
      {}, environment);
  CHECK(config.limits.streams == 12);
  CHECK(config.workers == 3);
  CHECK(config.publish_secret == "from-outside");
}

TEST_CASE("the environment's name of a key is SLUICE_ and the key in capitals") {
  CHECK(environment_name("limits.streams") == "SLUICE_LIMITS__STREAMS");
  CHECK(environment_name("source.my-orders.history.age") == "SLUICE_SOURCE__MY_ORDERS__HISTORY__AGE");
  CHECK(environment_name("listen") == "SLUICE_LISTEN");
}

TEST_CASE("a mistake from outside names the variable or the option") {
  Overrides overrides;
  overrides.set = {"limits.steams=3",     "heartbeat",     "tls.cert=\xff",
                   "limits.streams=many", "route.path=/x", "source.order.rate=5"};
  overrides.flags = {{"workers", "0"}};
  CHECK(
      error_of(overrides, {{"SLUICE_LIMITS__STREAM", "3"}, {"SLUICE_HEARTBEAT", "15"}}) ==
      "environment SLUICE_HEARTBEAT: `heartbeat` is \"15\", which is no duration; write \"250ms\", \"10s\", \"5m\" or "
      "\"1h\"\n"
      "environment SLUICE_LIMITS__STREAM: unknown key `SLUICE_LIMITS__STREAM`; did you mean "
      "`SLUICE_LIMITS__STREAMS`?\n"
      "--set limits.steams: unknown key `limits.steams`; did you mean `limits.streams`?\n"
      "--set heartbeat: has no `=`; write --set limits.streams=100\n"
      "--set tls.cert: `tls.cert` is not UTF-8; expected path\n"
      "--set limits.streams: `limits.streams` is \"many\"; expected count, 1 to 100000000\n"
      "--set route.path: routes are written in the file only\n"
      "--set source.order.rate: unknown key `source.order.rate`; did you mean `source.orders.rate`?\n"
      "command line: `workers` is 0; expected count, 1 to 256 (event loops; auto: one per core of the affinity and the "
      "cgroup quota)");
}

TEST_CASE("variables that others put beside ours are left alone, and empty ones count as unset") {
  CHECK(error_of({}, {{"SLUICE_PORT", "tcp://10.0.0.1:443"},
                      {"SLUICE_SERVICE_HOST", "10.0.0.1"},
                      {"SLUICE_SECRET", "x"},
                      {"SLUICE_LIMITS__STREAMS", ""}}) == "");
}

TEST_CASE("the secret may come from a file, without its line end") {
  const Folder folder;
  static_cast<void>(folder.write("secret", "t0ken\n"));
  const auto file = folder.write("sluice.toml", std::string("access.publish_secret_file = \"secret\"\n") + minimal);
  const Config config = load({.file = file}, {});
  CHECK(config.publish_secret == "t0ken");
  CHECK(config.publish_secret_file.empty());
}

TEST_CASE("a file that cannot be read says so") {
  const Folder folder;
  const auto what = [&](const std::filesystem::path& file) {
    try {
      static_cast<void>(load({.file = file}, {}));
      return std::string();
    } catch (const ConfigError& error) {
      return std::string(error.what()).substr(folder.path.string().size());
    }
  };
  CHECK(what(folder.path / "none.toml") == "/none.toml: cannot open: No such file or directory");
  CHECK(what(folder.path) == ": is a folder; name a file");
  CHECK(what(folder.write("large.toml", std::string(1024 * 1024 + 1, '#'))) ==
        "/large.toml: is larger than 1 MiB, so it is no configuration of sluice");
}

TEST_CASE("a printed configuration loads to the same configuration") {
  const Config config = load_minimal(
      "tls = { cert = \"/a \\\"b\\\".pem\", key = \"/k\\\\ey.pem\" }\naccess.publish_secret = \"$${x}\"\n"
      "cors.origins = [\"https://a.example\"]\nlimits.resets_rate = 2.5\nadmin.listen = \"off\"\n");
  CHECK(config.publish_secret == "${x}");
  const std::string text = print(config, Secrets::shown);
  const Config again = load_text(text, {}, {});
  CHECK(print(again, Secrets::shown) == text);
  CHECK(again.tls.cert == "/a \"b\".pem");
  CHECK(again.publish_secret == "${x}");
  CHECK(print(config, Secrets::hidden).find("{x}") == std::string::npos);
}
