// The wiring, in flow order: certificate, workers, sources, listeners; then serve until the drain is over.
#include "gateway/run.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>  // program_invocation_name: as the reader of the welcome typed it
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>

#include "certs/certs.h"
#include "certs/trust.h"
#include "gateway/config/route_path.h"
#include "gateway/observe/log.h"
#include "gateway/serve/gateway.h"
#include "gateway/source/source.h"
#include "gateway/start_check.h"
#include "proto/event_id.h"

namespace sluice {

namespace {

// Every connection is a descriptor: takes what the system allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);  // not granted: load::ConnectionRoom is smaller, and the log says so
}

// Whether a route sends values of this source to who is slow.
bool is_conflated(const config::Config& config, const config::Source& source) {
  return std::ranges::any_of(config.routes, [&source](const config::Route& route) {
    return route.slow == config::Slow::conflate && config::serves(route, source.name);
  });
}

topic::History history_of(const config::Config& config, const config::Source& source) {
  const config::History& history = source.history;
  topic::History bounds;
  bounds.entries = history.entries;
  bounds.bytes = history.bytes;
  bounds.bytes_total = history.bytes_total;
  bounds.age = history.age;
  bounds.linger = source.linger;
  bounds.keys = history.keys;
  bounds.snapshot = source.snapshot;
  bounds.keyed = source.snapshot || is_conflated(config, source);
  return bounds;
}

// Each source lives on one worker, its home, and has replicas on all.
void add_sources(const config::Config& config, serve::Gateway& gateway) {
  std::random_device entropy;
  std::vector<unsigned> homes;
  for (std::size_t index = 0; index != config.sources.size(); ++index) {
    const config::Source& configured = config.sources[index];
    const auto source = static_cast<topic::SourceIndex>(index);
    source::Positions positions = source::make_positions(configured, entropy());
    const auto shared =
        std::make_shared<topic::SharedSource>(configured.name, std::move(positions.format), positions.replays);
    shared->whole = configured.scheme() == "publish" || configured.scheme() == "demo";
    const topic::History history = history_of(config, configured);
    homes.push_back(static_cast<unsigned>(index % gateway.worker_count()));
    for (std::size_t worker = 0; worker != gateway.worker_count(); ++worker)
      gateway.worker(worker).add_topics(shared, history);
    serve::Worker& home_worker = gateway.worker(homes.back());
    auto home = std::make_unique<topic::Home>(
        source, *home_worker.services().topics[index], history, config.limits.topics,
        [&home_worker](const topic::Message& message) { home_worker.broadcast(message); });
    auto adapter =
        source::make_source({.config = configured,
                             .limits = config.limits,
                             .home = *home,
                             .format = *shared->format,
                             .io = home_worker.io(),
                             .post = [&home_worker](std::function<void()> call) { home_worker.post(std::move(call)); },
                             .metrics = gateway.metrics().add_source(configured.name),
                             .random = std::mt19937_64(entropy())});
    adapter->start(std::chrono::steady_clock::now());
    home_worker.adopt(source, std::move(home), std::move(adapter));
  }
  for (std::size_t worker = 0; worker != gateway.worker_count(); ++worker) gateway.worker(worker).set_homes(homes);
}

// For a shell to read, and short: `~` for the home folder.
std::string shell_path(const std::string& path) {
  const char* home = std::getenv("HOME");
  const std::string folder = home == nullptr ? "" : std::string(home) + "/";
  const std::string word = certs::shell_word(path);
  return folder.size() > 1 && word == path && path.starts_with(folder) ? "~/" + path.substr(folder.size()) : word;
}

void print_welcome(const config::Config& config, const serve::Gateway& gateway, const std::string& ca) {
  std::cout << fmt::format("listening on https://{}\n", gateway.address());
  if (!gateway.admin_address().empty())
    std::cout << fmt::format("admin on https://{} (dashboard, /metrics, /healthz, /readyz)\n", gateway.admin_address());
  if (config.zero_configuration) {
    const std::string trust = ca.empty() ? "" : fmt::format("--cacert {} ", shell_path(ca));
    const std::string base = fmt::format("https://localhost:{}", gateway.port());
    std::cout << fmt::format(
        "\n  open       {0}/\n"
        "  subscribe  curl -N {1}{0}/demo/clock\n"
        "             {2} tail {0}/demo/clock\n"
        "  publish    curl {1}-d 'hello' {0}/topics/greetings\n"
        "             {2} pub {0}/topics/greetings 'hello'\n"
        "  trust      {2} certs --trust   (so that browsers accept the development certificate)\n"
        "  stop       Ctrl-C\n\n",
        base, trust, program_invocation_name);
  }
  std::cout.flush();
}

}  // namespace

void run_gateway(const config::Config& config) {
  // `sluice run | head -1`: streams outlive whoever read what we print. tail and pub keep the default and end quietly.
  std::signal(SIGPIPE, SIG_IGN);
  observe::set_up_log(config);
  check_files(config);
  raise_descriptor_limit();
  proto::TlsContext::ServerFiles files{config.tls.cert, config.tls.key};
  std::string ca;
  if (files.certificate.empty()) {
    const certs::CertificatePaths development =
        certs::ensure_development_certificate(certs::default_certificate_directory());
    files = {development.cert, development.key};
    ca = development.ca;
  }
  for (const config::Problem& oddity : find_oddities(config))
    observe::log_event(observe::Level::warning, oddity.text, {{"place", oddity.place.text()}});
  const proto::TlsContext context = proto::TlsContext::server(files);
  {
    serve::Gateway gateway(config, context);
    add_sources(config, gateway);
    print_welcome(config, gateway, ca);
    observe::log_event(observe::Level::info, "serving",
                       {{"address", gateway.address()}, {"workers", gateway.worker_count()}});
    gateway.run();
  }
  for (const int late : {SIGTERM, SIGINT, SIGHUP}) (void)std::signal(late, SIG_IGN);  // it has ended as it was asked to
}

}  // namespace sluice
