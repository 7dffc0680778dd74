#include "bench/run_benchmark.h"

#include <doctest/doctest.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/payload.h"
#include "tests/support/certificates.h"
#include "tests/support/http1_server.h"
#include "tests/support/loopback_server.h"

namespace sluice::bench {
namespace {

using std::chrono::milliseconds;
using Connection = test::LoopbackServer::Connection;

class QuietWatcher final : public Watcher {
 public:
  void on_progress(const Progress& progress) override {
    ++reports;
    streams_open_max = std::max(streams_open_max, progress.streams_open);
    if (stop_after != 0 && reports == stop_after) stop_asked = true;
  }
  void on_open() override {
    if (when_open) when_open();
  }
  [[nodiscard]] bool wants_to_stop() const override { return stop_asked; }

  std::function<void()> when_open;
  unsigned reports = 0, stop_after = 0;
  std::uint64_t streams_open_max = 0;
  bool stop_asked = false;
};

// A little gateway: what is posted to a path goes to every stream of that path, except where it is told to lie. It
// keeps all events, and a stream that comes back with a last event id gets those after it.
struct LittleGateway {
  enum class Lie { none, drop, repeat, refuse_publishes, refuse_streams, wrong_type };

  explicit LittleGateway(Lie told = Lie::none)
      : lie(told),
        server(loop, tls, [this](auto& connection, auto id, const auto& stream) { serve(connection, id, stream); }),
        thread([this] { loop.run(); }) {}
  ~LittleGateway() {
    loop.stop();
    thread.join();
  }

  void serve(Connection& connection, std::int32_t id, const test::ScriptedServer::Stream& stream) {
    const std::string& path = stream.request.path;
    if (stream.request.method == "GET") {
      if (lie == Lie::refuse_streams) return connection.peer.respond(id, 503, {}, true);
      if (lie == Lie::wrong_type) return connection.peer.respond(id, 200, {{"content-type", "text/html"}});
      connection.peer.event_stream(id);
      connection.peer.send(id, "retry: 500\nid: 0\nevent: sluice.open\ndata: {}\n\n");
      const std::string_view last = proto::find_field(stream.request.fields, "last-event-id");
      if (!last.empty()) {
        ++resumed;
        for (std::size_t at = std::stoul(std::string(last)); at < events.size(); ++at)
          if (events[at].first == path) connection.peer.send(id, events[at].second);
      }
      streams[path].emplace_back(&connection, id);
      return;
    }
    if (lie == Lie::refuse_publishes) return connection.peer.respond(id, 403, {}, true);
    connection.peer.respond(id, 200, {}, true);
    send_all(path, stream.body);
  }

  void send_all(const std::string& path, const std::string& data) {
    const std::string event = "id: " + std::to_string(++published) + "\ndata: " + data + "\n\n";
    events.emplace_back(path, event);
    bool first = true;
    for (auto& [subscriber, subscription] : streams[path]) {
      if (subscriber->peer.streams[subscription].closed || gone(*subscriber)) continue;
      const bool lies = std::exchange(first, false) && published % 5 == 0;
      if (lies && lie == Lie::drop) continue;
      subscriber->peer.send(subscription, lies && lie == Lie::repeat ? event + event : event);
      subscriber->flush();
    }
  }

  [[nodiscard]] static bool gone(const Connection& connection) { return connection.peer.goaways != 0; }

  [[nodiscard]] Plan plan(double rate = 200) const {
    Plan plan;
    plan.crowd.target = {.tls = true, .host = "localhost", .port = server.port(), .path = "/topics/t{i}", .query = ""};
    plan.crowd.trust.cacert = certificates.ca();
    plan.publishing.target = plan.crowd.target;
    plan.publishing.rate = rate;
    plan.warmup = milliseconds(50);
    plan.duration = milliseconds(200);
    return plan;
  }
  [[nodiscard]] static Outcome run(const Plan& plan) {
    QuietWatcher watcher;
    return run_benchmark(plan, watcher);
  }

