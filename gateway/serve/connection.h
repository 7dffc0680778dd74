// Connection: TLS and HTTP/2 of one peer over a transport, and the streams on it. The one place that writes to a
// subscriber: at the end of a turn flush() pulls its ready streams one by one into the worker's staging buffer, seals
// records of up to 16 KB and hands them to the transport; only an unsent rest is kept, and a connection with a rest is
// not pulled until it is writable. Owned by its worker, on its thread. No socket, no clock: it is told.
// Invariant: dirty() exactly while it stands in services.dirty; a stream is destroyed only at the end of flush().
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/serve/services.h"
#include "gateway/serve/stream.h"
#include "proto/byte_buffer.h"
#include "proto/http2_server.h"
#include "proto/tls.h"

namespace sluice::serve {

// The socket under a connection.
class Transport {
 public:
  // Takes what it can without blocking; returns how much. An error counts as everything taken: the read side tells.
  virtual std::size_t send(std::span<const std::uint8_t> bytes) = 0;
  // Calls Connection::on_writable() once when there is room again.
  virtual void await_writable() = 0;

 protected:
  ~Transport() = default;
};

// Answers requests: makes the stream that serves one.
class Handler {
 public:
  virtual std::unique_ptr<Stream> handle(proto::Request&& request, bool body_follows, Connection& connection) = 0;

 protected:
  ~Handler() = default;
};

class Connection final : private proto::CiphertextSink, private proto::Http2Visitor {
 public:
  Connection(std::uint64_t id, Services& services, Handler& handler, Transport& transport,
             const proto::TlsContext& context, std::string remote);
  ~Connection();

  // --- From the transport
  void on_bytes(std::span<const std::uint8_t> ciphertext);
  void on_writable();
  // The peer closed or the transport failed: nothing more is read or written.
  void on_transport_end();

  // --- From the worker
  // Pulls the ready streams and sends. Leaves itself dirty when a turn's budget is used up.
  void flush();
  void on_time();
  // Every stream gets its `retry:` and END_STREAM, then GOAWAY; closes after one round trip.
  void drain();
  // Memory that it keeps for a peer which does not take it: what its transport has not taken for a second, and what the
  // streams hold that wait for window.
  [[nodiscard]] std::size_t held_bytes() const;
  // Gives that memory back: ends those streams, or closes where nothing can be written.
  void let_go();
  // It is one more than there is room for: its streams are refused, and it is closed when it has none.
  void set_surplus() { surplus_ = true; }
  [[nodiscard]] bool surplus() const { return surplus_; }
  // The transport may be closed and the connection destroyed.
  [[nodiscard]] bool dead() const { return dead_; }
  // Kept up to date by the worker.
  [[nodiscard]] bool handshaking() const { return session_ == nullptr; }

  // --- From streams
  void wake(Stream& stream);
  void respond(Stream& stream, const proto::ResponseHead& head, bool end);
  // 100 (Continue), where the client waits for it before it sends the body.
  void proceed(Stream& stream);
  // Ends the stream at once: a reset, whatever is pending.
  void reset(Stream& stream, proto::ErrorCode code, EndReason reason);
  // Ends the stream in good order, as soon as it can: its `retry:`, then END_STREAM.
  void finish(Stream& stream, EndReason reason);
  // Request bytes were used: the peer may send more.
  void consume(Stream& stream, std::size_t count) { session_->consume(stream.id(), count); }
  [[nodiscard]] Stream* find(proto::StreamId id);

  [[nodiscard]] Services& services() { return services_; }
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] const std::string& remote() const { return remote_; }
  [[nodiscard]] bool backed_up() const { return !rest_.empty(); }
  void mark_dirty();

 private:
  // handshake → open → closing, and dead_ from any of them. A drain stays open until its streams have their ends;
  // closing is what a connection error or a limit makes: the GOAWAY goes out, and nothing is heard any more.
  enum class Phase : std::uint8_t { handshake, open, closing };

  void on_ciphertext(std::span<const std::uint8_t> bytes) override;
  proto::Http2StreamOwner* on_request(proto::StreamId id, proto::Request&& request, bool body_follows) override;
  void on_body(proto::StreamId id, proto::Http2StreamOwner* owner, std::span<const std::uint8_t> bytes) override;
  void on_body_end(proto::StreamId id, proto::Http2StreamOwner* owner) override;
  void on_window(proto::StreamId id, proto::Http2StreamOwner* owner) override;
  void on_close(proto::StreamId id, proto::Http2StreamOwner* owner, std::uint32_t code) override;
  void on_pong() override;
  void on_goaway() override {}
  void on_glitch(proto::Glitch glitch) override;

  void start_http();
  // The first time that few more streams can be opened: a browser holds back all requests to us above the limit.
  void warn_near_stream_limit();
  void fail(const proto::ConnectionError& error);
  void prefetch_ready(std::size_t next) const;
  // Pulls one stream for at most what is left of its quantum; adds to `sent` what it gave. True: it stays in the ready
  // list, in its place where the transport was full before the quantum was used up.
  bool pump(Stream& stream, std::size_t& quantum, std::size_t& sent);
  // Seals whole records; with `all`, the remainder too.
  void seal(bool all);
  void rotate_streams(const Stream& served);
  void say_goodbye();
  void drop_closed();
  void visit_streams();
  // Bytes that the stream may send now, fairness included.
  [[nodiscard]] std::size_t sendable(const Stream& stream) const;
  // Ends the stream that holds the connection's window and does not move, while the others starve.
  void end_hog();
  void die();
  // Counts what the transport has not taken.
  void count_rest();

  Services& services_;
  Handler& handler_;
  Transport& transport_;
  proto::TlsSession tls_;
  std::unique_ptr<proto::Http2Server> session_;  // once the handshake is done
  ByteBuffer rest_;                              // sealed, not yet taken by the transport
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Stream*> ready_;                   // nullptr: closed meanwhile
  std::vector<std::unique_ptr<Stream>> closed_;  // destroyed at the end of the turn
  const std::uint64_t id_;
  const std::string remote_;
  topic::TimePoint opened_, heard_, progressed_, next_visit_, idle_since_;
  topic::TimePoint backed_up_since_{};  // while it is
  std::optional<topic::TimePoint> ping_sent_, closing_since_, starving_since_;
  std::int32_t window_most_ = 65'535;  // the largest window that the connection had; at first RFC 9113 §6.9.2's
  std::size_t rest_counted_ = 0;
  std::size_t quantum_left_ = 0;  // of the first in the ready list, whose turn a full transport has cut; 0: a whole one
  std::uint32_t bodies_ = 0;      // requests whose body is awaited
  Phase phase_ = Phase::handshake;
  bool surplus_ = false, near_stream_limit_ = false;
  bool spoke_ = false;         // a byte of the peer's has come
  bool dirty_ = false;         // in the worker's list of who is flushed
  bool dead_ = false;          // nothing is read or written any more; the worker buries it
  bool lost_ = false;          // streams that close now end as lost_reason_
  bool draining_ = false;      // its streams are given their ends
  bool said_goodbye_ = false;  // and its PING and GOAWAY are out
  EndReason lost_reason_ = EndReason::connection_lost;
};

}  // namespace sluice::serve
