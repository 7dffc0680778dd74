#include "bench/options.h"

#include <cmath>
#include <limits>
#include <string_view>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "bench/plan_names.h"
#include "bench/presets.h"
#include "gateway/config/units.h"

namespace sluice::bench {
namespace {

constexpr const char* examples = R"(Examples:
  sluice bench                                      100 streams of `sluice run` in another terminal, 100 events/s
  sluice bench 'https://host/topics/t{i}' -c 100 -s 100 --topics 10 --rate 1k --duration 30s \
      --expect 'p99<50ms,lost=0' --json run.json --report run.html
  sluice bench https://hub.example.com --preset mercure --publish-token "$JWT" --scenario storm

Durations: 500ms, 10s, 5m. Numbers: 10k, 2M. Sizes: 64KiB, 1MB. In URLs and bodies {i} is the topic's number.
Exit code: 0 clean, 1 failed or not clean, 2 wrongly called, 3 clean but an expectation missed. Ctrl-C ends early
and still reports. Figures, scenarios and reports: docs/benchmarking.md)";

[[noreturn]] void refuse(const std::string& flag, const std::string& text, std::string_view remedy) {
  throw CLI::ValidationError(flag, fmt::format("`{}` is not what it takes: write it as {}", text, remedy));
}

CLI::Validator header_shape() {
  return {[](const std::string& text) {
            const std::size_t colon = text.find(':');
            return colon == std::string::npos || colon == 0 ? std::string("write it as 'name: value'") : std::string();
          },
          ""};
}

// Writes the options of one room of the draft; `group` is their heading in --help.
class Options {
 public:
  Options(CLI::App& verb, std::string group) : verb_(verb), group_(std::move(group)) {}

  CLI::Option* flag(const std::string& name, bool& to, const std::string& about) {
    return verb_.add_flag(name, to, about)->group(group_);
  }
  template <class Text>
  CLI::Option* text(const std::string& name, Text& to, const std::string& type, const std::string& about) {
    return verb_.add_option(name, to, about)->group(group_)->type_name(type);
  }
  CLI::Option* texts(const std::string& name, std::vector<std::string>& to, const std::string& type,
                     const std::string& about) {
    return verb_.add_option(name, to, about)->group(group_)->type_name(type)->allow_extra_args(false);
  }
  // A whole number from 1, "10k" included.
  CLI::Option* count(const std::string& name, std::optional<unsigned>& to, const std::string& shown,
                     const std::string& about) {
    return parsed(name, "N", shown, about, [name, &to](const std::string& text) {
      const std::optional<double> number = parse_quantity(text, Unit::count);
      if (!number || *number < 1 || *number != std::floor(*number) || *number > std::numeric_limits<unsigned>::max())
        refuse(name, text, "a whole number from 1, as in 100 or 10k");
      to = static_cast<unsigned>(*number);
    });
  }
  CLI::Option* quantity(const std::string& name, std::optional<double>& to, Unit unit, const std::string& type,
                        const std::string& shown, const std::string& about, double most = 1e15) {
    return parsed(name, type, shown, about, [name, unit, most, &to](const std::string& text) {
      to = parse_quantity(text, unit);
      if (!to) refuse(name, text, example_of(unit));
      if (*to > most) throw CLI::ValidationError(name, fmt::format("{} at most", quantity_text(most, unit)));
    });
  }
  CLI::Option* duration(const std::string& name, std::optional<std::chrono::milliseconds>& to, const std::string& shown,
                        const std::string& about) {
    return parsed(name, "TIME", shown, about, [name, &to](const std::string& text) {
      to = config::parse_duration(text);
      if (!to) refuse(name, text, "a whole number with its unit: 500ms, 10s, 5m");
      if (*to > std::chrono::hours(24 * 7)) throw CLI::ValidationError(name, "a week at most");
    });
  }

 private:
  template <class Parse>
  CLI::Option* parsed(const std::string& name, const std::string& type, const std::string& shown,
                      const std::string& about, Parse parse) {
    CLI::Option* option = verb_.add_option_function<std::string>(name, parse, about);
    option->group(group_)->type_name(type);
    if (!shown.empty()) option->default_str(shown);
    return option;
  }

