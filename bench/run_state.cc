#include "bench/run_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <stdexcept>

#include "bench/machine_limits.h"
#include "gateway/client/trust.h"

namespace sluice::bench {
namespace asio = boost::asio;
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds resolve_patience{5};
// How long opening may take without any progress.
constexpr std::chrono::seconds open_patience{30};
// A server that says something first (an id, a retry, sluice.open) has the stream's place only then; one that says
// nothing until an event comes is waited for this long.
constexpr milliseconds first_bytes_patience{500};

std::string resolve_host(const client::Target& target) {
  boost::system::error_code error;
  const auto literal = asio::ip::make_address(target.host, error);
  if (!error) return literal.to_string();
  asio::io_context loop;
  const auto found = asio::ip::tcp::resolver(loop).resolve(target.host, std::to_string(target.port), error);
  if (error || found.empty()) throw std::runtime_error("no such host: " + target.host + " (" + error.message() + ")");
  // One that answers, as who connects by name tries each (localhost is ::1 too, where few servers listen).
  asio::ip::tcp::socket socket(loop);
  asio::ip::address chosen = found.begin()->endpoint().address();
  asio::async_connect(socket, found, [&](const boost::system::error_code& failure, const auto& endpoint) {
    if (!failure) chosen = endpoint.address();
  });
  if (found.size() > 1) loop.run_for(resolve_patience);
  return chosen.to_string();
}

std::string alpn_of(Wire wire) {
  if (wire == Wire::http2) return "h2";
  return wire == Wire::http1 ? "http/1.1" : "h2,http/1.1";
}

std::string url_of(const client::Target& target) {
  return std::string(target.scheme()) + "://" + target.authority() + target.path +
         (target.query.empty() ? "" : "?" + target.query);
}

bool is_listening(const Plan& plan) { return plan.publishing.kind == Publishing::Kind::none; }

}  // namespace

Run::Run(const Plan& plan, Watcher& watcher)
    : plan_(plan),
      watcher_(watcher),
      guard_(loop_.get_executor()),
      setup_{.plan = plan, .path = Template(plan.crowd.target.path), .query = Template(plan.crowd.target.query)},
      published_(plan.crowd.topics) {
  if (!is_listening(plan) && plan.publishing.payload_bytes < payload_bytes_min)
    throw std::runtime_error(
        fmt::format("a payload needs at least {} bytes: it carries a number and a time", payload_bytes_min));
  if (!plan.crowd.target.tls && plan.crowd.wire != Wire::http2 && plan.crowd.streams > 1)
    throw std::runtime_error(
        "over HTTP/1.1 a connection carries one event stream: ask for one stream on each "
        "connection, for https://, or for HTTP/2");
  std::signal(SIGPIPE, SIG_IGN);  // a publish command may end before its input does
  prepare_limits(plan);
  for (const pid_t pid : plan.servers) servers_.emplace_back(pid);
  if (plan.crowd.target.tls)
    tls_ = client::make_client_tls(plan.crowd.trust, plan.crowd.target.host, alpn_of(plan.crowd.wire));
  setup_.tls = tls_ ? &*tls_ : nullptr;
  setup_.address = resolve_host(plan.crowd.target);
  setup_.make_connection_options();
  if (plan.publishing.kind == Publishing::Kind::http) {
    const client::Target& target = plan.publishing.target;
    if (target.tls) publish_tls_ = client::make_client_tls(plan.crowd.trust, target.host, alpn_of(plan.crowd.wire));
    publish_address_ = target.host == plan.crowd.target.host ? setup_.address : resolve_host(target);
  }
  if (plan.epoch) setup_.clock = RunClock(*plan.epoch);
  setup_.began = setup_.clock.since(began_);
  setup_.bin_ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(outcome_.bin).count());
  setup_.check.payload_bytes = plan.publishing.payload_bytes;
  setup_.check.ours = !is_listening(plan) || plan.expected_events != 0;
  setup_.check.timed = !is_listening(plan) || plan.epoch.has_value();
  if (is_listening(plan)) {
    if (plan.expected_events != 0) setup_.check.published_max = plan.expected_events;
  } else {
    setup_.check.published = published_.data();
  }
  setup_.on_change = [this] {
    if (!woken_.exchange(true)) asio::post(loop_, [this] { woken_ = false; });
  };
  outcome_.url = url_of(plan.crowd.target);
  outcome_.began_unix_seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  outcome_.client.threads = std::max(1U, plan.crowd.threads);
  crowd_ = std::make_unique<CrowdThreads>(setup_);
  for (ServerProcess& server : servers_) server.read_before();
}

Run::~Run() {
  if (publish_thread_) publish_thread_->end();
  crowd_->end();
  if (publisher_) publisher_->stop();
}

// --- Opening ---------------------------------------------------------------------------------------------------------

