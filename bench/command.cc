#include "bench/command.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "bench/payload.h"
#include "bench/plan_names.h"
#include "bench/presets.h"

namespace sluice::bench {
namespace {

constexpr double default_rate = 100;
constexpr unsigned default_connections = 10, default_streams = 10;

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

proto::Field parse_field(const std::string& line) {
  const std::size_t colon = line.find(':');
  std::string name = line.substr(0, colon);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return {std::move(name), line.substr(std::min(line.find_first_not_of(' ', colon + 1), line.size()))};
}

std::vector<proto::Field> fields_of(const std::vector<std::string>& headers, const std::string& token) {
  std::vector<proto::Field> fields;
  if (!token.empty()) fields.push_back({"authorization", "Bearer " + token});
  for (const std::string& line : headers) fields.push_back(parse_field(line));
  return fields;
}

void only_with(bool typed, std::string_view flag, bool fits, std::string_view scenario) {
  if (typed && !fits) refuse(fmt::format("{} is for --scenario {} only", flag, scenario));
}

Scenario scenario_of(const Draft& draft) {
  const Scenario scenario = scenario_names().at(draft.scenario);
  const bool ramp = scenario == Scenario::ramp, slow = scenario == Scenario::slow_reader;
  const bool storm = scenario == Scenario::storm || scenario == Scenario::drain;
  only_with(draft.ramp.has_value(), "--ramp", ramp, "ramp");
  only_with(draft.ramp_from.has_value(), "--ramp-from", ramp, "ramp");
  only_with(draft.ramp_to.has_value(), "--ramp-to", ramp, "ramp");
  only_with(draft.ramp_factor.has_value(), "--ramp-factor", ramp, "ramp");
  only_with(draft.ramp_step.has_value(), "--ramp-step", ramp, "ramp");
  only_with(draft.ramp_p99.has_value(), "--ramp-p99", ramp, "ramp");
  only_with(draft.ramp_delivered.has_value(), "--ramp-delivered", ramp, "ramp");
  only_with(draft.restart_command.has_value(), "--restart-cmd", storm, "storm and drain");
  only_with(draft.settle.has_value(), "--settle", storm, "storm and drain");
  only_with(draft.slow_share.has_value(), "--slow-share", slow, "slow-reader");
  only_with(draft.slow_rate.has_value(), "--slow-rate", slow, "slow-reader");
  only_with(draft.events_before_idle.has_value(), "--events-before-idle", scenario == Scenario::idle, "idle");
  if (scenario == Scenario::drain && !draft.restart_command)
    refuse("--scenario drain needs --restart-cmd 'COMMAND': what tells the server to leave, as in 'kill -TERM PID'");
  return scenario;
}

client::Target target_of(const Draft& draft, const Preset* preset) {
  client::Target target = client::parse_target(draft.url.value_or("https://localhost:8443"));
  const Preset& named = preset != nullptr ? *preset : *find_preset("sluice");
  // A server of another kind has its paths from its URL alone.
  if ((preset != nullptr || !draft.url) && target.path == "/" && target.query.empty()) {
    target.path = named.subscribe_path;
    target.query = named.subscribe_query;
  }
  return target;
}

Crowd crowd_of(const Draft& draft, const Preset* preset, Scenario scenario) {
  Crowd crowd;
  crowd.target = target_of(draft, preset);
  crowd.trust = draft.trust;
  crowd.wire = draft.http1 ? Wire::http1 : draft.http2 ? Wire::http2 : Wire::automatic;
  const bool one_each = crowd.wire == Wire::http1 || (crowd.wire == Wire::automatic && !crowd.target.tls);
  crowd.connections = draft.connections.value_or(default_connections);
  crowd.streams = draft.streams.value_or(one_each || scenario == Scenario::handshakes ? 1 : default_streams);
  if (one_each && crowd.streams > 1)
    refuse(fmt::format("HTTP/1.1 carries one stream on a connection: write --connections {} instead of --streams",
                       std::uint64_t{crowd.connections} * crowd.streams));
  crowd.topics = draft.topics.value_or(1);
  const bool placed = (crowd.target.path + crowd.target.query).find("{i}") != std::string::npos;
  if (crowd.topics > 1 && !placed)
    refuse(fmt::format("--topics {} needs {{i}} in the URL, the number of the topic: {}/topics/t{{i}}", crowd.topics,
                       std::string(crowd.target.scheme()) + "://" + crowd.target.authority()));
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  crowd.threads = std::min(draft.threads.value_or(std::max(1U, cores / 2)), crowd.connections);
  crowd.fields = fields_of(draft.headers, draft.token);
  crowd.last_event_id = draft.last_event_id;
  crowd.source_addresses = draft.source_addresses;
  if (draft.stream_window) crowd.stream_window = static_cast<std::uint32_t>(*draft.stream_window);
  crowd.open_rate = draft.open_rate.value_or(0);
  return crowd;
}

// Where events are published: what was typed, what the preset says, or where the streams come from.
client::Target publish_target(const Draft& draft, const Preset& preset, const client::Target& streams) {
  if (draft.publish_url) return client::parse_target(*draft.publish_url);
  client::Target target = streams;
  if (preset.publish_port != 0) {
    target.port = preset.publish_port;
    target.tls = preset.publish_tls;
  }
  if (!preset.publish_path.empty()) {
    target.path = preset.publish_path;
    target.query = preset.publish_query;
  }
  return target;
}

void check_publishing(const Draft& draft, bool silent) {
  const bool typed = draft.publish_url || draft.publish_body || draft.publish_method || draft.publish_command ||
                     !draft.publish_headers.empty() || draft.batch || draft.rate || draft.one_at_a_time;
  if (draft.no_publish && typed)
    refuse("--no-publish publishes nothing: leave out --rate and the other flags of publishing");
  if (silent && typed)
    refuse(fmt::format("--scenario {} publishes nothing: leave out --rate and the other flags of publishing",
                       draft.scenario));
  if (draft.publish_command && (draft.publish_url || draft.publish_body || draft.publish_method ||
                                !draft.publish_headers.empty() || draft.preset || draft.batch))
    refuse(
        "--publish-cmd publishes by itself: leave out --preset, --publish-url and the other flags of HTTP publishing");
  if (draft.one_at_a_time && draft.rate) refuse("--one-at-a-time has its own pace: leave out --rate");
  if (draft.one_at_a_time && draft.batch.value_or(1) > 1) refuse("--one-at-a-time and --batch contradict each other");
}

Publishing publishing_of(const Draft& draft, const Preset* preset, const Crowd& crowd, Scenario scenario) {
  // An idle run publishes only what comes before it measures.
  const bool silent =
      (scenario == Scenario::idle && draft.events_before_idle.value_or(0) == 0) || scenario == Scenario::handshakes;
  check_publishing(draft, silent);
  Publishing publishing;
  const Preset& named = preset != nullptr ? *preset : *find_preset("sluice");
  publishing.payload_bytes = static_cast<std::size_t>(draft.payload.value_or(100));
  if (publishing.payload_bytes < payload_bytes_min)
    refuse(fmt::format("--payload {}: an event's number and time take {} bytes", publishing.payload_bytes,
                       payload_bytes_min));
  publishing.one_at_a_time = draft.one_at_a_time || (scenario == Scenario::idle && !draft.rate);
  publishing.rate = publishing.one_at_a_time ? 0 : draft.rate.value_or(default_rate);
  publishing.in_flight = draft.in_flight.value_or(8);
  publishing.batch = draft.batch.value_or(1);
  publishing.kind = Publishing::Kind::http;
  if (draft.no_publish || silent) publishing.kind = Publishing::Kind::none;
  if (draft.publish_command) {
    publishing.kind = Publishing::Kind::command;
    publishing.command = *draft.publish_command;
  }
  publishing.target = publish_target(draft, named, crowd.target);
  publishing.method = draft.publish_method.value_or("POST");
  publishing.body = draft.publish_body.value_or(std::string(named.body));
  if (publishing.kind == Publishing::Kind::http && publishing.body.find("{data") == std::string::npos)
    refuse("--publish-body needs {data} (or {data:url}, percent-encoded): where an event's number and time go");
  if (publishing.batch > 1 && draft.publish_body)
    refuse("--batch writes NDJSON bodies of its own: leave out --publish-body");
  publishing.fields = fields_of(draft.publish_headers, draft.publish_token);
  if (proto::find_field(publishing.fields, "content-type").empty())
    publishing.fields.push_back(
        {"content-type", publishing.batch > 1 ? "application/x-ndjson" : std::string(named.content_type)});
  return publishing;
}

RampPlan ramp_of(const Draft& draft) {
  RampPlan ramp;
  if (draft.ramp == "streams") ramp.what = RampPlan::What::streams;
  ramp.from = draft.ramp_from.value_or(ramp.from);
  ramp.to = draft.ramp_to.value_or(ramp.to);
  ramp.factor = draft.ramp_factor.value_or(ramp.factor);
  ramp.step = draft.ramp_step.value_or(ramp.step);
  ramp.p99_max = draft.ramp_p99.value_or(ramp.p99_max);
  ramp.delivered_share_min = draft.ramp_delivered.value_or(ramp.delivered_share_min);
  if (ramp.from <= 0) refuse("--ramp-from must be above 0: the first step");
  if (ramp.to < ramp.from) refuse("--ramp-to is below --ramp-from: a ramp rises");
  if (ramp.factor <= 1) refuse("--ramp-factor must be above 1: each step is so many times the last");
  return ramp;
}

void check_servers(const std::vector<pid_t>& servers) {
  for (const pid_t pid : servers)
    if (!std::filesystem::exists(fmt::format("/proc/{}/stat", pid)))
      refuse(fmt::format("--server-pid {}: there is no such process", pid));
}

}  // namespace

Command make_command(const Draft& draft) {
  const Preset* preset = draft.preset ? find_preset(*draft.preset) : nullptr;
  Command command;
  Plan& plan = command.plan;
  plan.scenario = scenario_of(draft);
  plan.crowd = crowd_of(draft, preset, plan.scenario);
  plan.publishing = publishing_of(draft, preset, plan.crowd, plan.scenario);
  plan.ramp = ramp_of(draft);
  plan.storm.restart_command = draft.restart_command.value_or("");
  plan.storm.settle = draft.settle.value_or(plan.storm.settle);
  plan.slow.share = draft.slow_share.value_or(plan.slow.share);
  plan.slow.bytes_per_second = draft.slow_rate.value_or(plan.slow.bytes_per_second);
  if (plan.slow.share <= 0 || plan.slow.share >= 1)
    refuse("--slow-share must lie between 0 and 1 (10%): the others are what is measured");
  plan.warmup = draft.warmup.value_or(plan.warmup);
  plan.duration = draft.duration.value_or(plan.duration);
  if (plan.duration.count() == 0) refuse("--duration must be above 0");
  check_servers(draft.servers);
  plan.servers = draft.servers;
  plan.spin = draft.spin;
  plan.events_before_idle = draft.events_before_idle.value_or(0);
  if (draft.expect_events && !draft.no_publish)
    refuse("--expect-events is what others publish: write --no-publish with it");
  plan.expected_events = draft.expect_events.value_or(0);
  if (draft.epoch) plan.epoch = std::chrono::steady_clock::time_point(std::chrono::nanoseconds(*draft.epoch));
  plan.announce_open = draft.announce_open;
  for (const std::string& list : draft.expect)
    for (const Expectation& expectation : parse_expectations(list)) command.expectations.push_back(expectation);
  command.compare = draft.compare;
  command.report = draft.report;
  command.json = draft.json;
  command.quiet = draft.quiet;
  return command;
}

}  // namespace sluice::bench
