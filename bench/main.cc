// sluice_bench: the load client on the command line. Exit code 0 when the run was clean: nothing lost, repeated,
// reordered, malformed, refused or ended.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "bench/load.h"
#include "bench/report.h"
#include "gateway/client/target.h"
#include "gateway/client/trust.h"

namespace {

using sluice::bench::LoadOptions;

// A descriptor for each connection: the soft limit is often 1024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int run(int argc, char** argv) {
  LoadOptions options;
  sluice::client::Trust trust;
  std::string url = "https://127.0.0.1:8443", cacert;
  double duration = 10, warmup = 1;
  pid_t server = 0;
  std::int64_t epoch = 0;
  bool idle = false, handshakes = false, subscribe = false, json = false;

  CLI::App app("Measures an SSE server over HTTP/2 and TLS: deliveries, latency, loss, order, memory.", "sluice_bench");
  app.add_option("--url", url, "the server")->capture_default_str();
  app.add_option("--path", options.path, "of the streams and publishes; {} is the topic's number")
      ->capture_default_str();
  app.add_option("--topics", options.topics, "topics, shared out over the streams")->check(CLI::PositiveNumber);
  app.add_option("--connections", options.connections, "connections")->check(CLI::PositiveNumber);
  app.add_option("--streams", options.streams, "streams on each connection")->check(CLI::PositiveNumber);
  app.add_option("--stream-window", options.stream_window, "bytes of each stream's receive window")
      ->capture_default_str();
  app.add_option("--rate", options.rate, "events per second, each at its scheduled time; 0: as fast as acknowledged");
  app.add_flag("--one-at-a-time", options.one_at_a_time, "the next event when the last was acknowledged and delivered");
  app.add_flag("--spin", options.spin,
               "poll instead of sleeping, so that the server does not pay for waking this client");
  app.add_option("--publish-batch", options.publish_batch, "events in one NDJSON body")->check(CLI::PositiveNumber);
  app.add_option("--publishes-in-flight", options.publishes_in_flight, "bodies under way without --rate");
  app.add_option("--payload", options.payload_bytes, "bytes of an event's data")->capture_default_str();
  app.add_option("--duration", duration, "seconds measured; with --subscribe: at most before the first delivery")
      ->capture_default_str();
  app.add_option("--warmup", warmup, "seconds before")->capture_default_str();
  app.add_flag("--idle", idle, "streams that only exist: memory and CPU");
  app.add_option("--events-before-idle", options.events_before_idle, "events delivered before --idle measures");
  app.add_flag("--handshakes", handshakes, "new connections with one stream, --connections in progress");
  app.add_flag("--subscribe", subscribe, "publish nothing: says \"open\", then receives what others publish");
  app.add_option("--expect", options.expected_events, "with --subscribe: the events of each topic")
      ->needs("--subscribe");
  app.add_option("--epoch", epoch, "with --subscribe: what payloads count from, in ns of CLOCK_MONOTONIC");
  app.add_option("--server-pid", server, "process whose CPU time and memory are read");
  app.add_option("--cacert", cacert, "PEM file to trust");
  app.add_flag("--insecure", trust.insecure, "trust any certificate");
  app.add_option("--secret", options.secret, "bearer token for publishing");
  app.add_flag("--json", json, "print one JSON object");
  CLI11_PARSE(app, argc, argv);

  const sluice::client::Target target = sluice::client::parse_target(url);
  if (!target.tls) throw std::invalid_argument("the load client measures HTTP/2 over TLS: write https://");
  options.host = target.host;
  options.port = target.port;
  if (!cacert.empty()) trust.cacert = cacert;
  if (server != 0) options.server = server;
  if (idle) options.kind = LoadOptions::Kind::idle;
  if (handshakes) options.kind = LoadOptions::Kind::handshakes;
  if (subscribe) {
    options.kind = LoadOptions::Kind::subscribe;
    options.on_open = [] { std::cout << "open" << std::endl; };
    options.epoch = std::chrono::steady_clock::time_point(std::chrono::nanoseconds(epoch));
  }
  if (idle && options.rate == 0) options.one_at_a_time = true;
  options.duration = std::chrono::milliseconds(static_cast<std::int64_t>(duration * 1000));
  options.warmup = std::chrono::milliseconds(static_cast<std::int64_t>(warmup * 1000));

  raise_descriptor_limit();
  const sluice::proto::TlsContext tls = sluice::client::make_client_tls(trust, target.host, "h2");
  const sluice::bench::Figures figures = sluice::bench::run_load(options, tls);
  std::cout << (json ? report_json(options, figures) + '\n' : report_text(options, figures));
  const sluice::bench::Tally& total = figures.total;
  return figures.failure.empty() && total.lost + total.repeated + total.reordered + total.malformed == 0 ? 0 : 1;
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
