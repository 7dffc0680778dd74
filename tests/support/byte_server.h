// ByteServer: a scripted server of bytes, plain or behind TLS, on a free port of 127.0.0.1, on the test's own loop.
// Stands in for an engine in tests of connections. Owned by a test, declared after the loop; connections stay listed
// when they are gone. Invariant: it does what the script says and nothing else.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "proto/tls.h"
#include "tests/support/loopback_listener.h"

namespace sluice::test {

class ByteServer {
 public:
  class Connection final : proto::CiphertextSink {
   public:
    Connection(ByteServer& server, boost::asio::ip::tcp::socket socket);
    ~Connection();
    void send(std::string text);
    void end();   // in good order
    void cut();   // as a crash does: RST, no close_notify
    void stop();  // reads no more, as a hung process does
    void go_on();

    std::string received;  // all of it
    bool ended = false;    // by the client, or by the script

   private:
    friend class ByteServer;
    void read();
    void take(std::string_view bytes);
    void on_ciphertext(std::span<const std::uint8_t> bytes) override;
    void write(std::string_view bytes);
    void write_some();

    ByteServer& server_;
    boost::asio::ip::tcp::socket socket_;
    std::unique_ptr<proto::TlsSession> tls_;
    std::string unsent_, early_;  // early: before the handshake is over
    bool writing_ = false, reading_ = false, stopped_ = false, ending_ = false;
    std::array<char, 65536> buffer_;
  };
  using Script = std::function<void(Connection&, std::string_view bytes)>;

  // `tls`: a server's context, which outlives it; none: plain. `script` is called with what each read brought.
  ByteServer(boost::asio::io_context& loop, const proto::TlsContext* tls, Script script);

  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }
  void cut_all();
  void stop_listening() { listener_.stop(); }
  void listen_again() { listener_.listen(); }

  std::list<Connection> connections;

 private:
  const proto::TlsContext* tls_;
  Script script_;
  LoopbackListener listener_;
};

}  // namespace sluice::test
