// Http2Server: the server side of one HTTP/2 connection as a pure machine over nghttp2 (RFC 9113). Bytes in, requests
// out; heads and DATA in, bytes out. No socket, clock or thread. Owned by serve/connection, on its worker's thread.
//
// The common conversations, in call order:
//   a request      receive() → visitor.on_request → respond() → send_data()… → send_data(end) → visitor.on_close
//   a POST         receive() → on_request(body_follows) → on_body()… → on_body_end → respond() → send_data(end)
//   an error       receive() returns a ConnectionError (GOAWAY is queued): flush(), close the transport
//   the end        end_stream() for each, goaway(), flush() until finished(), close the transport
// In a callback a visitor may call what queues (respond(), reset(), end_stream(), consume(), ping(), goaway()), never
// receive(), flush() or send_data(); its owners outlive the running call.
// DATA is written here, into windows kept here; nghttp2 sees neither DATA nor WINDOW_UPDATE: its queue costs thrice.
// Invariant: every frame that a call produced is in the output when flush() or send_data() returns.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "proto/byte_buffer.h"
#include "proto/http.h"
#include "proto/http2.h"

namespace sluice::proto {

using TimePoint = std::chrono::steady_clock::time_point;

// Limits of one connection; defaults and reasons: docs/configuration.md, `limits.*`.
struct Http2Limits {
  std::uint32_t streams = 256;             // SETTINGS_MAX_CONCURRENT_STREAMS; Chromium's own cap
  std::uint32_t header_bytes = 32 * 1024;  // decoded name + value of every field of a block, kept or not
  std::uint32_t header_fields = 100;
  std::uint32_t header_field_bytes = 8 * 1024;
  std::uint32_t path_bytes = 4 * 1024;
  std::uint32_t receive_window =
      256 * 1024;  // bytes of a request body in flight, per stream; the connection has 4 times that
  double resets_burst = 200,
         resets_rate = 20;  // per second: streams younger than 1 s reset by the peer or by us at its provocation
  double glitches_burst = 100, glitches_rate = 10;
  std::uint32_t empty_data = 100;  // empty DATA frames without END_STREAM, per connection and minute
  std::uint32_t priorities_per_stream = 100;
  double unknown_frames_per_minute = 1000;  // of unknown types, RST_STREAM for closed streams, a further GOAWAY
  double window_updates_per_minute = 1000;  // beside those for what was sent
  std::uint32_t window_updates_per_data_frame = 20;
  double pings_burst = 100, pings_per_minute = 60;
  std::size_t control_bytes = 64 * 1024;              // unsent control frames the peer made us queue
  std::chrono::milliseconds preface_timeout{10'000};  // preface and first SETTINGS, from the start
  std::chrono::milliseconds settings_ack_timeout{10'000};
  std::chrono::milliseconds header_timeout{10'000};  // from a HEADERS frame to its END_HEADERS
};

// What a peer did outside good manners; each counted by the visitor and fed to the glitch bucket.
enum class Glitch : std::uint8_t {
  header_too_large,
  header_invalid,
  too_many_streams,
  reset_flood,
  glitch_flood,
  empty_data,
  priority_flood,
  unknown_frame_flood,
  window_update_flood,
  ping_flood,
  control_flood,
  protocol_error,
  preface_timeout,
  settings_timeout,
  header_timeout,
};
[[nodiscard]] const char* name(Glitch glitch);

struct Http2StreamState;

// The owner's object for one stream. The session keeps the pointer, never owns it, and leaves its own state in it: what
// is done for each delivery needs no lookup.
class Http2StreamOwner {
 public:
  // Writes exactly out.size() bytes of the response's body: called by send_data().
  virtual void write_body(std::span<std::uint8_t> out) = 0;

  // What send_data() will need of it: into the processor's cache.
  void prefetch() const { __builtin_prefetch(state_); }

 protected:
  ~Http2StreamOwner() = default;

 private:
  friend class Http2Server;
  Http2StreamState* state_ = nullptr;  // from on_request() to on_close()
};

class Http2Visitor {
 public:
  // A complete, well-formed header block. Return the object that later calls for this stream get; it lives until
  // on_close().
  virtual Http2StreamOwner* on_request(StreamId id, Request&& request, bool body_follows) = 0;
  // Request body. The bytes are returned to the peer's window by consume().
  virtual void on_body(StreamId id, Http2StreamOwner* owner, std::span<const std::uint8_t> bytes) = 0;
  virtual void on_body_end(StreamId id, Http2StreamOwner* owner) = 0;
  // The peer gave window: to one stream, or (owner == nullptr, id == 0) to the connection or to all streams.
  virtual void on_window(StreamId id, Http2StreamOwner* owner) = 0;
  // The stream is gone, the last call for it. Called for every stream that on_request announced, also when the session
  // is destroyed. `code` is the reset's code or 0.
  virtual void on_close(StreamId id, Http2StreamOwner* owner, std::uint32_t code) = 0;
  // A PING of ours was answered.
  virtual void on_pong() = 0;
  // The peer sent GOAWAY: it opens no more streams.
  virtual void on_goaway() = 0;
  virtual void on_glitch(Glitch glitch) = 0;

 protected:
  ~Http2Visitor() = default;
};

class Http2Server {
 public:
  // Queues SETTINGS. `limits` and `visitor` outlive the session.
  Http2Server(const Http2Limits& limits, Http2Visitor& visitor, TimePoint now);
  ~Http2Server();
  Http2Server(const Http2Server&) = delete;
  Http2Server& operator=(const Http2Server&) = delete;

  // Feeds bytes of the wire. After it, call flush().
  [[nodiscard]] std::optional<ConnectionError> receive(std::span<const std::uint8_t> bytes, TimePoint now);
  // The earliest instant at which expire() may have something to say.
  [[nodiscard]] std::optional<TimePoint> deadline() const;
  [[nodiscard]] std::optional<ConnectionError> expire(TimePoint now);

  // Queues the head of a response; `end`: no body follows. False when the stream is already closed.
  bool respond(StreamId id, const ResponseHead& head, bool end);
  // How many body bytes one send_data() may carry now: min(stream window, connection window, 16 KiB), 0 when the stream
  // is closed or its head is not submitted.
  [[nodiscard]] std::size_t sendable(const Http2StreamOwner& stream) const;
  // The stream's remaining window (0 when settings made it negative) and the peer's initial one, for fairness (design
  // §5.3).
  [[nodiscard]] std::int32_t stream_window(const Http2StreamOwner& stream) const;
  [[nodiscard]] std::int32_t connection_window() const;
  [[nodiscard]] std::int32_t initial_stream_window() const;
  // Appends one DATA frame of `size` ≤ sendable(stream) bytes (and before it whatever else was queued). The single
  // place where DATA is written.
  void send_data(Http2StreamOwner& stream, std::size_t size, bool end, ByteBuffer& out);
  // Ends a response with an empty DATA frame: works at window 0, where the cut event is discarded by the client.
  void end_stream(StreamId id, ByteBuffer& out);
  // 100 (Continue): the peer waits for it before it sends the body (RFC 9110 §10.1.1). Before respond().
  void proceed(StreamId id);
  void reset(StreamId id, ErrorCode code);
  // Gives `count` bytes of request body back to the peer's windows.
  void consume(StreamId id, std::size_t count);
  // A PING whose answer calls on_pong().
  void ping();
  // Announces that no stream above the last one accepted is served.
  void goaway(ErrorCode code);
  // Appends all queued control frames and heads.
  void flush(ByteBuffer& out);

  [[nodiscard]] bool wants_flush() const;
  // Nothing more will be read or written: the transport may be closed.
  [[nodiscard]] bool finished() const;
  [[nodiscard]] std::size_t stream_count() const;
  // Whether this thread's sessions share one frame buffer, which saves 16 KB each; tests assert it.
  [[nodiscard]] static bool shares_frame_buffer();

 private:
  class Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace sluice::proto
