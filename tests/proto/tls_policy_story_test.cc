// What a server agrees to: versions, suites, ALPN, tickets, renegotiation. The peer is OpenSSL with settings of its
// own.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/proto/tls_pair.h"

namespace sluice::tests {
namespace {

using State = TlsSession::State;

proto::SslContextHandle bare_context(int version, std::string_view alpn = "h2") {
  proto::SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
  const std::string wire = std::string(1, static_cast<char>(alpn.size())).append(alpn);
  if (!alpn.empty())
    SSL_CTX_set_alpn_protos(context.get(), bytes_of(wire).data(), static_cast<unsigned int>(wire.size()));
  return context;
}

// A server and a bare client joined.
struct Meeting {
  Wire to_client;
  TlsSession server;
  BareClient client;
  ByteBuffer at_server;

  Meeting(const TlsContext& server_context, SSL_CTX* context) : server(server_context, to_client), client(context) {}
  void exchange() { client.exchange(server, to_client, at_server); }
  std::string_view suite() { return SSL_get_cipher_name(client.ssl()); }
};

TEST_CASE("a TLS 1.2 client is served") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const auto context = bare_context(TLS1_2_VERSION);
  Meeting meeting(server, context.get());
  meeting.exchange();
  REQUIRE(meeting.server.state() == State::open);
  CHECK(meeting.server.version() == "TLSv1.2");
  CHECK(meeting.server.alpn() == "h2");
  CHECK(meeting.suite() == "ECDHE-ECDSA-AES128-GCM-SHA256");
  SSL_write(meeting.client.ssl(), "hello", 5);
  meeting.exchange();
  CHECK(meeting.at_server.text() == "hello");
}

TEST_CASE("TLS 1.0 and 1.1 are refused with protocol_version") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    const auto context = bare_context(version);
    Meeting meeting(server, context.get());
    meeting.exchange();
    CHECK(meeting.client.error() == "tlsv1 alert protocol version");
    CHECK(meeting.server.state() == State::failed);
    CHECK(meeting.server.error() == "the peer offers no TLS version from 1.2 on");
  }
}

TEST_CASE("the server's order of suites decides, but a client that puts ChaCha20 first gets it") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  struct Row {
    int version;
    const char* offered;
    std::string_view agreed;
  };
  const Row rows[] = {
      {TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
      {TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
      {TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
      {TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.offered);
    const auto context = bare_context(row.version);
    if (row.version == TLS1_3_VERSION)
      SSL_CTX_set_ciphersuites(context.get(), row.offered);
    else
      SSL_CTX_set_cipher_list(context.get(), row.offered);
    Meeting meeting(server, context.get());
    meeting.exchange();
    CHECK(meeting.suite() == row.agreed);
  }
}

TEST_CASE("a client with none but CBC or static suites is refused") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const auto context = bare_context(TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(),
                          "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:AES128-GCM-SHA256@SECLEVEL=0");
  Meeting meeting(server, context.get());
  meeting.exchange();
  CHECK(meeting.client.error() == "sslv3 alert handshake failure");
  CHECK(meeting.server.error() == "no shared cipher");
}

TEST_CASE("X25519 is agreed on, also with a client that would rather have P-256") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const auto context = bare_context(TLS1_2_VERSION);
  SSL_CTX_set1_groups_list(context.get(), "P-256:X25519");
  Meeting meeting(server, context.get());
  meeting.exchange();
  EVP_PKEY* key = nullptr;
  REQUIRE(SSL_get_peer_tmp_key(meeting.client.ssl(), &key) == 1);
  CHECK(EVP_PKEY_is_a(key, "X25519") == 1);
  EVP_PKEY_free(key);
}

TEST_CASE("a client that offers other protocols than h2 is refused with no_application_protocol") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto context = bare_context(version, "http/1.1");
    Meeting meeting(server, context.get());
    meeting.exchange();
    CHECK(meeting.client.error() == "tlsv1 alert no application protocol");
    CHECK(meeting.server.error() == "the peer offers no protocol that is served here (ALPN)");
  }
}

