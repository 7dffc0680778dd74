// Broken files and exactly what a person reads about them.
#include <algorithm>
#include <string>

#include <doctest/doctest.h>

#include "gateway/config/load.h"
#include "gateway/config/schemes.h"

using namespace sluice::config;

namespace {

struct Row {
  const char* name;
  const char* text;
  std::string message;
};

std::string message_of(std::string_view text) {
  try {
    static_cast<void>(load_text(text, {}, {}));
    return {};
  } catch (const ConfigError& error) {
    return error.what();
  }
}

void check_rows(const auto& rows, const std::string& after) {
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(message_of(row.text + after) == row.message);
  }
}

// How the schemes of this build are listed.
std::string built_in() {
  const auto& names = built_in_schemes();
  std::string text;
  for (std::size_t index = 0; index != names.size(); ++index)
    text += (index == 0 ? "`" : index + 1 == names.size() ? " and `" : ", `") + std::string(names[index]) + ":`";
  return text;
}

constexpr const char* rest = "\n[source.a]\nurl = \"demo:\"\n[[route]]\npath = \"/a\"\nsource = \"a\"\n";

}  // namespace

TEST_CASE("an unknown key is named with its place and the nearest key") {
  const Row rows[] = {
      {"a table misspelt", "[limit]\nstreams = 3",
       "sluice.toml:2:1: unknown key `limit.streams`; did you mean `limits.streams`?"},
      {"a key misspelt, inline", "limits = { steams = 3 }",
       "sluice.toml:1:12: unknown key `limits.steams`; did you mean `limits.streams`?"},
      {"a key misspelt, dotted", "limits.steams = 3",
       "sluice.toml:1:8: unknown key `limits.steams`; did you mean `limits.streams`?"},
      {"a key in the wrong table", "event_size = 3",
       "sluice.toml:1:1: unknown key `event_size`; did you mean `limits.event_size`?"},
      {"a top key misspelt", "\n\nhartbeat = \"1s\"",
       "sluice.toml:3:1: unknown key `hartbeat`; did you mean `heartbeat`?"},
      {"nothing near", "zzz = 1", "sluice.toml:1:1: unknown key `zzz`"},
      {"an empty table", "[limts]", "sluice.toml:1:2: unknown key `limts`"},
      {"a quoted name with a dot", "\"limits.streams\" = 3",
       "sluice.toml:1:1: unknown key `limits.streams`; did you mean `limits.streams`?"},
      {"routes for route", "[[routes]]\npath = \"/b\"", "sluice.toml:1:3: unknown key `routes`; did you mean `route`?"},
      {"a source's key", "[source.b]\nurl = \"demo:\"\nrat = 5",
       "sluice.toml:3:1: unknown key `source.b.rat`; did you mean `source.b.rate`?"},
      {"a source's table", "[source.b]\nurl = \"demo:\"\nhistroy.age = \"1m\"",
       "sluice.toml:3:9: unknown key `source.b.histroy.age`; did you mean `source.b.history.age`?"},
      {"a route's key", "[[route]]\npath = \"/b\"\nsource = \"a\"\nstrat = \"now\"",
       "sluice.toml:4:1: unknown key `route.strat`; did you mean `route.start`?"},
  };
  check_rows(rows, rest);
}

