// A client and a scripted server on one loop, over HTTP/2 or HTTP/1.1. The clock is real: waits in these tests are
// milliseconds.
#pragma once

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "gateway/client/client_connection.h"
#include "tests/support/certificates.h"
#include "tests/support/http1_server.h"
#include "tests/support/loopback_server.h"
#include "tests/support/response.h"

namespace sluice::client {

// A key takes a millisecond to make and nothing depends on a fresh one.
inline const tests::TestCertificates& certificates() {
  static const tests::TestCertificates made;
  return made;
}
inline proto::TlsContext server_tls(std::string_view alpn = "h2") {
  return proto::TlsContext::server({certificates().cert(), certificates().key()}, alpn);
}
inline proto::TlsContext trusting_tls(std::string alpn = "h2") {
  return proto::TlsContext::client({.ca = certificates().ca(), .alpn = std::move(alpn)});
}

using Answer = test::Response;

// A loop that a test turns by hand.
struct Turns {
  // Runs the loop until `done`, for at most as long as a busy machine may need under a sanitizer.
  template <class Done>
  void until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (!done() && std::chrono::steady_clock::now() < deadline) {
      if (loop.stopped()) loop.restart();
      loop.run_one_for(std::chrono::milliseconds(100));
    }
    CHECK(done());
  }
  void run_to_the_end() {
    loop.restart();
    loop.run_for(std::chrono::seconds(5));
    CHECK(loop.stopped());  // nothing is left to wait for
  }

  boost::asio::io_context loop{1};
  ConnectionBuffers buffers;
};

// Over HTTP/2, on TLS.
struct Conversation : Turns {
  explicit Conversation(test::LoopbackServer::RequestHandler on_request)
      : server(loop, server_context, std::move(on_request)),
        connection(loop, buffers, &client_context, {.host = "localhost", .port = server.port()}) {}
  ~Conversation() { finish(); }
  void finish() {
    connection.close();
    server.stop_listening();
    server.cut_all();
    run_to_the_end();
  }

  proto::TlsContext server_context = server_tls(), client_context = trusting_tls();
  test::LoopbackServer server;
  ClientConnection connection;
};

// Over HTTP/1.1. `alpn`: what the server serves over TLS, "" for a server without ALPN; none: TCP.
struct Http1Conversation : Turns {
  explicit Http1Conversation(test::Http1Server::RequestHandler on_request, const std::optional<std::string>& alpn = {},
                             std::string offered = "h2,http/1.1")
      : server_context(alpn ? server_tls(*alpn) : server_tls()),
        client_context(trusting_tls(std::move(offered))),
        server(loop, alpn ? &server_context : nullptr, std::move(on_request)),
        connection(loop, buffers, alpn ? &client_context : nullptr, {.host = "localhost", .port = server.port()}) {}
  ~Http1Conversation() {
    connection.close();
    server.close();
    run_to_the_end();
  }

  proto::TlsContext server_context, client_context;
  test::Http1Server server;
  ClientConnection connection;
};

}  // namespace sluice::client