TEST_CASE("a context says what its ALPN may choose, whole names only") {
  const TlsContext both = TlsContext::client({.verify = false, .alpn = "h2,http/1.1"});
  CHECK(both.offers("h2"));
  CHECK(both.offers("http/1.1"));
  CHECK_FALSE(both.offers("http/1"));
  CHECK_FALSE(both.offers(""));
  CHECK_FALSE(TlsContext::client({.verify = false}).offers("http/1.1"));
}

TEST_CASE("a client without ALPN is let in and has none") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const auto context = bare_context(TLS1_3_VERSION, "");
  Meeting meeting(server, context.get());
  meeting.exchange();
  CHECK(meeting.server.state() == State::open);
  CHECK(meeting.server.alpn().empty());
}

TEST_CASE("any server name is accepted: which site is served is the router's affair") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const auto context = bare_context(TLS1_3_VERSION);
  Meeting meeting(server, context.get());
  SSL_set_tlsext_host_name(meeting.client.ssl(), "somewhere.test");
  meeting.exchange();
  CHECK(meeting.server.state() == State::open);
}

TEST_CASE("a client resumes with the one ticket it got, under either version, and needs no certificate again") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const auto context = bare_context(version);
    Meeting first(server, context.get());
    first.exchange();
    REQUIRE(first.server.state() == State::open);
    CHECK_FALSE(first.server.resumed());
    const proto::SslSessionHandle ticket(SSL_get1_session(first.client.ssl()));
    REQUIRE(SSL_SESSION_is_resumable(ticket.get()) == 1);
    CHECK(SSL_SESSION_get_max_early_data(ticket.get()) == 0);

    Meeting second(server, context.get());
    SSL_set_session(second.client.ssl(), ticket.get());
    second.exchange();
    CHECK(second.server.state() == State::open);
    CHECK(second.server.resumed());
    CHECK(second.server.alpn() == "h2");
  }
}

TEST_CASE("another server's ticket is no ticket: the handshake is a full one") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const TlsContext other = server_context(certificates);
  const auto context = bare_context(TLS1_3_VERSION);
  Meeting first(server, context.get());
  first.exchange();
  const proto::SslSessionHandle ticket(SSL_get1_session(first.client.ssl()));
  Meeting second(other, context.get());
  SSL_set_session(second.client.ssl(), ticket.get());
  second.exchange();
  CHECK(second.server.state() == State::open);
  CHECK_FALSE(second.server.resumed());
}

TEST_CASE("renegotiation is refused and costs no handshake") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const auto context = bare_context(TLS1_2_VERSION);
  Meeting meeting(server, context.get());
  meeting.exchange();
  REQUIRE(SSL_renegotiate(meeting.client.ssl()) == 1);
  SSL_do_handshake(meeting.client.ssl());
  const std::vector<std::uint8_t> hello = meeting.client.take();
  REQUIRE_FALSE(hello.empty());
  feed(meeting.server, hello, meeting.at_server);
  CHECK(meeting.to_client.bytes.size() < 64);  // a no_renegotiation alert, no ServerHello
  CHECK(meeting.at_server.empty());
  meeting.client.give(meeting.to_client.take());
  ERR_clear_error();
  CHECK(SSL_do_handshake(meeting.client.ssl()) != 1);
  CHECK(proto::take_openssl_error() == "no renegotiation");
}

TEST_CASE("a client may change its keys, but not for ever") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const auto context = bare_context(TLS1_3_VERSION);
  Meeting meeting(server, context.get());
  meeting.exchange();
  const auto update = [&] {
    SSL_key_update(meeting.client.ssl(), SSL_KEY_UPDATE_REQUESTED);
    SSL_write(meeting.client.ssl(), ".", 1);
    return feed(meeting.server, meeting.client.take(), meeting.at_server);
  };
  for (int turn = 0; turn < 20; ++turn) {
    REQUIRE(update() == State::open);
    meeting.server.send(bytes_of("with the new key"));
    meeting.exchange();
  }
  CHECK(meeting.at_server.size() == 20);
  int more = 0;
  while (update() == State::open && more < 2000) ++more;
  CHECK(more == 980);
  CHECK(meeting.server.error() == "too many key updates");
}

}  // namespace
}  // namespace sluice::tests
