// TLS as a pure machine over OpenSSL with a BIO of our own (14 KB per connection instead of 48): ciphertext in,
// plaintext out, and back. No socket. A TlsContext is shared by all connections of a process (immutable after its
// construction, any thread); a TlsSession belongs to one connection and its thread.
// Invariant: what send() took has reached the sink, sealed, when it returns.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/byte_buffer.h"

namespace sluice::proto {

// Takes sealed bytes; never fails and never calls back (what the socket does not take, the owner keeps).
class CiphertextSink {
 public:
  virtual void on_ciphertext(std::span<const std::uint8_t> bytes) = 0;

 protected:
  ~CiphertextSink() = default;
};

class TlsContext {
 public:
  struct ServerFiles {
    std::filesystem::path certificate;  // PEM: leaf first, then the chain
    std::filesystem::path key;          // PEM
  };
  // TLS 1.2 + 1.3, Mozilla intermediate's AEAD suites, AES-128-GCM and X25519 first, tickets, no renegotiation, no
  // early data. `alpn`: what is served, comma-separated, in order of preference; empty: none is chosen. Throws
  // std::runtime_error with the file and the remedy when a file is missing, unreadable, not PEM, expired, or when key
  // and certificate do not match.
  [[nodiscard]] static TlsContext server(const ServerFiles& files, std::string_view alpn = "h2");
  // `ca`: a PEM file to trust; none: the system's store; verify = false: --insecure. `alpn` in order of preference.
  struct ClientOptions {
    std::optional<std::filesystem::path> ca;
    bool verify = true;
    std::string alpn = "h2";  // comma-separated
  };
  [[nodiscard]] static TlsContext client(const ClientOptions& options);

  // Whether `protocol` is one that ALPN may choose.
  [[nodiscard]] bool offers(std::string_view protocol) const;

  TlsContext(TlsContext&&) noexcept;
  TlsContext& operator=(TlsContext&&) noexcept;
  ~TlsContext();

 private:
  friend class TlsSession;
  struct Data;
  explicit TlsContext(std::unique_ptr<Data> data);
  std::unique_ptr<Data> data_;
};

class TlsSession {
 public:
  enum class State : std::uint8_t { handshaking, open, closed_by_peer, failed };

  // Server side.
  TlsSession(const TlsContext& context, CiphertextSink& sink);
  // Client side: SNI and host name check; call start() to send the ClientHello. An address is checked as an address.
  // Throws std::invalid_argument for what cannot be a host.
  TlsSession(const TlsContext& context, CiphertextSink& sink, const std::string& host);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  void start();
  // Feeds bytes of the wire, appends what they decrypt to. Returns the state after them; on `failed`, error() says why
  // and the alert is already in the sink.
  State receive(std::span<const std::uint8_t> ciphertext, ByteBuffer& plaintext);
  // Seals `plaintext` in records of up to 16 KB. From state open on; takes nothing once failed or after close(). May
  // itself end in `failed` (a peer that broke the protocol between two reads): look at state() before the next turn.
  void send(std::span<const std::uint8_t> plaintext);
  // Sends close_notify, once; nothing before the handshake is over.
  void close();

  [[nodiscard]] State state() const;
  [[nodiscard]] const std::string& error() const;
  [[nodiscard]] std::string_view alpn() const;     // "h2", or empty
  [[nodiscard]] std::string_view version() const;  // "TLSv1.3"
  [[nodiscard]] bool resumed() const;

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace sluice::proto
