#include "proto/tls.h"

#include <doctest/doctest.h>
#include <malloc.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/proto/tls_pair.h"

namespace sluice::tests {
namespace {

using State = TlsSession::State;

// Text whose every part differs, so that a piece lost, repeated or moved shows.
std::string numbered_text(std::size_t size) {
  std::string text;
  for (int number = 0; text.size() < size; ++number) text += std::to_string(number) + ",";
  text.resize(size);
  return text;
}

// The record sizes on the wire (RFC 8446 §5.1: type, version, length, body).
std::vector<std::size_t> record_sizes(std::span<const std::uint8_t> wire) {
  std::vector<std::size_t> sizes;
  while (wire.size() >= 5) {
    const auto size = static_cast<std::size_t>(wire[3] << 8 | wire[4]);
    sizes.push_back(size);
    wire = wire.subspan(std::min(wire.size(), 5 + size));
  }
  return sizes;
}

TEST_CASE("a client and a server agree on TLS 1.3 and h2 and exchange text, in fragments of any size") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const TlsContext client = client_context(certificates);
  for (const std::size_t fragment : {1, 2, 3, 5, 7, 64, 1460, 16383, 16384, 16385, 1 << 20}) {
    CAPTURE(fragment);
    TlsPair pair(server, client);
    pair.handshake(fragment);
    REQUIRE(pair.server.state() == State::open);
    REQUIRE(pair.client.state() == State::open);
    CHECK(pair.server.alpn() == "h2");
    CHECK(pair.client.alpn() == "h2");
    CHECK(pair.server.version() == "TLSv1.3");
    CHECK_FALSE(pair.server.resumed());

    const std::string question = numbered_text(40'000);
    const std::string answer = numbered_text(100'000);
    pair.client.send(bytes_of(question));
    pair.server.send(bytes_of(answer));
    pair.exchange(fragment);
    CHECK(pair.at_server.text() == question);
    CHECK(pair.at_client.text() == answer);
  }
}

TEST_CASE("what is sent is sealed when send returns, in records of at most 16 KB of plaintext") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const TlsContext client = client_context(certificates);
  TlsPair pair(server, client);
  pair.handshake();
  const std::string text = numbered_text(5 * 16384 + 1);
  pair.server.send(bytes_of(text));
  const std::vector<std::size_t> sizes = record_sizes(pair.to_client.bytes);
  CHECK(sizes.size() == 6);
  for (const std::size_t size : sizes) CHECK(size <= 16384 + 1 + 16);  // content type and AEAD tag
  pair.exchange();
  CHECK(pair.at_client.text() == text);
  pair.server.send({});
  CHECK(pair.to_client.bytes.empty());
}

TEST_CASE("a buffer that only sees small reads stays small") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const TlsContext client = client_context(certificates);
  TlsPair pair(server, client);
  pair.handshake();
  for (int turn = 0; turn < 100; ++turn) {
    pair.client.send(bytes_of("thirteen byte"));
    pair.exchange(7);
    CHECK(pair.at_server.text() == "thirteen byte");
    pair.at_server.clear();
  }
  CHECK(pair.at_server.capacity() <= 1024);
}

TEST_CASE("close_notify from either side is seen by the other, which can still finish what it says") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const TlsContext client = client_context(certificates);
  TlsPair pair(server, client);
  pair.server.close();
  CHECK(pair.to_client.bytes.empty());  // before the handshake there is nothing to close
  pair.handshake();

  pair.client.send(bytes_of("last words"));
  pair.client.close();
  pair.client.close();
  pair.client.send(bytes_of("never sent"));
  pair.exchange();
  CHECK(pair.server.state() == State::closed_by_peer);
  CHECK(pair.at_server.text() == "last words");
  CHECK(pair.server.error().empty());

  pair.server.send(bytes_of("answer"));
  pair.server.close();
  pair.exchange();
  CHECK(pair.at_client.text() == "answer");
  CHECK(pair.client.state() == State::closed_by_peer);
}

TEST_CASE("a client refuses a server whose CA it does not trust, and both say so") {
  const TestCertificates certificates, others;
  const TlsContext server = server_context(certificates);
  const TlsContext client = client_context(others);
  TlsPair pair(server, client);
  pair.handshake();
  CHECK(pair.client.state() == State::failed);
  CHECK(pair.client.error() == "certificate verify failed: unable to get local issuer certificate (localhost)");
  CHECK(pair.server.state() == State::failed);
  CHECK(pair.server.error() == "the peer refused: unknown CA");
}

TEST_CASE("a client checks the host it wanted, a name against names and an address against addresses") {
  const TestCertificates certificates({"*.app.test"});
  const TlsContext server = server_context(certificates);
  const TlsContext client = client_context(certificates);
  for (const char* host : {"localhost", "LOCALHOST", "a.app.test", "127.0.0.1", "::1", "[::1]"}) {
    CAPTURE(host);
    TlsPair pair(server, client, host);
    pair.handshake();
    CHECK(pair.client.error() == "");
    CHECK(pair.client.state() == State::open);
  }
  for (const char* host : {"example.test", "a.b.app.test", "app.test"}) {
    CAPTURE(host);
    TlsPair pair(server, client, host);
    pair.handshake();
    CHECK(pair.client.error() == "certificate verify failed: hostname mismatch (" + std::string(host) + ")");
  }
  TlsPair pair(server, client, "127.0.0.2");
  pair.handshake();
  CHECK(pair.client.error() == "certificate verify failed: IP address mismatch (127.0.0.2)");
  CHECK_THROWS_AS(TlsPair(server, client, ""), std::invalid_argument);
  CHECK_THROWS_AS(TlsPair(server, client, std::string(300, 'a')), std::invalid_argument);
}