TEST_CASE("a value of the wrong type or out of its bounds is named with the remedy") {
  const Row rows[] = {
      {"a string for a count", "limits.streams = \"100\"",
       "sluice.toml:1:18: `limits.streams` is a string; expected count, 1 to 100000000"},
      {"a date", "heartbeat = 2026-11-22", "sluice.toml:1:13: `heartbeat` is a date; expected duration, 100ms to 1h"},
      {"a count too small", "limits.connections = 0",
       "sluice.toml:1:22: `limits.connections` is 0; expected count, 1 to 10000000 (open connections, or as "
       "many as there are descriptors for)"},
      {"a negative count", "limits.topics = -1",
       "sluice.toml:1:17: `limits.topics` is -1; expected count, 1 to 10000000 (topics with state, or being "
       "opened; bounds what invented names cost)"},
      {"a fraction for a count", "limits.topics = 1.5",
       "sluice.toml:1:17: `limits.topics` is a number; expected count, 1 to 10000000"},
      {"NaN", "limits.resets_rate = nan",
       "sluice.toml:1:22: `limits.resets_rate` is nan; expected number, 1 to 1000000 (and per second afterwards; over "
       "it: GOAWAY)"},
      {"a duration without a unit", "heartbeat = 15",
       "sluice.toml:1:13: `heartbeat` has no unit; write \"250ms\", \"10s\", \"5m\" or \"1h\""},
      {"a duration with an unknown unit", "heartbeat = \"15 sec\"",
       "sluice.toml:1:13: `heartbeat` is \"15 sec\", which is no duration; write \"250ms\", \"10s\", \"5m\" or \"1h\""},
      {"a retry that makes a stampede", "retry = { min = \"500ms\" }",
       "sluice.toml:1:17: `retry.min` is 500ms; expected duration, 1s to 1h (shortest reconnection time given; "
       "browsers obey shorter ones at once (Chromium: 3 ms after `retry: 0`))"},
      {"a size with an unknown unit", "limits.event_size = \"1Mb\"",
       "sluice.toml:1:21: `limits.event_size` is \"1Mb\", which is no size; write bytes or \"64KiB\", \"10MB\""},
      {"a size too large",
       "limits.event_size = \"1GiB\"\nlimits.body_size = \"1GiB\"\nlimits.bodies = \"1GiB\"\nlimits.mailbox = \"1GiB\"",
       "sluice.toml:1:21: `limits.event_size` is 1GiB; expected size, 1KiB to 64MiB (data of one published event; "
       "larger: 413)"},
      {"an unknown word", "log.level = \"loud\"",
       "sluice.toml:1:13: `log.level` is \"loud\"; expected \"trace\" or \"debug\" or \"info\" or \"warning\" or "
       "\"error\""},
      {"workers", "workers = \"many\"",
       "sluice.toml:1:11: `workers` is \"many\"; expected \"auto\" or a count, 1 to 256"},
      {"a port", "listen = \":99999\"",
       "sluice.toml:1:10: `listen` is \":99999\": port must be 0 to 65535 (0: the kernel chooses)"},
      {"a string for a list", "cors.origins = \"https://a.example\"",
       "sluice.toml:1:16: `cors.origins` is a string; expected array of strings, \"https://app.example.com\""},
      {"a number in a list", "cors.origins = [1]",
       "sluice.toml:1:16: `cors.origins` holds an integer; expected array of strings, \"https://app.example.com\""},
      {"a value for a table", "limits = 5",
       "sluice.toml:1:10: `limits` is a table; write `limits = { … }` or `[limits]`"},
      {"a table for a value", "heartbeat = { every = \"1s\" }",
       "sluice.toml:1:13: `heartbeat` is a table; expected duration, 100ms to 1h"},
      {"a control character", "tls = { cert = \"a\\u0000\", key = \"b\" }",
       "sluice.toml:1:16: `tls.cert` holds a control character; expected path"},
      {"a variable that is not set", "workers = \"${NOWHERE}\"",
       "sluice.toml:1:11: `${NOWHERE}` is not set in the environment; set it, or write `${NOWHERE:-default}`"},
  };
  check_rows(rows, rest);
}

TEST_CASE("what only the whole file can show is named too") {
  const Row rows[] = {
      {"a certificate without its key", "tls = { cert = \"a.pem\" }",
       "sluice.toml:1:16: `tls.cert` without `tls.key`; both, or neither for a development certificate"},
      {"a wildcard origin", "cors.origins = [\"*\"]",
       "sluice.toml:1:16: `cors.origins` holds \"*\"; write origins as browsers send them: "
       "\"https://app.example.com\", "
       "lower-case, without a path or a wildcard"},
      {"an origin with a path", "cors.origins = [\"https://a.example/\"]",
       "sluice.toml:1:16: `cors.origins` holds \"https://a.example/\"; write origins as browsers send them: "
       "\"https://app.example.com\", lower-case, without a path or a wildcard"},
      {"a range upside down", "retry = { min = \"2m\" }",
       "sluice.toml:1:17: `retry.min` (2m) is above `retry.max` (1m); it must not be"},
      {"an event above a body", "limits.body_size = \"64KiB\"",
       "sluice.toml:1:20: `limits.event_size` (1MiB) is above `limits.body_size` (64KiB); no such event could pass"},
      {"a body above all bodies", "limits.bodies = \"4MiB\"",
       "sluice.toml:1:17: `limits.body_size` (8MiB) is above `limits.bodies` (4MiB); no such body could pass"},
      {"one port for both listeners", "admin.listen = \"127.0.0.1:8443\"",
       "sluice.toml:1:16: `admin.listen` and `listen` both take port 8443; give each its own"},
      {"a secret that no header carries", "access.publish_secret = \"two words\"",
       "sluice.toml:1:25: the publish secret must be visible ASCII without spaces: it travels in a header field"},
      {"a missing secret file", "access.publish_secret_file = \"/nowhere/secret\"",
       "sluice.toml:1:30: `access.publish_secret_file`: cannot read /nowhere/secret; it must be a readable file"},
      {"two secrets", "access = { publish_secret = \"a\", publish_secret_file = \"b\" }",
       "sluice.toml:1:56: `access.publish_secret` and `access.publish_secret_file` exclude each other"},
      {"a source without a url", "[source.b]",
       "sluice.toml:1:9: `source.b` has no `url`; this build has " + built_in()},
      {"an adapter that is not built in", "[source.b]\nurl = \"gopher://localhost\"",
       "sluice.toml:2:7: `source.b.url`: no adapter for `gopher:`; this build has " + built_in()},
      {"something after the scheme", "[source.b]\nurl = \"demo:x\"",
       "sluice.toml:2:7: `source.b.url`: `demo:` takes nothing after the colon"},
      {"a key of another adapter", "[source.b]\nurl = \"publish:\"\nrate = 3",
       "sluice.toml:3:8: `source.b.rate` is a key of `demo:` sources only"},
      {"a source's name", "[source.\"b c\"]\nurl = \"demo:\"",
       "sluice.toml:1:9: `source.b c`: a source's name is [A-Za-z0-9_-]+"},
      {"a ring above the total", "[source.b]\nurl = \"demo:\"\nhistory.bytes = \"1GiB\"",
       "sluice.toml:3:17: `source.b.history.bytes` (1GiB) is above `history.bytes_total` (256MiB); raise the total"},
      {"a source that is no table", "source.b = 5",
       "sluice.toml:1:8: `source.b` is not a source; write `[source.b]` and its `url`"},
      {"a route without a path", "[[route]]\nsource = \"a\"",
       "sluice.toml:1:1: a route without `path`; write `path = \"/orders\"`"},
      {"a path that is none", "[[route]]\npath = \"/x/{y\"\nsource = \"a\"",
       "sluice.toml:2:8: `route.path` \"/x/{y\" has `{y`; a capture is a whole segment: `/{name}`"},
      {"a missing source", "[[route]]\npath = \"/x\"\nsource = \"order\"",
       "sluice.toml:3:10: `route.source`: there is no source `order`"},
      {"a topic of a missing source", "[[route]]\npath = \"/x\"\ntopics = [\"a\", \"fleet/**\"]",
       "sluice.toml:3:10: `route.topics`: there is no source `fleet`"},
      {"a topic with a wildcard inside", "[[route]]\npath = \"/x\"\ntopics = [\"a/*/b\"]",
       "sluice.toml:3:10: `route.topics` \"a/*/b\" has a misplaced `*`; the only wildcard is `/**` at the end"},
      {"a route to nowhere", "[[route]]\npath = \"/x\"",
       "sluice.toml:2:8: the route `/x` has none of `source`, `topics`, `files`; it needs exactly one"},
      {"a route to two places", "[[route]]\npath = \"/x\"\nsource = \"a\"\nfiles = \"public\"",
       "sluice.toml:2:8: the route `/x` has several of `source`, `topics`, `files`; it needs exactly one"},
      {"two equal routes", "[[route]]\npath = \"/x/{y}\"\nsource = \"a\"\n[[route]]\npath = \"/x/{z}\"\nsource = \"a\"",
       "sluice.toml:5:8: `route.path` \"/x/{z}\" matches the same as \"/x/{y}\" at sluice.toml:2:8; two routes cannot "
       "share a path"},
  };
  check_rows(rows, rest);
}

