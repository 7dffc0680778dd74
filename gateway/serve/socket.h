// Socket: the TCP socket under one connection, on Asio's reactor: waits for readiness, reads and writes without
// blocking. Owned by its worker, on its thread. Destroyed only when no wait is pending.
#pragma once

#include <array>

#include <boost/asio/ip/tcp.hpp>

#include "gateway/serve/connection.h"
#include "gateway/serve/worker.h"

namespace sluice::serve {

class Socket final : private Transport {
 public:
  Socket(Worker& worker, std::uint64_t id, boost::asio::ip::tcp::socket&& socket, Handler& handler,
         const proto::TlsContext& context, std::string remote);

  void await_readable();
  // Reads what is there and feeds the connection.
  void read();
  void close();
  [[nodiscard]] bool idle() const { return waits_ == 0; }
  [[nodiscard]] Connection& connection() { return connection_; }

  std::size_t slot = 0, slot_index = 0;  // its place in the worker's slots
  topic::TimePoint drain_at = topic::TimePoint::max();
  bool was_handshaking = true;

 private:
  std::size_t send(std::span<const std::uint8_t> bytes) override;
  void await_writable() override;

  Worker& worker_;
  boost::asio::ip::tcp::socket socket_;
  Connection connection_;
  std::uint8_t waits_ = 0;  // waits that Asio will still complete
  bool awaits_writable_ = false, closed_ = false;
};

}  // namespace sluice::serve
