// sluice_bench: the engine behind the options that bench/run and bench/sources use. Exit code 0 when the run was clean:
// nothing lost, repeated, reordered, malformed, refused or ended.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "bench/run_benchmark.h"
#include "gateway/client/target.h"

namespace {

using namespace sluice::bench;

double milliseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

class Announcer final : public Watcher {
 public:
  explicit Announcer(bool speaks) : speaks_(speaks) {}
  void on_progress(const Progress&) override {}
  void on_open() override {
    if (speaks_) std::cout << "open" << std::endl;
  }

 private:
  const bool speaks_;
};

std::string json(const Plan& plan, const Outcome& outcome) {
  const Histogram& latency = outcome.latency;
  const bool handshakes = plan.scenario == Scenario::handshakes;
  std::string text = fmt::format(
      R"({{"offered":"{}","seconds":{},"published":{},"deliveries":{},"connections":{},"client_cpu_seconds":{})",
      outcome.offered, outcome.seconds, outcome.published, outcome.deliveries,
      handshakes ? outcome.handshakes : outcome.connections, outcome.client.cpu_seconds);
  auto out = std::back_inserter(text);
  if (!outcome.servers.empty()) {
    const ServerFigures& server = outcome.servers.front();
    fmt::format_to(out, R"(,"server_cpu_seconds":{},"peak_rss_bytes":{},"rss_bytes":{},"pss_bytes":{})",
                   server.cpu_seconds, server.rss_peak_bytes, server.rss_bytes - server.rss_before_bytes,
                   server.pss_bytes - server.pss_before_bytes);
  }
  fmt::format_to(out, R"(,"latency_ms":{{"p50":{},"p90":{},"p99":{},"p99.9":{},"max":{}}})",
                 milliseconds(latency.quantile(0.5)), milliseconds(latency.quantile(0.9)),
                 milliseconds(latency.quantile(0.99)), milliseconds(latency.quantile(0.999)),
                 milliseconds(latency.max()));
  fmt::format_to(out, R"(,"lost":{},"repeated":{},"reordered":{},"malformed":{},"gaps":{})", outcome.total.lost,
                 outcome.total.repeated, outcome.total.reordered, outcome.total.malformed, outcome.total.gaps);
  fmt::format_to(out, R"(,"client_bytes_per_stream":{},"client_bytes_per_connection":{},"busiest_thread_share":{})",
                 outcome.client.bytes_per_stream, outcome.client.bytes_per_connection,
                 outcome.client.busiest_thread_share);
  fmt::format_to(out, R"(,"streams":{},"open_ms_p99":{})", outcome.streams,
                 milliseconds(outcome.open_time.quantile(0.99)));
  if (const auto& storm = outcome.storm)
    fmt::format_to(out,
                   R"(,"storm":{{"dropped":{},"back":{},"all_back_seconds":{},"arrivals_peak":{},"away_ms_max":{},)"
                   R"("failed_attempts":{}}})",
                   storm->dropped, storm->back, storm->all_back_seconds, storm->arrivals_peak,
                   milliseconds(storm->away.max()), storm->failed_attempts);
  std::string failure = outcome.failure;
  if (failure.empty() && outcome.ended != 0 && !outcome.storm) failure = "the server ended a stream";
  for (char& c : failure)
    if (c == '"' || c == '\\') c = '\'';
  fmt::format_to(out, R"(,"refused":{},"ended":{},"failure":"{}"}})", outcome.refused_publishes, outcome.ended,
                 failure);
  return text;
}

int run(int argc, char** argv) {
  Plan plan;
  Crowd& crowd = plan.crowd;
  Publishing& publishing = plan.publishing;
  std::string url = "https://127.0.0.1:8443", path = "/topics/t{}", cacert, secret;
  double duration = 10, warmup = 1;
  std::int64_t epoch = 0;
  bool idle = false, handshakes = false, subscribe = false, storm = false, always = true;

  CLI::App app("Measures an SSE server over HTTP/2 and TLS: deliveries, latency, loss, order, memory.", "sluice_bench");
  app.add_option("--url", url, "the server")->capture_default_str();
  app.add_option("--path", path, "of the streams and publishes; {} is the topic's number")->capture_default_str();
  app.add_option("--topics", crowd.topics, "topics, shared out over the streams")->check(CLI::PositiveNumber);
  app.add_option("--connections", crowd.connections, "connections")->check(CLI::PositiveNumber);
  app.add_option("--streams", crowd.streams, "streams on each connection")->check(CLI::PositiveNumber);
  app.add_option("--threads", crowd.threads, "threads")->check(CLI::PositiveNumber);
  app.add_option("--stream-window", crowd.stream_window, "bytes of each stream's receive window")
      ->capture_default_str();
  app.add_option("--rate", publishing.rate, "events per second, each at its time; 0: as fast as acknowledged");
  app.add_flag("--one-at-a-time", publishing.one_at_a_time,
               "the next event when the last was acknowledged and delivered");
  app.add_flag("--spin", plan.spin, "poll instead of sleeping, so that the server does not pay for waking this client");
  app.add_option("--publish-batch", publishing.batch, "events in one NDJSON body")->check(CLI::PositiveNumber);
  app.add_option("--publishes-in-flight", publishing.in_flight, "bodies under way without --rate");
  app.add_option("--payload", publishing.payload_bytes, "bytes of an event's data")->capture_default_str();
  app.add_option("--duration", duration, "seconds measured; with --subscribe: at most before the first delivery")
      ->capture_default_str();
  app.add_option("--warmup", warmup, "seconds before")->capture_default_str();
  app.add_flag("--idle", idle, "streams that only exist: memory and CPU");
  app.add_option("--events-before-idle", plan.events_before_idle, "events delivered before --idle measures");
  app.add_flag("--handshakes", handshakes, "new connections with one stream, --connections in progress");
  app.add_flag("--storm", storm, "drop all connections, and see them come back");
  app.add_option("--restart-cmd", plan.storm.restart_command, "with --storm: run this instead");
  app.add_flag("--subscribe", subscribe, "publish nothing: says \"open\", then receives what others publish");
  app.add_option("--expect", plan.expected_events, "with --subscribe: the events of each topic")->needs("--subscribe");
  app.add_option("--epoch", epoch, "with --subscribe: what payloads count from, in ns of CLOCK_MONOTONIC");
  app.add_option("--server-pid", plan.servers, "process whose CPU time and memory are read");
  app.add_option("--cacert", cacert, "PEM file to trust");
  app.add_flag("--insecure", crowd.trust.insecure, "trust any certificate");
  app.add_option("--source-address", crowd.source_addresses, "local address to connect from, several in turn");
  app.add_option("--secret", secret, "bearer token for publishing");
  app.add_flag("--json", always, "print one JSON object, as always");
  CLI11_PARSE(app, argc, argv);

  crowd.target = sluice::client::parse_target(url);
  if (const std::size_t mark = path.find("{}"); mark != std::string::npos) path.replace(mark, 2, "{i}");
  crowd.target.path = path;
  publishing.target = crowd.target;
  if (!cacert.empty()) crowd.trust.cacert = cacert;
  if (!secret.empty()) publishing.fields.push_back({"authorization", "Bearer " + secret});
  if (idle) plan.scenario = Scenario::idle;
  if (handshakes) plan.scenario = Scenario::handshakes;
  if (storm) plan.scenario = Scenario::storm;
  if (idle && publishing.rate == 0) publishing.one_at_a_time = true;
  if (subscribe) {
    publishing.kind = Publishing::Kind::none;
    plan.announce_open = true;
    plan.epoch = std::chrono::steady_clock::time_point(std::chrono::nanoseconds(epoch));
  }
  plan.duration = std::chrono::milliseconds(static_cast<std::int64_t>(duration * 1000));
  plan.warmup = std::chrono::milliseconds(static_cast<std::int64_t>(warmup * 1000));

  Announcer watcher(plan.announce_open);
  const Outcome outcome = run_benchmark(plan, watcher);
  std::cout << json(plan, outcome) << '\n';
  for (const std::string& warning : outcome.warnings) std::cerr << "sluice_bench: " << warning << '\n';
  const Faults& total = outcome.total;
  const bool clean = total.lost + total.repeated + total.reordered + total.malformed == 0;
  return outcome.failure.empty() && clean ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sluice_bench: %s\n", error.what());
    return 1;
  }
}
