// Subscribers: the crowd of a load run: connections, each with its streams, each checked. Opened a few connections at a
// time, so that opening is no attack. Owned by a Load, on its loop. It never reconnects: a stream that ends is a
// failure of the run. Invariant: after open() returned every stream has its head and first bytes.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bench/load_options.h"
#include "bench/run_clock.h"
#include "bench/stream_check.h"
#include "gateway/client/client_connection.h"

namespace sluice::bench {

class Subscribers {
 public:
  Subscribers(boost::asio::io_context& loop, client::ConnectionBuffers& buffers, const proto::TlsContext& tls,
              const LoadOptions& options, const RunClock& clock, Tally& tally);
  ~Subscribers();
  Subscribers(const Subscribers&) = delete;
  Subscribers& operator=(const Subscribers&) = delete;

  // Runs the loop until all are open. Throws std::runtime_error with the first refusal.
  void open();
  // `published[t]`: how many events topic t had in all.
  void finish(const std::vector<std::uint64_t>& published);
  void close();

  [[nodiscard]] std::size_t open_count() const { return open_; }
  [[nodiscard]] std::size_t ended_count() const { return ended_; }
  [[nodiscard]] std::size_t on_topic(unsigned topic) const;

 private:
  class Subscriber;
  void open_next();

  boost::asio::io_context& loop_;
  client::ConnectionBuffers& buffers_;
  const proto::TlsContext& tls_;
  const LoadOptions& options_;
  const RunClock& clock_;
  Tally& tally_;
  std::size_t open_ = 0, ended_ = 0;
  std::string failure_;
  bool closing_ = false;
  std::deque<Subscriber> subscribers_;
  std::deque<client::ClientConnection> connections_;  // last: its end calls the subscribers
};

[[nodiscard]] std::string topic_path(const LoadOptions& options, unsigned topic);
[[nodiscard]] std::string authority(const LoadOptions& options);

}  // namespace sluice::bench
