// Stream: one request and its response on a connection, whatever answers it: an event stream, a publish, a file, an
// error. The connection pulls: prepare() says how many bytes come next, write_body() writes exactly them. Owned by its
// connection, on its worker's thread. Never touches the socket: it marks itself ready and waits to be pulled.
// Invariant: is_ready() exactly while the stream stands in its connection's ready list.
#pragma once

#include <cstdint>
#include <span>

#include "gateway/observe/metrics.h"
#include "proto/http2_server.h"

namespace sluice::serve {

class Connection;

using observe::EndReason;

// What a stream sends in its next frame.
struct Burst {
  std::size_t size = 0;
  bool end = false;  // END_STREAM follows these bytes; with `reset`, RST_STREAM instead
  bool reset = false;
  bool more = false;  // there is more to send after them (or now, if there were room)
};

class Stream : public proto::Http2StreamOwner {
 public:
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // The stream has its connection and id: answer now, or wait for the body.
  virtual void start() = 0;
  // The bytes of the next frame, at most `room`. Followed by write_body() with exactly that size unless it is 0.
  virtual Burst prepare(std::size_t room) = 0;
  virtual void on_body(std::span<const std::uint8_t>) {}
  virtual void on_body_end() {}
  // Called every few seconds (every second while a request body is awaited on the connection).
  virtual void on_time() {}
  // Stop at the next entry boundary, with a last `retry:` where there is one. Called by Connection::finish() alone;
  // everybody else calls that.
  virtual void finish() = 0;
  // Bytes until its end, where it knows them: what ends within its window may use all of it.
  [[nodiscard]] virtual std::size_t rest() const { return SIZE_MAX; }
  // Memory that it keeps for a peer that does not take it; of what others keep too, its share.
  [[nodiscard]] virtual std::size_t held_bytes() const { return 0; }
  // Ends the stream to free memory; its client may come back for the rest. Called only where held_bytes() is not 0.
  virtual void let_go() {}
  // The stream is gone; the last call before its destruction.
  virtual void on_closed(EndReason) {}

  [[nodiscard]] proto::StreamId id() const { return id_; }
  [[nodiscard]] Connection& connection() const { return *connection_; }
  [[nodiscard]] bool is_ready() const { return ready_; }
  // The request's body is still coming.
  [[nodiscard]] bool awaits_body() const { return awaits_body_; }
  // It has more to send and no window for it.
  [[nodiscard]] bool is_blocked() const { return blocked_; }
  // There is something to send: be pulled at the end of this turn.
  void wake();

 protected:
  Stream() = default;

 private:
  friend class Connection;
  Connection* connection_ = nullptr;
  proto::StreamId id_ = 0;
  std::uint32_t index_ = 0;  // in the connection's streams

 protected:
  std::uint32_t blocked_since_ = 0;  // a deriving stream's own clock: it stands here where there is room for it

 private:
  // Single bits: an idle stream is counted in bytes.
  bool ready_ : 1 = false;
  bool blocked_ : 1 = false;  // has more, but no window: waits for WINDOW_UPDATE
  bool ended_ : 1 = false;    // END_STREAM or a reset is on its way
  bool awaits_body_ : 1 = false;
  bool finishing_ : 1 = false;  // its last bytes may use all of its window
  bool moved_ : 1 = false;      // the peer gave it window since its connection began to starve
  EndReason end_reason_ = EndReason::complete;
};

}  // namespace sluice::serve
