#include "bench/outcome_json.h"

#include <cmath>
#include <ctime>
#include <map>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "bench/plan_json.h"

namespace sluice::bench {
namespace {

namespace json = boost::json;

// Whole numbers without Boost.JSON's exponent.
json::value number(double value) {
  if (std::abs(value) < 9e15 && value == std::floor(value)) return static_cast<std::int64_t>(value);
  return value;
}

json::array pairs(const Histogram& histogram) {
  json::array buckets;
  histogram.for_each_bucket([&](std::uint64_t top, std::uint64_t count) {
    buckets.push_back(json::array{top, count});
  });
  return buckets;
}

json::object faults_json(const Faults& faults) {
  return {{"lost", faults.lost},
          {"repeated", faults.repeated},
          {"reordered", faults.reordered},
          {"malformed", faults.malformed},
          {"gaps", faults.gaps}};
}

// Of the topics only those where something is wrong: there may be 100,000.
json::array faulty_topics(const Outcome& outcome) {
  json::array topics;
  for (std::size_t index = 0; index < outcome.topics.size(); ++index) {
    const Faults& faults = outcome.topics[index];
    if (faults.lost + faults.repeated + faults.reordered + faults.malformed + faults.gaps == 0) continue;
    json::object topic = faults_json(faults);
    topic["topic"] = index;
    topics.push_back(std::move(topic));
  }
  return topics;
}

template <class Of>
json::array column(const Outcome& outcome, Of of) {
  json::array values;
  values.reserve(outcome.bins.size());
  for (const Bin& bin : outcome.bins) values.push_back(of(bin));
  return values;
}

json::object bins_json(const Outcome& outcome) {
  return {
      {"milliseconds", outcome.bin.count()},
      {"measured_from_seconds", number(outcome.measured_from_seconds)},
      {"published", column(outcome, [](const Bin& bin) { return bin.published; })},
      {"deliveries", column(outcome, [](const Bin& bin) { return bin.deliveries; })},
      {"bytes", column(outcome, [](const Bin& bin) { return bin.bytes; })},
      {"opened", column(outcome, [](const Bin& bin) { return bin.opened; })},
      {"reconnects", column(outcome, [](const Bin& bin) { return bin.reconnects; })},
      {"ended", column(outcome, [](const Bin& bin) { return bin.ended; })},
      {"latency_p50_ns", column(outcome, [](const Bin& bin) { return bin.latency_p50_ns; })},
      {"latency_p99_ns", column(outcome, [](const Bin& bin) { return bin.latency_p99_ns; })},
      {"latency_max_ns", column(outcome, [](const Bin& bin) { return bin.latency_max_ns; })},
  };
}

json::array servers_json(const Outcome& outcome) {
  json::array servers;
  for (const ServerFigures& server : outcome.servers)
    servers.push_back(json::object{{"pid", server.pid},
                                   {"cpu_seconds", number(server.cpu_seconds)},
                                   {"rss_before_bytes", server.rss_before_bytes},
                                   {"rss_bytes", server.rss_bytes},
                                   {"pss_before_bytes", server.pss_before_bytes},
                                   {"pss_bytes", server.pss_bytes},
                                   {"rss_peak_bytes", server.rss_peak_bytes}});
  return servers;
}

json::object storm_json(const StormFigures& storm) {
  std::map<std::uint64_t, std::uint64_t> held;  // milliseconds → streams
  for (const std::uint64_t retry : storm.retry_held_ms) ++held[retry];
  json::array retries;
  for (const auto& [retry, streams] : held) retries.push_back(json::array{retry, streams});
  return {{"dropped", storm.dropped},
          {"back", storm.back},
          {"all_back_seconds", number(storm.all_back_seconds)},
          {"arrivals_peak", storm.arrivals_peak},
          {"arrivals_peak_at_seconds", number(storm.arrivals_peak_at_seconds)},
          {"failed_attempts", storm.failed_attempts},
          {"server_exit_seconds", number(storm.server_exit_seconds)},
          {"retry_held_ms", std::move(retries)},
          {"away_ns", pairs(storm.away)},
          {"reopen_ns", pairs(storm.reopen)}};
}

json::array ramp_json(const Outcome& outcome) {
  json::array steps;
  for (const RampStep& step : outcome.ramp)
    steps.push_back(json::object{{"offered", number(step.offered)},
                                 {"delivered_share", number(step.delivered_share)},
                                 {"p50_ms", number(static_cast<double>(step.latency.quantile(0.5)) / 1e6)},
                                 {"p99_ms", number(static_cast<double>(step.latency.quantile(0.99)) / 1e6)},
                                 {"server_cpu", number(step.server_cpu_share)},
                                 {"lost", step.lost},
                                 {"refused", step.refused},
                                 {"broken", step.broken},
                                 {"latency_ns", pairs(step.latency)}});
  return steps;
}

json::array judgements_json(const Verdict& verdict) {
  json::array judgements;
  for (const Judgement& judgement : verdict.judgements)
    judgements.push_back(json::object{{"expectation", judgement.expectation.text()},
                                      {"value", judgement.value ? number(*judgement.value) : json::value()},
                                      {"met", judgement.met}});
  return judgements;
}

json::object latency_json(const Outcome& outcome) {
  json::object latency;
  for (const char* name : {"p50", "p90", "p99", "p99.9", "max"})
    latency[name] = number(find_figure(name)->of(outcome).value_or(0));
  return latency;
}

// The keys that scripts of before --json FILE read.
void add_totals(json::object& run, const Outcome& outcome) {
  run["seconds"] = number(outcome.seconds);
  run["published"] = outcome.published;
  run["deliveries"] = outcome.deliveries;
  run["bytes"] = outcome.bytes;
  run["handshakes"] = outcome.handshakes;
  run["connections"] = outcome.connections;
  run["streams"] = outcome.streams;
  run["reconnects"] = outcome.reconnects;
  run["ended"] = outcome.ended;
  run["refused"] = outcome.refused_publishes;
  run["closed_for_good"] = outcome.closed_for_good;
  for (auto& [name, count] : faults_json(outcome.total)) run[name] = count;
  run["client_cpu_seconds"] = number(outcome.client.cpu_seconds);
  run["latency_ms"] = latency_json(outcome);
  if (outcome.servers.empty()) return;
  double cpu = 0;
  std::int64_t rss = 0, pss = 0, peak = 0;
  for (const ServerFigures& server : outcome.servers) {
    cpu += server.cpu_seconds;
    rss += server.rss_bytes - server.rss_before_bytes;
    pss += server.pss_bytes - server.pss_before_bytes;
    peak += server.rss_peak_bytes;
  }
  run["server_cpu_seconds"] = number(cpu);
  run["rss_bytes"] = rss;
  run["pss_bytes"] = pss;
  run["peak_rss_bytes"] = peak;
}

}  // namespace

std::string utc_text(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[sizeof "2026-11-30T08:15:00Z-and-some-room"];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string outcome_json(const RunReport& report) {
  const Outcome& outcome = report.outcome;
  const Verdict& verdict = report.verdict;
  json::object run{{"format", "sluice-bench/1"},         {"sluice", SLUICE_VERSION},
                   {"command", report.command},          {"began", utc_text(outcome.began_unix_seconds)},
                   {"scenario", outcome.scenario},       {"url", outcome.url},
                   {"offered", outcome.offered},         {"failure", outcome.failure},
                   {"interrupted", outcome.interrupted}, {"clean", verdict.clean()},
                   {"verdict", verdict.text()}};
  add_totals(run, outcome);
  json::object& figures = run["figures"].emplace_object();
  for (const Figure& figure : figures_of(outcome)) figures[figure.kind->name] = number(figure.value);
  run["expectations"] = judgements_json(verdict);
  json::array& warnings = run["warnings"].emplace_array();
  for (const std::string& warning : outcome.warnings) warnings.emplace_back(warning);
  run["plan"] = plan_json(report.plan);
  run["client"] = json::object{{"threads", outcome.client.threads},
                               {"cpu_seconds", number(outcome.client.cpu_seconds)},
                               {"busiest_thread_share", number(outcome.client.busiest_thread_share)},
                               {"bytes_per_stream", outcome.client.bytes_per_stream},
                               {"bytes_per_connection", outcome.client.bytes_per_connection}};
  run["servers"] = servers_json(outcome);
  run["topics_with_faults"] = faulty_topics(outcome);
  if (outcome.storm) run["storm"] = storm_json(*outcome.storm);
  if (!outcome.ramp.empty()) run["ramp"] = ramp_json(outcome);
  if (outcome.slow)
    run["slow_reader"] = json::object{{"slow_streams", outcome.slow->slow_streams},
                                      {"ended", outcome.slow->ended},
                                      {"others_ns", pairs(outcome.slow->others)}};
  run["histograms"] = json::object{{"latency_ns", pairs(outcome.latency)},
                                   {"open_time_ns", pairs(outcome.open_time)},
                                   {"return_late_ns", pairs(outcome.return_late)}};
  run["bins"] = bins_json(outcome);
  return json::serialize(run) + '\n';
}

}  // namespace sluice::bench
