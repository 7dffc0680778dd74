// Listener: one listening socket. Accepts on its worker and hands each descriptor to the worker with the fewest
// streams: SO_REUSEPORT would skew a few fat h2 connections and hide a port in use. Rests instead of spinning when
// descriptors, connections or handshakes are used up. Owned by the gateway, on its worker's thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "gateway/serve/worker.h"

namespace sluice::serve {

class Listener {
 public:
  // Binds and listens; throws std::runtime_error that names the address and the remedy. `workers`: all; it is the
  // first one's. `handler`: the administrator's, on the first worker; null: each worker's public router.
  Listener(const config::ListenAddress& address, std::vector<Worker*> workers, const config::Limits& limits,
           const proto::TlsContext& context, Handler* handler);

  void start();
  void stop();
  // "127.0.0.1:8443", with the port that the kernel chose.
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  void await();
  void accept();
  void rest();
  [[nodiscard]] Worker& least_loaded() const;

  Worker& worker_;
  const std::vector<Worker*> workers_;
  const config::Limits& limits_;
  const proto::TlsContext& context_;
  Handler* handler_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer timer_;
  std::string address_;
  std::uint16_t port_ = 0;
  bool stopped_ = false;
};

}  // namespace sluice::serve
