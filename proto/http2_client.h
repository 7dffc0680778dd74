// Http2Client: the client side of one HTTP/2 connection as a pure machine over nghttp2 (RFC 9113). Requests in, bytes
// out; bytes in, heads and bodies out. No socket, clock or thread. Owned by client/client_connection, on its thread.
//
// The common conversations, in call order:
//   a response      request() → flush() → receive() → on_head → on_body()… → on_close(0)
//   a publish       request(body) → flush(), again after each receive() while the peer's window is smaller than it
//   a slow reader   pause(id): its bytes still arrive, its windows do not move; resume(id) gives them back
//   the peer ends   receive() → on_goaway; streams up to its last one go on, request() answers
//                   on_close(refused_stream)
//   an error        receive() → flush() → error(): send what was flushed, close the transport, destroy the session
// A visitor may call request(), reset(), pause(), resume() and ping() (they queue), never receive(), flush() or the
// destructor. Invariant: every stream that request() announced gets on_close exactly once, at the latest from ~.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "proto/byte_buffer.h"
#include "proto/http.h"
#include "proto/http2.h"
#include "proto/response_visitor.h"

namespace sluice::proto {

struct Http2ClientOptions {
  // Chromium's. A window is returned in one WINDOW_UPDATE per half of it, so large windows mean few frames.
  std::uint32_t stream_window = 6 * 1024 * 1024;
  std::uint32_t connection_window = 15 * 1024 * 1024;
  // Of a response, decoded; names and values. Above: the stream is reset, on_close(enhance_your_calm).
  std::size_t header_bytes_max = 32 * 1024;
  std::size_t fields_max = 100;
  // Request fields kept to shorten later requests (RFC 7541 §4.2), bytes. 0 saves 1 KB for each connection.
  std::uint32_t request_table = 4096;
};

class Http2ClientVisitor {
 public:
  // The peer's SETTINGS (RFC 9113 §6.5) are in force.
  virtual void on_settings() {}
  virtual void on_pong() {}
  virtual void on_goaway(StreamId /*last*/, std::uint32_t /*code*/) {}

 protected:
  ~Http2ClientVisitor() = default;
};

class Http2Client {
 public:
  // Queues the preface, SETTINGS and the connection's window. `visitor` outlives the session.
  Http2Client(const Http2ClientOptions& options, Http2ClientVisitor& visitor);
  // Streams still open get on_close(cancel).
  ~Http2Client();
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  // Queues a request; above the peer's SETTINGS_MAX_CONCURRENT_STREAMS it waits for a stream to end. A body gets its
  // content-length; without one END_STREAM is on the head. `response` outlives the stream.
  StreamId request(const Request& head, ResponseVisitor& response, std::string body = {});
  // The next request() gets this id: odd, and above all before it.
  void set_next_id(StreamId id);
  // The visitor's on_close comes from the next flush().
  void reset(StreamId id, ErrorCode code);
  void pause(StreamId id);
  void resume(StreamId id);
  // A PING whose answer calls on_pong().
  void ping();
  // Tells the peer that we are leaving (RFC 9113 §6.8).
  void goaway(ErrorCode code);

  // Feeds bytes of the wire. After it, call flush().
  void receive(std::span<const std::uint8_t> bytes);
  // Appends everything that is queued and that the peer's windows let through.
  void flush(ByteBuffer& out);

  // RFC 9113 §5.4.1: what the peer did wrong, known when the flush() after the receive() has made our GOAWAY.
  [[nodiscard]] const std::optional<ConnectionError>& error() const;
  [[nodiscard]] bool wants_flush() const;
  // Nothing more will be read or written: the transport may be closed.
  [[nodiscard]] bool finished() const;
  [[nodiscard]] std::size_t stream_count() const;
  // The peer's SETTINGS_MAX_CONCURRENT_STREAMS; 2^32-1 when it set none.
  [[nodiscard]] std::uint32_t peer_streams_max() const;

 private:
  class Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace sluice::proto
