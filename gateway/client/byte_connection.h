// ByteConnection: one TCP connection, with TLS or without, that carries bytes for a protocol machine above it: resolve
// → connect → handshake → on_open → on_bytes… → on_closed. Owned by whoever owns the machine, on its loop's thread. It
// never connects by itself, holds no read buffer and no timer once open, and waits for readiness instead of reading.
//
//   a conversation   connect() → on_open → send(), on_bytes… → on_closed(ended or lost)
//   no connection    connect() → on_closed(refused, no_such_host, timed_out, not_trusted, …)
// A callback may call everything here, connect() included, and may destroy the connection; late completions find it
// gone. Invariant: on_closed comes once for each connect() that close() or another connect() has not ended, and nothing
// after.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/byte_buffer.h"
#include "proto/tls.h"

namespace sluice::client {

// What all connections of one thread share: they read one after the other.
struct ReadBuffers {
  // One read takes what a busy peer has sent since the last turn: fewer turns at high rates.
  std::vector<std::uint8_t> wire = std::vector<std::uint8_t>(256 * 1024);
  ByteBuffer plaintext;
};

enum class CloseReason : std::uint8_t {
  no_such_host,
  refused,
  unreachable,
  timed_out,      // before TCP was connected
  tls_timed_out,  // in the handshake
  not_trusted,    // the certificate: trying again cannot help
  tls_failed,
  ended,  // by the peer, in good order
  lost,
};

class ByteVisitor {
 public:
  virtual void on_open() = 0;
  virtual void on_bytes(std::span<const std::uint8_t> bytes) = 0;
  // What send() had to keep has been taken by the socket.
  virtual void on_drained() {}
  // `text` is for a person and names host and port.
  virtual void on_closed(CloseReason why, const std::string& text) = 0;

 protected:
  ~ByteVisitor() = default;
};

class ByteConnection {
 public:
  struct Peer {
    std::string host;
    std::uint16_t port = 0;
    const proto::TlsContext* tls = nullptr;     // a client's, which outlives the connection; none: plain TCP
    std::string server_name;                    // that the certificate must have; empty: the host
    std::chrono::milliseconds timeout{10'000};  // resolve, connect and handshake together
  };

  // All three outlive it.
  ByteConnection(boost::asio::io_context& loop, ReadBuffers& buffers, ByteVisitor& visitor);
  ~ByteConnection();
  ByteConnection(const ByteConnection&) = delete;
  ByteConnection& operator=(const ByteConnection&) = delete;

  // No callback comes from inside. A connection that is there is closed first.
  void connect(Peer peer);
  // From on_open on; what the socket does not take is kept, and unsent_size() says how much: the caller sets the limit.
  // A lost connection takes no bytes, and on_closed follows.
  void send(std::span<const std::uint8_t> bytes);
  // Leaves the peer's bytes in the socket, so that its window stops it. Bytes of the read that is under way still come;
  // the end of the connection is noticed after resume_reading() only.
  void pause_reading();
  void resume_reading();
  // Says goodbye (close_notify) if the socket takes it now, and drops what is unsent.
  void close();

  [[nodiscard]] bool open() const;
  [[nodiscard]] std::size_t unsent_size() const;
  [[nodiscard]] std::string_view alpn() const;  // what TLS chose; empty: nothing

 private:
  class Link;  // one TCP connection, which its pending completions share

  boost::asio::io_context& loop_;
  ReadBuffers& buffers_;
  ByteVisitor& visitor_;
  std::shared_ptr<Link> link_;
};

}  // namespace sluice::client
