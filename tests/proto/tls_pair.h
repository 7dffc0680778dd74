// A TLS client and server joined in memory for tests: what one seals lies in a wire until the test carries it over, in
// pieces of any size. The client may be a TlsSession or a bare OpenSSL client with settings that ours does not have.
// Invariant: bytes arrive in order and none is lost, unless the test takes them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/openssl.h"
#include "proto/tls.h"
#include "tests/support/certificates.h"

namespace sluice::tests {

using proto::TlsContext;
using proto::TlsSession;

struct Wire final : proto::CiphertextSink {
  std::vector<std::uint8_t> bytes;
  void on_ciphertext(std::span<const std::uint8_t> more) override {
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  std::vector<std::uint8_t> take() { return std::exchange(bytes, {}); }
};

inline std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline TlsContext server_context(const TestCertificates& certificates) {
  return TlsContext::server({.certificate = certificates.cert(), .key = certificates.key()});
}
inline TlsContext client_context(const TestCertificates& certificates) {
  return TlsContext::client({.ca = certificates.ca()});
}

// Feeds `bytes` in pieces of at most `fragment` bytes.
inline TlsSession::State feed(TlsSession& session, std::span<const std::uint8_t> bytes, ByteBuffer& plaintext,
                              std::size_t fragment = 1 << 20) {
  while (!bytes.empty()) {
    const std::size_t size = std::min(fragment, bytes.size());
    session.receive(bytes.first(size), plaintext);
    bytes = bytes.subspan(size);
  }
  return session.state();
}

struct TlsPair {
  Wire to_server, to_client;
  TlsSession server, client;
  ByteBuffer at_server, at_client;

  TlsPair(const TlsContext& server_context, const TlsContext& client_context, const std::string& host = "localhost")
      : server(server_context, to_client), client(client_context, to_server, host) {}

  // Carries bytes both ways until both wires are empty.
  void exchange(std::size_t fragment = 1 << 20) {
    while (!to_server.bytes.empty() || !to_client.bytes.empty()) {
      feed(server, to_server.take(), at_server, fragment);
      feed(client, to_client.take(), at_client, fragment);
    }
  }
  void handshake(std::size_t fragment = 1 << 20) {
    client.start();
    exchange(fragment);
  }
};

// OpenSSL as it comes, with memory BIOs: for versions, suites and misbehaviour that TlsContext::client() has no option
// for.
class BareClient {
 public:
  explicit BareClient(SSL_CTX* context) : ssl_(SSL_new(context)) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
  }

  SSL* ssl() { return ssl_.get(); }
  // Why the handshake failed, in OpenSSL's words.
  [[nodiscard]] const std::string& error() const { return error_; }
  std::vector<std::uint8_t> take() {
    std::vector<std::uint8_t> bytes(BIO_ctrl_pending(SSL_get_wbio(ssl())));
    if (!bytes.empty()) BIO_read(SSL_get_wbio(ssl()), bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }
  void give(std::span<const std::uint8_t> bytes) {
    BIO_write(SSL_get_rbio(ssl()), bytes.data(), static_cast<int>(bytes.size()));
  }
  // Carries bytes between this client and `server` until neither has more to say.
  void exchange(TlsSession& server, Wire& from_server, ByteBuffer& at_server) {
    for (;;) {
      ERR_clear_error();
      if (const int result = SSL_do_handshake(ssl());
          result != 1 && error_.empty() && SSL_get_error(ssl(), result) == SSL_ERROR_SSL)
        error_ = proto::take_openssl_error();
      char ignored[256];
      while (SSL_is_init_finished(ssl()) != 0 && SSL_read(ssl(), ignored, sizeof ignored) > 0) continue;
      const std::vector<std::uint8_t> bytes = take();
      if (bytes.empty() && from_server.bytes.empty()) return;
      feed(server, bytes, at_server);
      give(from_server.take());
    }
  }

 private:
  proto::SslHandle ssl_;
  std::string error_;
};

}  // namespace sluice::tests
