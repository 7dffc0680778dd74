// A client and a scripted server over TLS on one loop. The clock is real: waits in these tests are milliseconds.
#pragma once

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <string>

#include "gateway/client/client_connection.h"
#include "tests/support/certificates.h"
#include "tests/support/loopback_server.h"

namespace sluice::client {

// A key takes a millisecond to make and nothing depends on a fresh one.
inline const tests::TestCertificates& certificates() {
  static const tests::TestCertificates made;
  return made;
}
inline proto::TlsContext server_tls() {
  return proto::TlsContext::server({certificates().cert(), certificates().key()});
}
inline proto::TlsContext trusting_tls() { return proto::TlsContext::client({.ca = certificates().ca()}); }

struct Answer final : proto::ResponseVisitor {
  void on_head(proto::StreamId, proto::ResponseHead&& head, bool) override { status = head.status; }
  void on_body(proto::StreamId, std::span<const std::uint8_t> bytes) override {
    body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void on_close(proto::StreamId, std::uint32_t received) override {
    ++closes;
    code = received;
  }
  int status = 0, closes = 0;
  std::uint32_t code = 0xffff;
  std::string body;
};

struct Conversation {
  explicit Conversation(test::LoopbackServer::RequestHandler on_request)
      : server(loop, server_context, std::move(on_request)),
        connection(loop, buffers, client_context, {.host = "localhost", .port = server.port()}) {}
  ~Conversation() { finish(); }

  // Runs the loop until `done`, for at most five seconds.
  template <class Done>
  void until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (!done() && std::chrono::steady_clock::now() < deadline) {
      if (loop.stopped()) loop.restart();
      loop.run_one_for(std::chrono::milliseconds(100));
    }
    CHECK(done());
  }
  void finish() {
    connection.close();
    server.stop_listening();
    server.cut_all();
    loop.restart();
    loop.run_for(std::chrono::seconds(5));
    CHECK(loop.stopped());  // nothing is left to wait for
  }

  boost::asio::io_context loop{1};
  proto::TlsContext server_context = server_tls(), client_context = trusting_tls();
  ConnectionBuffers buffers;
  test::LoopbackServer server;
  ClientConnection connection;
};

}  // namespace sluice::client