  CLI::App& verb_;
  std::string group_;
};

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& preset : presets()) names.emplace_back(preset.name);
  return names;
}

// CLI::IsMember lists an enum's names without an order of ours.
CLI::Validator one_of(std::vector<std::string> names) {
  return {[names = std::move(names)](const std::string& text) {
            for (const std::string& name : names)
              if (name == text) return std::string();
            return fmt::format("`{}` is none of {}", text, CLI::detail::join(names, ", "));
          },
          ""};
}

std::vector<std::string> scenario_list() {
  std::vector<std::string> names;
  for (const auto& [name, scenario] : scenario_names()) names.push_back(name);
  return names;
}

void add_crowd(CLI::App& verb, Draft& draft) {
  verb.add_option("url", draft.url, "the event streams; {i}: the topic's number (https://localhost:8443/topics/t{i})")
      ->type_name("URL");
  Options crowd(verb, "Streams");
  crowd.count("-c,--connections", draft.connections, "10", "connections");
  crowd.count("-s,--streams", draft.streams, "10", "streams on each (HTTP/1.1: 1)");
  crowd.count("--topics", draft.topics, "1", "stream i follows topic i modulo N");
  CLI::Option* http1 = crowd.flag("--http1", draft.http1, "HTTP/1.1, whatever the server offers");
  crowd.flag("--http2", draft.http2, "HTTP/2; on http:// by prior knowledge")->excludes(http1);
  crowd.texts("-H,--header", draft.headers, "HEADER", "a field of each stream's request, 'name: value'; repeatable")
      ->check(header_shape());
  crowd.text("--token", draft.token, "TOKEN", "authorization: Bearer TOKEN, of each stream");
  crowd.text("--last-event-id", draft.last_event_id, "ID", "where each stream's first request goes on");
  CLI::Option* cacert = crowd.text("--cacert", draft.trust.cacert, "FILE",
                                   "trust this CA, PEM (default: the development CA, then the system)");
  crowd.flag("--insecure", draft.trust.insecure, "accept any certificate; for experiments only")->excludes(cacert);
  crowd.quantity("--open-rate", draft.open_rate, Unit::per_second, "N", "", "connections a second while they open");
  crowd.texts("--source-address", draft.source_addresses, "ADDRESS",
              "connect from this address; repeatable, in turn: each has 28,000 ports");
  crowd.quantity("--stream-window", draft.stream_window, Unit::bytes, "SIZE", "6MiB",
                 "receive window of an HTTP/2 stream", 2147483647);
  crowd.count("--threads", draft.threads, "half the cores", "threads of this client");
  crowd.flag("--spin", draft.spin, "poll instead of sleeping: the server does not pay for waking this client");
}

void add_events(CLI::App& verb, Draft& draft) {
  Options events(verb, "Events");
  events.quantity("--rate", draft.rate, Unit::per_second, "N", "100",
                  "events a second, each at its time, late or not; 0: as fast as acknowledged");
  events.quantity("--payload", draft.payload, Unit::bytes, "SIZE", "100", "data of an event", 16 * 1048576);
  events.flag("--one-at-a-time", draft.one_at_a_time, "the next event when everybody has the last");
  events.count("--in-flight", draft.in_flight, "8", "publishes under way at once, with --rate 0");
  events.count("--batch", draft.batch, "1", "events in one NDJSON body, for servers that take it");
  std::string known;
  for (const Preset& preset : presets())
    known += fmt::format("{}{}: {}", known.empty() ? "" : "; ", preset.name, preset.about);
  events.text("--preset", draft.preset, "NAME", "how to subscribe and publish. " + known)
      ->check(one_of(preset_names()));
  events.text("--publish-url", draft.publish_url, "URL", "where to publish (default: the URL of the streams)");
  events.text("--publish-method", draft.publish_method, "METHOD", "default: POST");
  events.text("--publish-body", draft.publish_body, "TEXT",
              "with {data} or {data:url} (percent-encoded), {i}, {event}");
  events.texts("--publish-header", draft.publish_headers, "HEADER", "a field of each publish; repeatable")
      ->check(header_shape());
  events.text("--publish-token", draft.publish_token, "TOKEN", "authorization: Bearer TOKEN, of each publish")
      ->envname("SLUICE_SECRET");
  CLI::Option* command =
      events.text("--publish-cmd", draft.publish_command, "COMMAND",
                  "started once; gets a line `topic data` for each event, to publish it in your way");
  events.flag("--no-publish", draft.no_publish, "only listen to what the server sends")->excludes(command);
  Options others(verb, "Events of others (with --no-publish)");
  verb.add_option("--expect-events", draft.expect_events, "end when each stream has N events of its topic")
      ->group("Events of others (with --no-publish)")
      ->type_name("N");
  verb.add_option("--epoch", draft.epoch, "what the payloads' times count from: ns of CLOCK_MONOTONIC")
      ->group("Events of others (with --no-publish)")
      ->type_name("NS");
  others.flag("--announce-open", draft.announce_open, "print `open` when all streams are");
}

