// Http1Server: a scripted HTTP/1.1 server on a free port of 127.0.0.1, over TCP or TLS, on the test's own loop. It
// reads requests by itself, not by our parser, and answers with the bytes of the script, right or wrong. Owned by a
// test, declared after the loop. Invariant: it does what on_request says and nothing else.
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

namespace sluice::test {

class Http1Server {
 public:
  class Connection final : proto::CiphertextSink {
   public:
    Connection(Http1Server& server, boost::asio::ip::tcp::socket socket);
    void read();
    void send(std::string_view bytes);
    void end();  // once all is sent: FIN, over TLS after a close_notify
    void cut();  // as a crash does: TCP resets, TLS ends without a word

    std::string request;  // the one being answered: its head, an empty line, its body
    std::size_t requests = 0;
    bool left = false;  // the client has closed it

   private:
    void on_ciphertext(std::span<const std::uint8_t> bytes) override;
    void take(std::string_view bytes);
    void write();

    Http1Server& server_;
    boost::asio::ip::tcp::socket socket_;
    std::unique_ptr<proto::TlsSession> tls_;
    std::string received_, unsent_, in_flight_;
    bool writing_ = false, ending_ = false;
    std::array<std::uint8_t, 65536> buffer_;
  };
  using RequestHandler = std::function<void(Connection&)>;

  // `tls` null: TCP.
  Http1Server(boost::asio::io_context& loop, const proto::TlsContext* tls, RequestHandler on_request);

  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  void close();  // cuts everything and stops listening

  std::list<Connection> connections;  // also those that are gone

 private:
  void accept();

  boost::asio::io_context& loop_;
  const proto::TlsContext* tls_;
  RequestHandler on_request_;
  boost::asio::ip::tcp::acceptor acceptor_;
};

}  // namespace sluice::test
