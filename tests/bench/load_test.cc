#include "bench/load.h"

#include <doctest/doctest.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/payload.h"
#include "tests/support/certificates.h"
#include "tests/support/loopback_server.h"

namespace sluice::bench {
namespace {

using Connection = test::LoopbackServer::Connection;

// A little gateway: what is posted to a path goes to every stream of that path, except where it is told to lie.
struct LittleGateway {
  enum class Lie { none, drop, repeat };

  explicit LittleGateway(Lie told = Lie::none)
      : lie(told),
        server(loop, tls, [this](auto& connection, auto id, const auto& stream) { serve(connection, id, stream); }),
        thread([this] { loop.run(); }) {}
  ~LittleGateway() {
    loop.stop();
    thread.join();
  }

  void serve(Connection& connection, std::int32_t id, const test::ScriptedServer::Stream& stream) {
    if (stream.request.method == "GET") {
      connection.peer.event_stream(id);
      connection.peer.send(id, "retry: 2000\nid: 0\nevent: sluice.open\ndata: {}\n\n");
      streams[stream.request.path].emplace_back(&connection, id);
      return;
    }
    connection.peer.respond(id, 200, {}, true);
    send_all(stream.request.path, stream.body);
  }

  void send_all(const std::string& path, const std::string& data) {
    const std::string event = "id: " + std::to_string(++published) + "\ndata: " + data + "\n\n";
    bool first = true;
    for (auto& [subscriber, subscription] : streams[path]) {
      const bool lies = std::exchange(first, false) && published % 5 == 0;
      if (lies && lie == Lie::drop) continue;
      subscriber->peer.send(subscription, lies && lie == Lie::repeat ? event + event : event);
      subscriber->flush();
    }
  }

  [[nodiscard]] Figures run(LoadOptions options) const {
    options.host = "localhost";
    options.port = server.port();
    options.warmup = std::chrono::milliseconds(20);
    options.duration = std::chrono::milliseconds(200);
    return run_load(options, proto::TlsContext::client({.ca = certificates.ca()}));
  }

  // A run that only subscribes, to what the gateway sends by itself once all are there.
  [[nodiscard]] Figures run_subscribers(LoadOptions options, std::uint64_t sent) {
    options.kind = LoadOptions::Kind::subscribe;
    options.epoch = std::chrono::steady_clock::now();
    options.on_open = [this, sent, path = options.path, bytes = options.payload_bytes] {
      boost::asio::post(loop, [this, sent, path, bytes] {
        for (std::uint64_t sequence = 0; sequence != sent; ++sequence)
          send_all(path, make_payload({.sequence = sequence, .scheduled = 0}, bytes));
      });
    };
    return run(options);
  }

  const Lie lie;
  tests::TestCertificates certificates;
  boost::asio::io_context loop{1};
  proto::TlsContext tls = proto::TlsContext::server({certificates.cert(), certificates.key()});
  std::map<std::string, std::vector<std::pair<Connection*, std::int32_t>>> streams;
  std::uint64_t published = 0;
  test::LoopbackServer server;
  std::thread thread;
};

TEST_CASE("a clean run delivers every event to every stream once") {
  const LittleGateway gateway;
  const Figures figures = gateway.run({.topics = 2, .connections = 3, .streams = 4, .rate = 200});
  CHECK(figures.published > 0);
  CHECK(figures.total.deliveries == gateway.published * 6);  // 12 streams over 2 topics
  CHECK(figures.total.lost == 0);
  CHECK(figures.total.repeated == 0);
  CHECK(figures.total.malformed == 0);
  CHECK(figures.failure.empty());
  CHECK(figures.latency.count() > 0);
}

TEST_CASE("one at a time publishes only after the last event has reached everyone") {
  const LittleGateway gateway;
  const Figures figures = gateway.run({.connections = 2, .streams = 2, .one_at_a_time = true});
  CHECK(figures.published > 1);
  CHECK(figures.total.deliveries == gateway.published * 4);
  CHECK(figures.total.lost == 0);
}

TEST_CASE("what a server drops is counted as lost") {
  const LittleGateway gateway(LittleGateway::Lie::drop);
  const Figures figures = gateway.run({.connections = 2, .rate = 200});
  CHECK(figures.total.lost == gateway.published / 5);
  CHECK(figures.total.repeated == 0);
}

TEST_CASE("what a server repeats is counted as repeated") {
  const LittleGateway gateway(LittleGateway::Lie::repeat);
  const Figures figures = gateway.run({.connections = 2, .rate = 200});
  CHECK(figures.total.repeated == gateway.published / 5);
  CHECK(figures.total.lost == 0);
}

TEST_CASE("who only subscribes receives what others publish") {
  LittleGateway gateway;
  const Figures figures =
      gateway.run_subscribers({.path = "/events", .connections = 2, .streams = 3, .expected_events = 50}, 50);
  CHECK(figures.deliveries == 300);
  CHECK(figures.published == 50);
  CHECK(figures.total.lost == 0);
  CHECK(figures.total.repeated == 0);
  CHECK(figures.total.malformed == 0);
  CHECK(figures.failure.empty());
  CHECK(figures.latency.count() == 300);
}

TEST_CASE("who only subscribes counts what a server drops") {
  LittleGateway gateway(LittleGateway::Lie::drop);
  const Figures figures = gateway.run_subscribers({.path = "/events", .connections = 2, .expected_events = 52}, 52);
  CHECK(figures.total.lost == 10);
  CHECK(figures.total.repeated == 0);
}

TEST_CASE("who only subscribes counts what a server repeats") {
  LittleGateway gateway(LittleGateway::Lie::repeat);
  const Figures figures = gateway.run_subscribers({.path = "/events", .connections = 2, .expected_events = 52}, 52);
  CHECK(figures.total.repeated == 10);
  CHECK(figures.total.lost == 0);
}

TEST_CASE("what was never published is lost to who only subscribes") {
  LittleGateway gateway;
  const Figures figures = gateway.run_subscribers({.path = "/events", .expected_events = 60}, 50);
  CHECK(figures.deliveries == 50);
  CHECK(figures.total.lost == 10);
}

TEST_CASE("new connections are counted when their stream has begun") {
  const LittleGateway gateway;
  LoadOptions options{.connections = 2};
  options.kind = LoadOptions::Kind::handshakes;
  const Figures figures = gateway.run(options);
  CHECK(figures.failure.empty());
  CHECK(figures.connections > 0);
}

TEST_CASE("without a server a run says so") {
  LoadOptions options{.host = "127.0.0.1", .port = 1};
  CHECK_THROWS_WITH(static_cast<void>(run_load(options, proto::TlsContext::client({.verify = false}))),
                    "only 0 of 1 streams are open: connection refused by 127.0.0.1:1: is it running?");
}

}  // namespace
}  // namespace sluice::bench
