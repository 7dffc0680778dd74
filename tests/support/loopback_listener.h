// LoopbackListener: accepts connections on a free port of 127.0.0.1, on the test's own loop, for the scripted servers.
// Owned by one of them. Invariant: its port stays the same when it stops and listens again.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <utility>

namespace sluice::test {

class LoopbackListener {
 public:
  using Taker = std::function<void(boost::asio::ip::tcp::socket)>;

  LoopbackListener(boost::asio::io_context& loop, Taker taker) : taker_(std::move(taker)), acceptor_(loop) { listen(); }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  void stop() { acceptor_.close(); }
  void listen() {
    using boost::asio::ip::tcp;
    acceptor_.open(tcp::v4());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind({boost::asio::ip::address_v4::loopback(), port_});
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    accept();
  }

 private:
  void accept() {
    acceptor_.async_accept([this](const boost::system::error_code& error, boost::asio::ip::tcp::socket socket) {
      if (error) return;
      taker_(std::move(socket));
      accept();
    });
  }

  const Taker taker_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;  // at first: any that is free
};

}  // namespace sluice::test
