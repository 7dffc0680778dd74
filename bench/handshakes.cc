#include "bench/handshakes.h"

#include <boost/asio/io_context.hpp>
#include <deque>

#include "bench/subscribers.h"
#include "gateway/client/client_connection.h"

namespace sluice::bench {
namespace {

using Clock = std::chrono::steady_clock;

// One place in the crowd: connects, waits for its stream's first bytes, closes, and begins again.
class Newcomer final : private proto::ResponseVisitor {
 public:
  Newcomer(boost::asio::io_context& loop, client::ConnectionBuffers& buffers, const proto::TlsContext& tls,
           const LoadOptions& options, unsigned number, Figures& figures, const bool& running)
      : request_{"GET", "https", authority(options), topic_path(options, number % options.topics), "", {}},
        figures_(figures),
        running_(running),
        connection_(loop, buffers, &tls, {.host = options.host, .port = options.port}) {}

  void begin() { connection_.request(request_, *this); }
  void close() { connection_.close(); }

 private:
  void on_head(proto::StreamId, proto::ResponseHead&& head, bool) override {
    if (head.status != 200) fail("a stream was refused with status " + std::to_string(head.status));
  }
  void on_body(proto::StreamId, std::span<const std::uint8_t>) override {
    served_ = true;
    connection_.close();
  }
  void on_close(proto::StreamId, std::uint32_t) override {
    if (served_)
      ++figures_.connections;
    else if (running_)
      fail(connection_.error());
    served_ = false;
    if (running_ && figures_.failure.empty()) begin();
  }
  void fail(const std::string& why) {
    ++figures_.ended;
    if (figures_.failure.empty()) figures_.failure = why.empty() ? "a connection was closed before its stream" : why;
  }

  const proto::Request request_;
  Figures& figures_;
  const bool& running_;
  bool served_ = false;
  client::ClientConnection connection_;  // last: its end calls on_close
};

}  // namespace

Figures run_handshakes(const LoadOptions& options, const proto::TlsContext& tls) {
  Figures figures;
  std::optional<ServerProcess> server;
  if (options.server) server.emplace(*options.server);
  boost::asio::io_context loop(1);
  client::ConnectionBuffers buffers;
  bool running = true;
  std::deque<Newcomer> crowd;
  for (unsigned i = 0; i < options.connections; ++i)
    crowd.emplace_back(loop, buffers, tls, options, i, figures, running).begin();

  loop.run_for(options.warmup);
  const auto start = Clock::now();
  const auto own = own_cpu_time();
  const auto server_start = server ? server->cpu_time() : std::chrono::nanoseconds{};
  const std::uint64_t before = figures.connections;
  loop.run_for(options.duration);
  figures.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  figures.client_cpu_seconds = std::chrono::duration<double>(own_cpu_time() - own).count();
  if (server) figures.server_cpu_seconds = std::chrono::duration<double>(server->cpu_time() - server_start).count();
  figures.connections -= before;

  running = false;
  const std::uint64_t measured = figures.connections;
  for (Newcomer& newcomer : crowd) newcomer.close();
  loop.run_for(std::chrono::seconds(5));
  loop.stop();
  figures.connections = measured;
  return figures;
}

}  // namespace sluice::bench