void add_scenario(CLI::App& verb, Draft& draft) {
  Options run(verb, "Run");
  run.text("--scenario", draft.scenario, "NAME",
           "steady; ramp: up until a limit is crossed; storm: everybody comes back at once; slow-reader; drain: the "
           "server leaves; idle: memory; handshakes: new connections")
      ->check(one_of(scenario_list()))
      ->default_str("steady");
  run.duration("--duration", draft.duration, "10s", "how long is measured");
  run.duration("--warmup", draft.warmup, "1s", "how long events flow before");
  verb.add_option("--server-pid", draft.servers, "read this process' CPU time and memory; repeatable")
      ->group("Run")
      ->type_name("PID")
      ->allow_extra_args(false);
  Options ramp(verb, "Scenario ramp");
  ramp.text("--ramp", draft.ramp, "WHAT", "rate or streams: what rises (default: rate)")
      ->check(one_of({"rate", "streams"}));
  ramp.quantity("--ramp-from", draft.ramp_from, Unit::count, "N", "100", "the first step");
  ramp.quantity("--ramp-to", draft.ramp_to, Unit::count, "N", "1M", "the last");
  ramp.quantity("--ramp-factor", draft.ramp_factor, Unit::count, "X", "1.5", "each step is so many times the last");
  ramp.duration("--ramp-step", draft.ramp_step, "5s", "how long a step is measured");
  ramp.duration("--ramp-p99", draft.ramp_p99, "100ms", "ends when p99 is above");
  ramp.quantity("--ramp-delivered", draft.ramp_delivered, Unit::share, "SHARE", "99%",
                "ends when less of what was offered arrives", 1);
  Options storm(verb, "Scenarios storm and drain");
  storm.text("--restart-cmd", draft.restart_command, "COMMAND",
             "run by /bin/sh to restart the server; without it the client drops its connections");
  storm.duration("--settle", draft.settle, "1m", "how long it may take until all are back");
  Options slow(verb, "Scenario slow-reader");
  slow.quantity("--slow-share", draft.slow_share, Unit::share, "SHARE", "10%", "of the streams that read slowly", 1);
  slow.quantity("--slow-rate", draft.slow_rate, Unit::bytes_per_second, "SIZE", "0", "bytes a second that they read");
  Options idle(verb, "Scenario idle");
  idle.count("--events-before-idle", draft.events_before_idle, "", "events that every stream gets before");
}

void add_results(CLI::App& verb, Draft& draft) {
  Options results(verb, "Results");
  results.texts("--expect", draft.expect, "LIST", "what the figures must be: 'p99<50ms,lost=0'; missed: exit code 3");
  results.text("--json", draft.json, "FILE", "all that was measured as one line of JSON; -: standard output");
  results.text("--report", draft.report, "FILE.html", "one page with plots, nothing but itself needed");
  results.text("--compare", draft.compare, "FILE", "ratios to an earlier run's --json");
  results.flag("-q,--quiet", draft.quiet, "neither live view nor summary");
  results.flag("--list-figures", draft.list_figures, "print the figures that --expect knows, and end");
}

}  // namespace

void add_options(CLI::App& verb, Draft& draft) {
  add_crowd(verb, draft);
  add_events(verb, draft);
  add_scenario(verb, draft);
  add_results(verb, draft);
  verb.footer(examples);
}

}  // namespace sluice::bench