TEST_CASE("an insecure client accepts any certificate for any name") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const TlsContext client = TlsContext::client({.verify = false});
  TlsPair pair(server, client, "example.test");
  pair.handshake();
  CHECK(pair.client.state() == State::open);
  CHECK(pair.server.state() == State::open);
}

TEST_CASE("plain HTTP and other garbage on the TLS port fail with words, at once or at the first byte that cannot be") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  struct Row {
    const char* name;
    std::string bytes;
    std::string_view error;
  };
  const Row rows[] = {
      {"GET", "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", "plain HTTP on a TLS port"},
      {"POST", "POST /topics/a HTTP/1.1\r\n\r\n", "plain HTTP on a TLS port"},
      {"DELETE", "DELETE / HTTP/1.1\r\n\r\n", "plain HTTP on a TLS port"},
      {"CONNECT", "CONNECT a:443 HTTP/1.1\r\n\r\n", "plain HTTP on a TLS port"},
      {"h2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "plain HTTP on a TLS port"},
      {"zeros", std::string(64, '\0'), "wrong version number"},
      {"ssh", "ssh-2.0-OpenSSH_9.2\r\n", "wrong version number"},
      {"record of 65535", std::string("\x16\x03\x01\xff\xff", 5) + std::string(64, 'x'), "packet length too long"},
      {"not a hello", std::string("\x16\x03\x01\x00\x04\x0e\x00\x00\x00", 9), "unexpected message"},
      {"data first", std::string("\x17\x03\x03\x00\x01x", 6), "unexpected message"},
  };
  for (const Row& row : rows) {
    for (const std::size_t fragment : {1, 3, 1000}) {
      CAPTURE(std::string_view(row.name));
      CAPTURE(fragment);
      Wire out;
      ByteBuffer plaintext;
      TlsSession session(server, out);
      CHECK(feed(session, bytes_of(row.bytes), plaintext, fragment) == State::failed);
      CHECK(session.error() == row.error);
      CHECK(plaintext.empty());
      session.send(bytes_of("nothing comes of this"));
      session.close();
      CHECK(out.bytes.size() <= 7);  // an alert at most
    }
  }
}

TEST_CASE("a client that meets a plain HTTP server says so") {
  const TestCertificates certificates;
  const TlsContext client = client_context(certificates);
  Wire out;
  ByteBuffer plaintext;
  TlsSession session(client, out, "localhost");
  session.start();
  CHECK(feed(session, bytes_of("HTTP/1.1 400 Bad Request\r\n\r\n"), plaintext) == State::failed);
  CHECK(session.error() == "the peer speaks plain HTTP, not TLS");
}

TEST_CASE("a handshake that stops anywhere stays a handshake, without a byte of answer to half a hello") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const TlsContext client = client_context(certificates);
  Wire to_server;
  TlsSession hello(client, to_server, "localhost");
  hello.start();
  const std::vector<std::uint8_t> bytes = to_server.take();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Wire out;
    ByteBuffer plaintext;
    TlsSession session(server, out);
    CHECK(session.receive(std::span(bytes).first(size), plaintext) == State::handshaking);
    CHECK(out.bytes.empty());
  }
}

TEST_CASE("any flipped byte of a record ends the session with an alert, and nothing after it is read") {
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const TlsContext client = client_context(certificates);
  for (std::size_t place = 5; place < 30; ++place) {
    TlsPair pair(server, client);
    pair.handshake();
    pair.client.send(bytes_of("hello"));
    std::vector<std::uint8_t> record = pair.to_server.take();
    if (place >= record.size()) break;
    record[place] ^= 1;
    CHECK(feed(pair.server, record, pair.at_server) == State::failed);
    CHECK(pair.server.error() == "decryption failed or bad record mac");
    CHECK_FALSE(pair.to_client.bytes.empty());
    pair.exchange();
    CHECK(pair.client.error() == "the peer refused: bad record mac");
    pair.client.send(bytes_of("more"));
    pair.exchange();
    CHECK(pair.at_server.empty());
  }
}

TEST_CASE("an idle session costs the server at most 14.5 KB of heap, also after traffic") {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const TestCertificates certificates;
  const TlsContext server = server_context(certificates);
  const TlsContext client = client_context(certificates);
  constexpr std::size_t count = 200;
  const std::string text = numbered_text(40'000);
  std::vector<std::unique_ptr<TlsSession>> kept;
  kept.reserve(count);
  Wire to_client;
  ByteBuffer plaintext;
  const auto open_one = [&] {
    Wire to_server;
    TlsSession peer(client, to_server, "localhost");
    auto session = std::make_unique<TlsSession>(server, to_client);
    peer.start();
    while (!to_server.bytes.empty() || !to_client.bytes.empty()) {
      feed(*session, to_server.take(), plaintext);
      feed(peer, to_client.take(), plaintext);
    }
    peer.send(bytes_of(text));
    feed(*session, to_server.take(), plaintext);
    session->send(bytes_of(text));
    to_client.take();
    plaintext.release();
    return session;
  };
  { const auto first = open_one(); }  // what OpenSSL keeps for the process
  const std::size_t before = ::mallinfo2().uordblks;
  for (std::size_t index = 0; index < count; ++index) kept.push_back(open_one());
  const std::size_t each = (::mallinfo2().uordblks - before) / count;
  CHECK(each <= 14'500);
#endif
}

}  // namespace
}  // namespace sluice::tests
