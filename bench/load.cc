#include "bench/load.h"

#include <boost/asio/io_context.hpp>
#include <stdexcept>

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
    settle();
    return judge();
  }

  Figures idle() {
    if (server_) figures_.memory_before = server_->memory();
    subscribers_.open();
    if (options_.events_before_idle != 0) {
      publisher_.start();
      work_until([&] { return publisher_.published_count() >= options_.events_before_idle; }, settle_timeout * 6);
      settle();
    }
    work_for(options_.warmup);
    if (server_) figures_.memory = server_->memory();
    measure(options_.duration);
    return judge();
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
    const auto server = server_ ? server_->cpu_time() : std::chrono::nanoseconds{};
    const std::uint64_t published = publisher_.published_count(), deliveries = tally_.deliveries;
    work_for(time);
    figures_.seconds = seconds(Clock::now() - start);
    figures_.client_cpu_seconds = seconds(own_cpu_time() - own);
    if (server_) figures_.server_cpu_seconds = seconds(server_->cpu_time() - server);
    figures_.published = publisher_.published_count() - published;
    figures_.deliveries = tally_.deliveries - deliveries;
  }

  // Until everything has come, or nothing more comes.
  void settle() {
    publisher_.stop();
    const auto complete = [&] {
      return publisher_.in_flight() == 0 && tally_.deliveries >= publisher_.expected_deliveries();
    };
    for (std::uint64_t before = ~tally_.deliveries; before != tally_.deliveries && !complete();) {
      before = tally_.deliveries;
      work_until(complete, settle_timeout);
    }
  }

  Figures judge() {
    subscribers_.finish(publisher_.published());
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
    case LoadOptions::Kind::handshakes:
      return run_handshakes(options, tls);
    case LoadOptions::Kind::deliver:
      break;
  }
  return Run(options, tls).deliver();
}

}  // namespace sluice::bench