  const Lie lie;
  tests::TestCertificates certificates;
  boost::asio::io_context loop{1};
  proto::TlsContext tls = proto::TlsContext::server({certificates.cert(), certificates.key()});
  std::map<std::string, std::vector<std::pair<Connection*, std::int32_t>>> streams;
  std::vector<std::pair<std::string, std::string>> events;  // path, bytes
  std::uint64_t published = 0;
  std::atomic<unsigned> resumed{0};
  test::LoopbackServer server;
  std::thread thread;
};

std::uint64_t sum_of(const std::vector<Bin>& bins, std::uint64_t Bin::*count) {
  std::uint64_t sum = 0;
  for (const Bin& bin : bins) sum += bin.*count;
  return sum;
}

TEST_CASE("a clean run publishes what rate and time make, and delivers every event to every stream once") {
  LittleGateway gateway;
  Plan plan = gateway.plan();
  plan.crowd.topics = 2;
  plan.crowd.connections = 3;
  plan.crowd.streams = 4;
  for (const unsigned threads : {1U, 2U, 5U}) {
    CAPTURE(threads);
    plan.crowd.threads = threads;
    const std::uint64_t before = gateway.published;
    plan.crowd.target.path = plan.publishing.target.path = "/threads" + std::to_string(threads) + "/t{i}";
    const Outcome outcome = LittleGateway::run(plan);
    CHECK(outcome.failure.empty());
    CHECK(gateway.published - before == 50);
    CHECK(sum_of(outcome.bins, &Bin::published) == 50);
    CHECK(sum_of(outcome.bins, &Bin::deliveries) == 300);
    CHECK(sum_of(outcome.bins, &Bin::opened) == 12);
    CHECK(outcome.total.lost + outcome.total.repeated + outcome.total.reordered + outcome.total.malformed == 0);
    CHECK(outcome.streams == 12);
    CHECK(outcome.connections == 3);
    CHECK(outcome.open_time.count() == 12);
    CHECK(outcome.latency.count() == outcome.deliveries);
    CHECK(outcome.ended == 0);
  }
}

TEST_CASE("one at a time publishes only after the last event has reached everyone") {
  LittleGateway gateway;
  Plan plan = gateway.plan(0);
  plan.publishing.one_at_a_time = true;
  plan.crowd.connections = 2;
  plan.crowd.streams = 2;
  for (const unsigned threads : {1U, 2U}) {
    plan.crowd.threads = threads;
    plan.crowd.target.path = plan.publishing.target.path = "/threads" + std::to_string(threads) + "/t{i}";
    const Outcome outcome = LittleGateway::run(plan);
    CHECK(outcome.published > 1);
    CHECK(sum_of(outcome.bins, &Bin::deliveries) == 4 * sum_of(outcome.bins, &Bin::published));
    CHECK(outcome.total.lost == 0);
  }
}

TEST_CASE("what a server drops is lost, what it repeats is repeated, each in its topic") {
  for (const LittleGateway::Lie lie : {LittleGateway::Lie::drop, LittleGateway::Lie::repeat}) {
    LittleGateway gateway(lie);
    Plan plan = gateway.plan();
    plan.crowd.connections = 2;
    const Outcome outcome = LittleGateway::run(plan);
    const bool drops = lie == LittleGateway::Lie::drop;
    CHECK(outcome.total.lost == (drops ? 10 : 0));
    CHECK(outcome.total.repeated == (drops ? 0 : 10));
    CHECK(outcome.topics.at(0).lost == outcome.total.lost);
  }
}

TEST_CASE("who only listens receives what others publish, and counts what never came") {
  LittleGateway gateway;
  Plan plan = gateway.plan();
  plan.publishing.kind = Publishing::Kind::none;
  plan.crowd.target.path = "/events";
  plan.crowd.connections = 2;
  plan.crowd.streams = 3;
  plan.expected_events = 52;
  plan.epoch = std::chrono::steady_clock::now();
  plan.duration = std::chrono::seconds(10);
  QuietWatcher watcher;
  watcher.when_open = [&] {
    boost::asio::post(gateway.loop, [&] {
      for (std::uint64_t sequence = 0; sequence != 50; ++sequence)
        gateway.send_all("/events", make_payload({.sequence = sequence, .scheduled = 0}, 100));
    });
  };
  const Outcome outcome = run_benchmark(plan, watcher);
  CHECK(outcome.deliveries == 300);
  CHECK(outcome.latency.count() == 300);
  CHECK(outcome.total.lost == 12);
  CHECK(outcome.total.malformed == 0);
}

TEST_CASE("after a storm everybody is back, where they were, and nothing is lost") {
  LittleGateway gateway;
  Plan plan = gateway.plan(100);
  plan.scenario = Scenario::storm;
  plan.crowd.connections = 4;
  plan.crowd.streams = 3;
  plan.crowd.topics = 2;
  plan.crowd.threads = 2;
  plan.duration = milliseconds(1'000);
  const Outcome outcome = LittleGateway::run(plan);
  CHECK(outcome.failure.empty());
  REQUIRE(outcome.storm.has_value());
  CHECK(outcome.storm->dropped == 12);
  CHECK(outcome.storm->back == 12);
  CHECK(outcome.storm->retry_held_ms == std::vector<std::uint64_t>(12, 500));
  CHECK(outcome.return_late.count() >= 12);
  CHECK(outcome.return_late.quantile(0.5) < 500'000'000);
  CHECK(outcome.storm->away.count() == 12);
  CHECK(outcome.storm->all_back_seconds >= 0.5);
  CHECK(outcome.storm->arrivals_peak == 4);
  CHECK(outcome.reconnects == 4);
  CHECK(outcome.ended == 12);
  CHECK(gateway.resumed == 12);
  CHECK(outcome.total.lost + outcome.total.repeated + outcome.total.reordered + outcome.total.malformed == 0);
}

TEST_CASE("new connections are counted when their stream is answered") {
  LittleGateway gateway;
  Plan plan = gateway.plan();
  plan.scenario = Scenario::handshakes;
  plan.crowd.connections = 2;
  plan.crowd.threads = 2;
  const Outcome outcome = LittleGateway::run(plan);
  CHECK(outcome.failure.empty());
  CHECK(outcome.handshakes > 0);
}

TEST_CASE("slow readers are a share of the connections, and the others are measured apart") {
  LittleGateway gateway;
  Plan plan = gateway.plan();
  plan.scenario = Scenario::slow_reader;
  plan.crowd.connections = 4;
  plan.crowd.streams = 2;
  plan.slow.share = 0.25;
  const Outcome outcome = LittleGateway::run(plan);
  REQUIRE(outcome.slow.has_value());
  CHECK(outcome.slow->slow_streams == 2);
  CHECK(outcome.slow->others.count() > 0);
  CHECK(outcome.total.lost == 0);
  CHECK(sum_of(outcome.bins, &Bin::deliveries) == 400);
}

TEST_CASE("a ramp goes up to its end, or to the limit that breaks") {
  LittleGateway gateway;
  Plan plan = gateway.plan();
  plan.scenario = Scenario::ramp;
  plan.ramp = {.from = 50, .to = 100, .factor = 2, .step = milliseconds(200), .p99_max = milliseconds(5'000)};
  const Outcome outcome = LittleGateway::run(plan);
  REQUIRE(outcome.ramp.size() == 2);
  CHECK(outcome.offered.ends_with(", from 50 events/s up"));
  CHECK(outcome.ramp[0].broken == "");
  CHECK(outcome.ramp[1].broken == "");
  plan.ramp.p99_max = milliseconds(0);
  const Outcome broken = LittleGateway::run(plan);
  REQUIRE(broken.ramp.size() == 1);
  CHECK(broken.ramp[0].broken.find("p99") != std::string::npos);
}

TEST_CASE("a ramp of streams opens more at every step") {
  LittleGateway gateway;
  Plan plan = gateway.plan(50);
  plan.scenario = Scenario::ramp;
  plan.ramp = {.what = RampPlan::What::streams,
               .from = 4,
               .to = 8,
               .factor = 2,
               .step = milliseconds(200),
               .p99_max = milliseconds(5'000)};
  plan.crowd.streams = 2;
  const Outcome outcome = LittleGateway::run(plan);
  REQUIRE(outcome.ramp.size() == 2);
  CHECK(outcome.offered == "from 4 streams up, 2 on a connection, 50 events/s");
  CHECK(outcome.ramp[1].broken == "");
  CHECK(sum_of(outcome.bins, &Bin::opened) == 8);
}

TEST_CASE("a wish to stop ends the run early, with what was measured until then") {
  LittleGateway gateway;
  Plan plan = gateway.plan();
  plan.duration = std::chrono::minutes(10);
  QuietWatcher watcher;
  watcher.stop_after = 4;
  const Outcome outcome = run_benchmark(plan, watcher);
  CHECK(outcome.interrupted);
  CHECK(outcome.deliveries > 0);
  CHECK(outcome.total.lost == 0);
  CHECK(watcher.streams_open_max == 1);
}

TEST_CASE("a command publishes what it reads") {
  LittleGateway gateway;
  Plan plan = gateway.plan(50);
  plan.publishing.kind = Publishing::Kind::command;
  plan.publishing.command = "cat >/dev/null";  // it loses everything
  const Outcome outcome = LittleGateway::run(plan);
  CHECK(outcome.failure.empty());
  CHECK(sum_of(outcome.bins, &Bin::published) == 13);
  CHECK(outcome.total.lost == 13);
  plan.publishing.command = "exit 3";
  CHECK_THROWS_WITH(static_cast<void>(LittleGateway::run(plan)), doctest::Contains("exit code 3"));
}

TEST_CASE("the crowd speaks HTTP/1.1 without TLS, on one connection for each stream") {
  boost::asio::io_context loop(1);
  std::vector<test::Http1Server::Connection*> readers;
  test::Http1Server server(loop, nullptr, [&](test::Http1Server::Connection& connection) {
    if (connection.request.starts_with("GET ")) {
      readers.push_back(&connection);
      return connection.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
    }
    const std::string body = connection.request.substr(connection.request.find("\r\n\r\n") + 4);
    connection.send("HTTP/1.1 204 No Content\r\n\r\n");
    for (test::Http1Server::Connection* reader : readers) reader->send("data: " + body + "\n\n");
  });
  std::thread thread([&] { loop.run(); });
  Plan plan;
  plan.crowd.target = {.tls = false, .host = "127.0.0.1", .port = server.port(), .path = "/events", .query = ""};
  plan.crowd.connections = 3;
  plan.crowd.source_addresses = {"127.0.0.1", "127.0.0.2"};
  plan.publishing.target = plan.crowd.target;
  plan.publishing.rate = 100;
  plan.warmup = milliseconds(50);
  plan.duration = milliseconds(150);
  const Outcome outcome = LittleGateway::run(plan);
  loop.stop();
  thread.join();
  CHECK(outcome.failure.empty());
  CHECK(sum_of(outcome.bins, &Bin::deliveries) == 60);
  CHECK(outcome.total.lost == 0);
}

TEST_CASE("what makes a run impossible is one line that says where and what to do") {
  LittleGateway gateway, refusing(LittleGateway::Lie::refuse_streams), other(LittleGateway::Lie::wrong_type),
      closed(LittleGateway::Lie::refuse_publishes);
  const auto why = [](const Plan& plan) -> std::string {
    try {
      static_cast<void>(LittleGateway::run(plan));
      return "nothing";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  };
  CHECK(why(refusing.plan()).find("is no event stream: it answered status 503: is it ready") != std::string::npos);
  CHECK(why(other.plan()).find("content-type 'text/html': check host, path and query") != std::string::npos);
  CHECK(why(closed.plan()).find("failed: status 403: check the publish address") != std::string::npos);
  Plan plan = gateway.plan();
  plan.crowd.trust.cacert = other.certificates.ca();
  CHECK(why(plan).find("is not trusted") != std::string::npos);
  plan = gateway.plan();
  plan.crowd.target.port = 1;
  CHECK(why(plan) == "connection refused by localhost:1: is it running?");
  plan = gateway.plan();
  plan.servers = {1 << 22};
  CHECK(why(plan).find("check --server-pid") != std::string::npos);
  plan = gateway.plan();
  plan.crowd.connections = 100'000'000;
  CHECK(why(plan).find("ulimit") != std::string::npos);
  plan = gateway.plan();
  plan.publishing.payload_bytes = 10;
  CHECK(why(plan).find("33 bytes") != std::string::npos);
}

}  // namespace
}  // namespace sluice::bench