TEST_CASE("a file that serves nothing, or is no TOML, is refused") {
  CHECK(message_of("") == "sluice.toml: no [[route]]: every request would be answered 404; write one");
  CHECK(message_of("route = 5") == "sluice.toml:1:1: `route` is a list; write `[[route]]` for each route");
  CHECK(message_of("route = [5]") == "sluice.toml:1:10: `route` is a list of tables; write `[[route]]` for each route");
  CHECK(message_of("source = 5") == "sluice.toml:1:1: `source` is a table of sources; write `[source.orders]`");
  CHECK(message_of("listen = \n").starts_with("sluice.toml:1:10: not TOML: "));
  CHECK(message_of("a = 1\na = 2\n").starts_with("sluice.toml:2:"));
}

TEST_CASE("all mistakes are reported at once, in the order of the file") {
  const std::string message = message_of(R"(heartbeat = 15
[limit]
streams = 3
[source.orders]
url = "gopher://localhost"
[[route]]
path = "orders"
source = "order"
)");
  CHECK(message ==
        "sluice.toml:1:13: `heartbeat` has no unit; write \"250ms\", \"10s\", \"5m\" or \"1h\"\n"
        "sluice.toml:3:1: unknown key `limit.streams`; did you mean `limits.streams`?\n"
        "sluice.toml:5:7: `source.orders.url`: no adapter for `gopher:`; this build has " +
            built_in() +
            "\n"
            "sluice.toml:7:8: `route.path` \"orders\" must begin with `/`\n"
            "sluice.toml:8:10: `route.source`: there is no source `order`; did you mean `orders`?");
}

TEST_CASE("a value that could not be read causes no second message") {
  CHECK(message_of("[source.a]\nurl = 5\n[[route]]\npath = 6\nsource = [7]\n") ==
        "sluice.toml:2:7: `source.a.url` is an integer; expected string, a URL\n"
        "sluice.toml:4:8: `route.path` is an integer; expected string, a path pattern\n"
        "sluice.toml:5:10: `route.source` is an array; expected string, a source's name");
}

TEST_CASE("after twenty mistakes the rest is counted") {
  std::string text;
  for (int index = 0; index < 25; ++index) text += "zzz" + std::to_string(index) + " = 1\n";
  const std::string message = message_of(text + rest);
  CHECK(std::count(message.begin(), message.end(), '\n') == 20);
  CHECK(message.ends_with("\nand 5 more"));
}
