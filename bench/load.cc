#include "bench/load.h"

#include <boost/asio/io_context.hpp>
#include <stdexcept>
#include <vector>

#include "bench/handshakes.h"
#include "bench/publisher.h"
#include "bench/run_clock.h"
#include "bench/subscribers.h"

namespace sluice::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How long deliveries that are under way may take to come before they count as lost.
constexpr std::chrono::seconds settle_timeout{5};

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

class Run {
 public:
  Run(const LoadOptions& options, const proto::TlsContext& tls)
      : options_(options),
        clock_(options.epoch ? RunClock(*options.epoch) : RunClock()),
        subscribers_(loop_, buffers_, tls, options, clock_, tally_),
        publisher_(loop_, buffers_, tls, options, clock_, tally_, subscribers_) {
    if (options.server) server_.emplace(*options.server);
  }

  // What a failed run leaves under way never completes.
  ~Run() { loop_.stop(); }

  Figures deliver() {
    subscribers_.open();
    publisher_.start();
    work_for(options_.warmup);
    tally_.latency = Histogram();
    measure(options_.duration);
    figures_.latency = tally_.latency;
    settle_published();
    return judge(publisher_.published());
  }

  // What is under way already when the streams open (a replay) is measured with their opening.
  Figures subscribe() {
    const auto server_before = server_cpu_time();
    subscribers_.open();
    const auto own = own_cpu_time();
    const auto server = tally_.deliveries == 0 ? server_cpu_time() : server_before;
    if (options_.on_open) options_.on_open();
    work_until([&] { return tally_.deliveries != 0; }, options_.duration);
    const std::uint64_t streams = std::uint64_t{options_.connections} * options_.streams;
    settle([&] { return arrived() >= options_.expected_events * streams; });
    figures_.client_cpu_seconds = seconds(own_cpu_time() - own);
    if (server_) {
      figures_.server_cpu_seconds = seconds(server_cpu_time() - server);
      figures_.peak_rss_bytes = server_->peak_rss_bytes();
    }
    figures_.seconds = seconds(std::chrono::nanoseconds(tally_.last - tally_.first));
    figures_.published = options_.expected_events * options_.topics;
    figures_.deliveries = tally_.deliveries;
    figures_.latency = tally_.latency;
    return judge(std::vector<std::uint64_t>(options_.topics, options_.expected_events));
  }

  Figures idle() {
    if (server_) figures_.memory_before = server_->memory();
    subscribers_.open();
    if (options_.events_before_idle != 0) {
      publisher_.start();
      work_until([&] { return publisher_.published_count() >= options_.events_before_idle; }, settle_timeout * 6);
      settle_published();
    }
    work_for(options_.warmup);
    if (server_) figures_.memory = server_->memory();
    measure(options_.duration);
    return judge(publisher_.published());
  }

 private:
  template <class Done>
  void work_until(Done done, Clock::duration at_most) {
    const auto deadline = Clock::now() + at_most;
    while (!done() && Clock::now() < deadline) {
      if (options_.spin)
        loop_.poll();
      else
        loop_.run_one_until(deadline);
      publisher_.proceed();
      if (publisher_.refused() != 0 || subscribers_.ended_count() != 0) return;
    }
  }
  void work_for(milliseconds time) {
    work_until([] { return false; }, time);
  }

  void measure(milliseconds time) {
    const auto start = Clock::now();
    const auto own = own_cpu_time();
    const auto server = server_cpu_time();
    const std::uint64_t published = publisher_.published_count(), deliveries = tally_.deliveries;
    work_for(time);
    figures_.seconds = seconds(Clock::now() - start);
    figures_.client_cpu_seconds = seconds(own_cpu_time() - own);
    if (server_) figures_.server_cpu_seconds = seconds(server_->cpu_time() - server);
    figures_.published = publisher_.published_count() - published;
    figures_.deliveries = tally_.deliveries - deliveries;
  }

  [[nodiscard]] std::chrono::nanoseconds server_cpu_time() const {
    return server_ ? server_->cpu_time() : std::chrono::nanoseconds{};
  }

  // What came twice does not stand for what has not come.
  [[nodiscard]] std::uint64_t arrived() const { return tally_.deliveries - tally_.repeated; }

  void settle_published() {
    publisher_.stop();
    settle([&] { return publisher_.in_flight() == 0 && arrived() >= publisher_.expected_deliveries(); });
  }
  // Until everything has come, or nothing more comes.
  template <class Complete>
  void settle(Complete complete) {
    for (std::uint64_t before = ~tally_.deliveries; before != tally_.deliveries && !complete();) {
      before = tally_.deliveries;
      work_until(complete, settle_timeout);
    }
  }

  Figures judge(const std::vector<std::uint64_t>& published) {
    subscribers_.finish(published);
    figures_.total = tally_;
    figures_.refused = publisher_.refused();
    figures_.ended = subscribers_.ended_count();
    if (figures_.ended != 0) figures_.failure = "the server ended a stream";
    if (figures_.refused != 0) figures_.failure = "a publish failed: " + publisher_.failure();
    subscribers_.close();
    publisher_.close();
    loop_.run_for(settle_timeout);
    return std::move(figures_);
  }

  const LoadOptions& options_;
  RunClock clock_;
  Tally tally_;
  Figures figures_;
  std::optional<ServerProcess> server_;
  boost::asio::io_context loop_{1};
  client::ConnectionBuffers buffers_;
  Subscribers subscribers_;
  Publisher publisher_;
};

}  // namespace

Figures run_load(const LoadOptions& options, const proto::TlsContext& tls) {
  if (options.payload_bytes < payload_bytes_min)
    throw std::runtime_error("a payload needs at least " + std::to_string(payload_bytes_min) + " bytes");
  switch (options.kind) {
    case LoadOptions::Kind::idle:
      return Run(options, tls).idle();
    case LoadOptions::Kind::subscribe:
      return Run(options, tls).subscribe();
    case LoadOptions::Kind::handshakes:
      return run_handshakes(options, tls);
    case LoadOptions::Kind::deliver:
      break;
  }
  return Run(options, tls).deliver();
}

}  // namespace sluice::bench
