#include "gateway/command_line.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "bench/figures_table.h"
#include "bench/options.h"
#include "gateway/config/nearest.h"
#include "gateway/config/units.h"
#include "gateway/version.h"

namespace sluice {
namespace {

constexpr int usage_error = 2;

constexpr const char* examples = R"(Examples:
  sluice run                                  a demonstration on https://localhost:8443, no file needed
  sluice run -c sluice.toml --workers 2       from a file, one key from the command line
  sluice check -c sluice.toml                 what is wrong with a file: place, key, remedy
  sluice tail /demo/clock                     events as they come; resumes by itself
  sluice pub greetings 'hello'                one event to the topic `greetings`
  sluice bench --duration 5s                  measure it, or any other server of event streams
  sluice certs --trust                        trust the development certificate on this machine

Any key of the file can be set by --set limits.streams=100 or SLUICE_LIMITS__STREAMS=100.
All keys: docs/configuration.md. Help for a verb: sluice VERB --help)";

CLI::Validator header_shape() {
  return {[](const std::string& text) {
            const std::size_t colon = text.find(':');
            return colon == std::string::npos || colon == 0 ? std::string("write it as 'name: value'") : std::string();
          },
          ""};
}

// CLI::PositiveNumber names its bounds with 309 digits.
CLI::Validator positive() {
  return {[](const std::string& text) {
            // CLI11 itself takes 2^64 for 2^64 - 1.
            return config::parse_count(text).value_or(0) != 0 ? std::string() : text + " is no count from 1";
          },
          ""};
}

void add_configuration(CLI::App& verb, config::Overrides& overrides) {
  verb.add_option("-c,--config", overrides.file, "the TOML file; without it: a demonstration on loopback")
      ->type_name("FILE");
  verb.add_option("--set", overrides.set, "one key of the file, as often as needed: --set limits.streams=100")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

// A flag of its own for a key of the file.
void add_key_flag(CLI::App& verb, config::Overrides& overrides, const std::string& flag, const std::string& key,
                  const std::string& type, const std::string& description) {
  verb.add_option_function<std::string>(
          flag, [&overrides, key](const std::string& value) { overrides.flags.emplace_back(key, value); }, description)
      ->type_name(type);
}

// How tail and pub reach a gateway.
template <class Options>
void add_reach(CLI::App& verb, Options& options) {
  verb.add_option("url", options.url, "a URL, a path (/demo/clock) or a topic (greetings) of https://localhost:8443")
      ->required()
      ->type_name("URL");
  auto* cacert = verb.add_option("--cacert", options.trust.cacert,
                                 "trust this CA, PEM (default: the development CA, then the system)")
                     ->type_name("FILE");
  verb.add_flag("--insecure", options.trust.insecure, "accept any certificate; for experiments only")->excludes(cacert);
  verb.add_option_function<std::vector<std::string>>(
          "-H,--header",
          [&options](const std::vector<std::string>& lines) {
            for (const std::string& line : lines) {
              const std::size_t colon = line.find(':');
              std::string name = line.substr(0, colon);
              std::transform(name.begin(), name.end(), name.begin(),
                             [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
              const std::size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
              options.headers.push_back({std::move(name), line.substr(value)});
            }
          },
          "a request header, 'name: value'")
      ->check(header_shape())
      ->type_name("HEADER")
      ->allow_extra_args(false);
}

// The whole grammar. The verbs' options live here while CLI11 writes into them.
struct Grammar {
  CLI::App app{"sluice: very many event streams over few HTTP/2 connections", "sluice"};
  RunCommand run;
  CheckCommand check;
  client::PubOptions pub;
  client::TailOptions tail;
  bench::Draft bench;
  certs::CertsOptions certs;

  Grammar() {
    app.set_version_flag("--version", version_text());
    app.require_subcommand(1);
    add_run(*app.add_subcommand("run", "start the gateway"));
    add_check(*app.add_subcommand("check", "check a configuration without starting"));
    add_pub(*app.add_subcommand("pub", "publish events to a topic"));
    add_tail(*app.add_subcommand("tail", "print the events of a stream as they come"));
    bench::add_options(*app.add_subcommand("bench", "measure a server of event streams under load"), bench);
    add_certs(*app.add_subcommand("certs", "make, show and trust the development certificate"));
    app.add_subcommand("sources", "list what events can come from, with the keys of each and an example");
    app.add_subcommand("version", "print the version, the libraries, and what was built in");
    app.add_subcommand("reference", "print the keys of docs/configuration.md")->group("");
    app.footer(examples);  // last: verbs made after it would inherit it
  }

  void add_run(CLI::App& verb) {
    add_configuration(verb, run.overrides);
    add_key_flag(verb, run.overrides, "--listen", "listen", "ADDRESS",
                 "where subscribers connect: 127.0.0.1:8443, :8443");
    add_key_flag(verb, run.overrides, "--admin", "admin.listen", "ADDRESS",
                 "dashboard, /metrics, /healthz, /readyz; or off");
    add_key_flag(verb, run.overrides, "--workers", "workers", "COUNT", "event loops, or auto: one per core");
    add_key_flag(verb, run.overrides, "--log-level", "log.level", "LEVEL", "trace, debug, info, warning or error");
  }

  void add_check(CLI::App& verb) {
    add_configuration(verb, check.overrides);
    verb.add_flag("--print", check.print, "also print the whole configuration in force, secrets hidden");
    verb.add_flag("--connect", check.connect, "also reach the engine of every source, as the gateway would");
  }

  void add_pub(CLI::App& verb) {
    add_reach(verb, pub);
    verb.add_option("data", pub.data, "one event's data; - or nothing: from standard input")->type_name("DATA");
    auto* event = verb.add_option("--event", pub.event, "the event's name")->type_name("NAME");
    auto* id = verb.add_option("--id", pub.id, "idempotency key: the same id twice is one event")->type_name("ID");
    auto* key = verb.add_option("--key", pub.key, "the event's key: newer values replace older ones")->type_name("KEY");
    verb.add_option("--secret", pub.secret, "the gateway's access.publish_secret; better in the environment")
        ->envname("SLUICE_SECRET")
        ->type_name("SECRET");
    auto* ndjson = verb.add_flag_callback(
        "--ndjson", [this] { pub.content_type = "application/x-ndjson"; },
        "every line of the input is one event: {\"event\":…,\"data\":…}");
    auto* type =
        verb.add_option("--content-type", pub.content_type, "the body's type, when not text")->type_name("TYPE");
    ndjson->excludes(event)->excludes(id)->excludes(key)->excludes(type);
    verb.footer(
        "Examples:\n"
        "  sluice pub greetings 'hello'\n"
        "  sluice pub greetings --event note --key a < note.txt\n"
        "  sluice pub https://events.example.com/topics/prices --ndjson < prices.ndjson");
  }

  void add_tail(CLI::App& verb) {
    add_reach(verb, tail);
    auto* id = verb.add_option("--last-event-id", tail.last_event_id, "go on after this event")->type_name("ID");
    verb.add_flag("--earliest", tail.earliest, "begin with the oldest event kept")->excludes(id);
    verb.add_option("--count", tail.count, "end after N events")->check(positive())->type_name("N");
    verb.add_flag("--json", tail.json, "one JSON object per event");
    verb.add_flag("--no-reconnect{false}", tail.reconnect, "end with the connection instead of coming back");
    verb.footer(
        "Examples:\n"
        "  sluice tail /demo/clock --count 3\n"
        "  sluice tail '/stream?topic=demo/clock&topic=topics/greetings' --json\n"
        "  sluice tail greetings --earliest");
  }

  void add_certs(CLI::App& verb) {
    verb.add_flag("--trust", certs.trust, "let this machine and its browsers trust the development CA");
    verb.add_flag("--force", certs.renew, "a new server certificate though the present one is good; the CA stays");
    verb.add_option("--dir", certs.directory, "where the certificates are kept")->type_name("DIRECTORY");
    verb.add_option("--name", certs.names, "one more name for the certificate, as often as needed")
        ->type_name("NAME")
        ->allow_extra_args(false);
  }

  Command chosen() {
    if (app.got_subcommand("run")) return run;
    if (app.got_subcommand("check")) return check;
    if (app.got_subcommand("pub")) {
      if (pub.data == "-") pub.data.reset();
      return pub;
    }
    if (app.got_subcommand("tail")) return tail;
    if (app.got_subcommand("bench")) return bench::make_command(bench);
    if (app.got_subcommand("certs")) return certs;
    if (app.got_subcommand("sources")) return SourcesCommand{};
    if (app.got_subcommand("reference")) return ReferenceCommand{};
    return VersionCommand{};
  }
};

// "; did you mean `--rate`?" when a flag that no verb knows was typed.
std::string nearest_flag(const CLI::App& app) {
  for (const CLI::App* verb : app.get_subcommands()) {
    std::vector<std::string> known;
    for (const CLI::Option* option : verb->get_options())
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    for (const std::string& typed : verb->remaining())
      if (typed.starts_with("--"))
        return config::did_you_mean(std::string_view(typed).substr(0, typed.find('=')), known);
  }
  return {};
}

}  // namespace

std::variant<Command, UsageText> parse_command_line(std::vector<std::string> arguments) {
  Grammar grammar;
  if (arguments.empty()) return UsageText{grammar.app.help(), usage_error};
  const std::string typed = bench::typed_command(arguments);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  try {
    grammar.app.parse(std::move(arguments));
    if (grammar.bench.list_figures) return UsageText{bench::figures_table(), 0};
    Command command = grammar.chosen();
    if (auto* bench = std::get_if<bench::Command>(&command)) bench->typed = typed;
    return command;
  } catch (const std::invalid_argument& error) {
    return UsageText{fmt::format("sluice bench: {}\n", error.what()), usage_error};
  } catch (const CLI::ExtrasError& error) {
    // The mistake that everybody makes once: `sluice check sluice.toml`.
    const bool file = std::string_view(error.what()).find(".toml") != std::string_view::npos;
    return UsageText{
        fmt::format("sluice: {}{}\n", error.what(), file ? ": name a file with -c" : nearest_flag(grammar.app)),
        usage_error};
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, errors;
    const int code = grammar.app.exit(error, out, errors);
    if (code == 0) return UsageText{out.str(), 0};
    return UsageText{"sluice: " + errors.str(), usage_error};
  }
}

}  // namespace sluice