std::string Run::explain(const CrowdThread::Trouble& trouble) const {
  if (!trouble.hopeless && !trouble.refusal.empty()) {
    std::string text = outcome_.url + " is no event stream: it answered " + trouble.refusal;
    if (trouble.refusal.starts_with("status 401") || trouble.refusal.starts_with("status 403"))
      return text + ": send the token or cookie that it wants as a header";
    if (trouble.refusal.starts_with("status 3")) return text + ": measure the place that it leads to";
    if (trouble.refusal.starts_with("status 5") || trouble.refusal.starts_with("status 429"))
      return text + ": is it ready, and may it have so many streams?";
    return text + ": check host, path and query";
  }
  return trouble.failure;
}

void Run::open() {
  const unsigned connections = plan_.crowd.connections;
  make_publisher();
  crowd_->begin();
  const std::int64_t rss_before = own_rss_bytes();
  crowd_->grow(connections);
  const std::uint64_t wanted = crowd_->streams();
  std::uint64_t opened = 0;
  bool trouble = false;
  for (bool progress = true; progress && !trouble && opened < wanted && !stopping();) {
    work_until(
        Phase::opening,
        [&] {
          const CrowdTotals totals = crowd_->totals();
          trouble = totals.closed_for_good != 0 ||
                    (totals.failed_attempts != 0 && (totals.opened_once == 0 || crowd_->trouble().hopeless));
          return trouble || totals.opened_once == wanted;
        },
        open_patience);
    progress = crowd_->totals().opened_once > opened;
    opened = crowd_->totals().opened_once;
  }
  if (stopping()) throw std::runtime_error(fmt::format("interrupted while {} of {} streams were open", opened, wanted));
  if (opened < wanted) {
    std::string why = explain(crowd_->trouble());
    if (why.empty()) why = fmt::format("the others were not answered within {} s", open_patience.count());
    throw std::runtime_error(opened == 0 ? why
                                         : fmt::format("only {} of {} streams are open: {}", opened, wanted, why));
  }
  work_until(
      Phase::opening, [&] { return crowd_->totals().heard >= wanted; }, first_bytes_patience);
  // A server that sent some of them away (`sluice.busy`) has them back when their time has come.
  work_until(
      Phase::opening, [&] { return crowd_->totals().streams_open >= wanted; }, open_patience);
  const CrowdTotals totals = crowd_->totals();
  outcome_.streams = totals.streams_open;
  outcome_.connections = totals.connections_open;
  const std::int64_t grown = std::max<std::int64_t>(0, own_rss_bytes() - rss_before);
  if (totals.streams_open != 0)
    outcome_.client.bytes_per_stream = grown / static_cast<std::int64_t>(totals.streams_open);
  if (totals.connections_open != 0)
    outcome_.client.bytes_per_connection = grown / static_cast<std::int64_t>(totals.connections_open);
  watcher_.on_open();
}

// --- Publishing ------------------------------------------------------------------------------------------------------

void Run::make_publisher() {
  if (is_listening(plan_)) return;
  // One thread, of which one core is all that there is: then the turns of one loop alternate better than two threads.
  const bool shares = crowd_->threads().size() == 1 && (plan_.spin || plan_.publishing.one_at_a_time);
  CrowdThread& first = *crowd_->threads().front();
  HttpSink::Place place{.tls = publish_tls_ ? &*publish_tls_ : nullptr, .address = publish_address_, .connections = 1};
  const bool http1 = plan_.crowd.wire == Wire::http1 || (!place.tls && plan_.crowd.wire == Wire::automatic);
  if (http1) place.connections = std::clamp(plan_.crowd.topics, 1U, 8U);
  if (!shares) publish_thread_ = std::make_unique<LoopThread>(false);
  publisher_ = std::make_unique<Publisher>(
      shares ? first.loop() : publish_thread_->loop(), setup_, place,
      Publisher::Surroundings{.arrived = [this] { return arrived(); },
                              .streams_on = [this](unsigned topic) { return crowd_->streams_on(topic); },
                              .published = published_.data(),
                              .looks_itself = !shares});
  if (shares) first.after_each_turn([this] { publisher_->proceed(); });
  if (rate_ > 0) publisher_->set_rate(rate_);
  if (publish_thread_) publish_thread_->begin();
}

Run::Clock::time_point Run::start_publishing() {
  const auto from = Clock::now();
  if (publisher_) on_publisher([&](Publisher& publisher) { publisher.start(from); });
  return from;
}

void Run::end_publishing_at(Clock::time_point end) {
  ends_by_itself_ = true;
  if (publisher_) on_publisher([&](Publisher& publisher) { publisher.end_at(end); });
}

void Run::set_rate(double events_per_second) {
  if (publisher_)
    on_publisher([&](Publisher& publisher) { publisher.set_rate(events_per_second); });
  else
    rate_ = events_per_second;
}

void Run::expect_publishing() {
  if (!publisher_ || publisher_->acknowledged() != 0 || publisher_->refused() == 0) return;
  std::string why;
  on_publisher([&](Publisher& publisher) { why = publisher.failure(); });
  if (plan_.publishing.kind == Publishing::Kind::command) throw std::runtime_error(why);
  throw std::runtime_error("publishing to " + url_of(plan_.publishing.target) + " failed: " + why +
                           ": check the publish address, its token and its headers");
}

}  // namespace sluice::bench
