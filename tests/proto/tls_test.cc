#include "proto/tls.h"

#include <doctest/doctest.h>

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

}  // namespace
}  // namespace sluice::tests
