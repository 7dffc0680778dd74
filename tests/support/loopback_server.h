// LoopbackServer: a scripted HTTP/2 server behind TLS on a free port of 127.0.0.1, on the test's own loop. Stands in
// for a gateway in tests of the client and of the load client. Owned by a test, declared after the loop. Invariant: it
// does what on_request says and nothing else.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <set>
#include <span>

#include "proto/tls.h"
#include "tests/support/loopback_listener.h"
#include "tests/support/scripted_server.h"

namespace sluice::test {

class LoopbackServer {
 public:
  class Connection final : proto::CiphertextSink {
   public:
    Connection(LoopbackServer& server, boost::asio::ip::tcp::socket socket);
    ~Connection();
    void read();
    void flush();
    void cut();  // as a crash does: no close_notify, no GOAWAY
    ScriptedServer peer;

   private:
    void on_ciphertext(std::span<const std::uint8_t> bytes) override;
    LoopbackServer& server_;
    boost::asio::ip::tcp::socket socket_;
    std::unique_ptr<proto::TlsSession> tls_;
    std::set<std::int32_t> announced_;
    std::array<std::uint8_t, 65536> buffer_;
  };
  using RequestHandler = std::function<void(Connection&, std::int32_t id, const ScriptedServer::Stream&)>;

  LoopbackServer(boost::asio::io_context& loop, const proto::TlsContext& tls, RequestHandler on_request);

  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }
  void cut_all();
  void stop_listening() { listener_.stop(); }
  void listen_again() { listener_.listen(); }

  std::list<Connection> connections;  // also those that were cut

 private:
  const proto::TlsContext& tls_;
  RequestHandler on_request_;
  LoopbackListener listener_;
};

}  // namespace sluice::test
