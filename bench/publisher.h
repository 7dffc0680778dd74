// Publisher: the publishing side of a load run, on a connection of its own. Three paces: scheduled (open model: what is
// late is sent late and counts as latency), as fast as it is acknowledged, or one at a time.
// Owned by a Load, on its loop. Invariant: a topic's sequence numbers are published without a hole, in order.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/load_options.h"
#include "bench/run_clock.h"
#include "bench/subscribers.h"
#include "gateway/client/client_connection.h"

namespace sluice::bench {

class Publisher final : private proto::ResponseVisitor {
 public:
  // `tally`: where deliveries arrive, for one at a time.
  Publisher(boost::asio::io_context& loop, client::ConnectionBuffers& buffers, const proto::TlsContext& tls,
            const LoadOptions& options, const RunClock& clock, const Tally& tally, const Subscribers& subscribers);
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  void start();
  void stop();
  void close() { connection_.close(); }
  // One at a time: to be called when deliveries may have come.
  void proceed();

  [[nodiscard]] const std::vector<std::uint64_t>& published() const { return sequences_; }  // by topic
  [[nodiscard]] std::uint64_t published_count() const { return count_; }
  [[nodiscard]] std::uint64_t expected_deliveries() const { return expected_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  void publish(std::uint64_t scheduled);
  void publish_due();
  [[nodiscard]] std::string body(unsigned topic, std::uint64_t scheduled);
  void on_head(proto::StreamId id, proto::ResponseHead&& head, bool end) override;
  void on_body(proto::StreamId id, std::span<const std::uint8_t> bytes) override;
  void on_close(proto::StreamId id, std::uint32_t code) override;

  const LoadOptions& options_;
  const RunClock& clock_;
  const Tally& tally_;
  const Subscribers& subscribers_;
  boost::asio::steady_timer timer_;
  std::vector<std::uint64_t> sequences_;
  std::vector<proto::Request> requests_;  // by topic
  std::uint64_t count_ = 0, expected_ = 0, refused_ = 0;
  std::chrono::steady_clock::time_point next_;  // when the next body is due
  std::size_t in_flight_ = 0;
  unsigned topic_ = 0;
  std::string failure_;  // the first refusal
  bool running_ = false;
  client::ClientConnection connection_;  // last: its end calls on_close
};

}  // namespace sluice::bench
