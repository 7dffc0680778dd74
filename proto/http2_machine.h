// Http2Server::Machine: the session behind the public class, around one nghttp2 session. Files: http2_server.cc (life,
// failures), http2_machine_receive.cc (bytes in), http2_machine_send.cc (bytes out), http2_machine_callbacks.cc.
//
// In: the scanner cuts the bytes into frames; each frame is judged (budgets, stream ids), then fed to nghttp2, whose
// callbacks translate and mark; then what it queued is packed. So the output is a function of the frames, not of how
// the bytes were cut. WINDOW_UPDATE is not fed: the windows to the peer are kept here, because DATA is written here.
// Nor is GOAWAY, for nghttp2 ends the connection over the stream that some clients name in it.
// Out: nghttp2 packs into sink_: pending_ while receiving, the caller's buffer otherwise.
// Nothing but a mark is made inside a callback; failure_ is the mark of a connection error, whoever saw it first.
// Invariant: sink_ is pending_ except inside pump(); every nghttp2 stream has its Stream as user data.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "proto/http2_frame_buffer.h"
#include "proto/http2_frame_scanner.h"
#include "proto/http2_header_block.h"
#include "proto/http2_limits.h"
#include "proto/http2_server.h"
#include "proto/http2_stream_ids.h"

namespace sluice::proto {

// One stream that nghttp2 holds open, announced to the visitor or not (refused, or its headers not complete).
struct Http2StreamState {
  Http2StreamOwner* owner = nullptr;
  StreamId id = 0;
  std::uint32_t opened = 0;      // milliseconds(); wraps, only differences count
  std::int32_t window = 0;       // that we may send into; a SETTINGS can make it negative (RFC 9113 §6.9.2)
  std::uint32_t unconsumed = 0;  // body bytes given to the visitor, not yet returned to the connection's window
  std::uint32_t priorities : 26 = 0;
  bool announced : 1 = false;
  bool body_complete : 1 = false;  // the peer's END_STREAM was seen
  bool head_submitted : 1 = false;
  bool ended : 1 = false;   // our END_STREAM is written or submitted
  bool reset : 1 = false;   // a RST_STREAM of ours is queued
  bool hidden : 1 = false;  // that RST_STREAM only makes nghttp2 forget the stream: it stays off the wire
};
static_assert(sizeof(Http2StreamState) == 32, "one of these for each of a million streams");

class Http2Server::Machine {
 public:
  Machine(const Http2Limits& limits, Http2Visitor& visitor, TimePoint now);
  ~Machine();

  std::optional<ConnectionError> receive(std::span<const std::uint8_t> bytes, TimePoint now);
  [[nodiscard]] std::optional<TimePoint> deadline() const;
  std::optional<ConnectionError> expire(TimePoint now);

  bool respond(StreamId id, const ResponseHead& head, bool end);
  [[nodiscard]] std::size_t sendable(const Http2StreamOwner& stream) const;
  [[nodiscard]] std::int32_t stream_window(const Http2StreamOwner& owner) const;
  [[nodiscard]] std::int32_t connection_window() const { return connection_window_; }
  [[nodiscard]] std::int32_t initial_stream_window() const;
  void send_data(Http2StreamOwner& owner, std::size_t size, bool end, ByteBuffer& out);
  void end_stream(StreamId id, ByteBuffer& out);
  void proceed(StreamId id);
  void reset(StreamId id, ErrorCode code);
  void consume(StreamId id, std::size_t count);
  void ping();
  void goaway(ErrorCode code);
  void flush(ByteBuffer& out);
  [[nodiscard]] bool wants_flush() const;
  [[nodiscard]] bool finished() const;
  [[nodiscard]] std::size_t stream_count() const { return streams_.size() - unused_.size(); }

  // nghttp2's calls, each behind a trampoline of the same name.
  int on_begin_headers(const nghttp2_frame& frame);
  int on_header(StreamId id, std::string_view name, std::string_view value);
  int on_invalid_header(std::string_view name, std::string_view value);
  int on_frame_recv(const nghttp2_frame& frame);
  int on_invalid_frame_recv(int lib_error);
  int on_data_chunk_recv(StreamId id, std::span<const std::uint8_t> bytes);
  int on_stream_close(StreamId id, std::uint32_t code);
  int on_frame_not_send(const nghttp2_frame& frame, int lib_error);
  void on_send(std::span<const std::uint8_t> frame);

 private:
  using Stream = Http2StreamState;

  [[nodiscard]] Stream* find(StreamId id) const;
  Stream& add_stream(StreamId id);
  void close(Stream& stream, std::uint32_t code);
  void sweep();

  // Receiving.
  void on_frame_begin(const FrameHeader& frame);
  void on_frame_end(const FrameHeader& frame);
  void judge_length(const FrameHeader& frame);
  void judge_unneeded();
  void judge_window_update();
  void judge_stream_id(const FrameHeader& frame);
  void judge_priority(const FrameHeader& frame);
  void judge_data(const FrameHeader& frame);
  void on_request_complete(const nghttp2_frame& frame);
  void on_body_complete(Stream& stream);
  void on_settings(const nghttp2_settings& settings);
  [[nodiscard]] bool takes_window_update(const FrameHeader& frame) const;
  [[nodiscard]] bool takes_goaway(const FrameHeader& frame) const;
  void on_withheld(const FrameHeader& frame);
  void on_window_update(StreamId id);
  void feed(const FrameScanner::Step& step, std::span<const std::uint8_t> bytes);
  [[nodiscard]] bool awaits_body(const Stream& stream) const;
  std::optional<ConnectionError> fail_now();

  // Conduct.
  void anomaly(Glitch glitch);
  void spend_reset();
  void fail(ErrorCode code, std::string_view reason, Glitch glitch);

  // Sending.
  [[nodiscard]] bool due() const { return queued_ || !ends_due_.empty() || !resets_due_.empty(); }
  void pump(ByteBuffer& sink);
  void take_pending(ByteBuffer& out);
  void write_end(StreamId id);
  void forget(Stream& stream);
  void submit_reset(Stream& stream, ErrorCode code);
  [[nodiscard]] bool keeps(const FrameHeader& frame, std::span<const std::uint8_t> bytes);

  static std::uint32_t milliseconds(TimePoint time) {
    using std::chrono::duration_cast;
    return static_cast<std::uint32_t>(duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
  }
  static const nghttp2_session_callbacks* callbacks();
  static const nghttp2_option* options();

  const Http2Limits& limits_;
  Http2Visitor& visitor_;
  FrameBuffer frame_buffer_;
  nghttp2_session* session_ = nullptr;
  std::deque<Stream> streams_;   // a stream does not move; id 0: not in use
  std::vector<Stream*> unused_;  // of streams_
  StreamIds ids_;
  FrameScanner scanner_;
  Http2Budgets budgets_;

  TimePoint now_;
  std::optional<TimePoint> preface_deadline_, settings_ack_deadline_, header_deadline_;
  std::unique_ptr<HeaderBlock> block_;
  StreamId block_stream_ = 0;  // whose header block is open, from HEADERS to END_HEADERS
  std::uint32_t continuations_ = 0;
  std::uint32_t pings_unanswered_ = 0;
  std::uint64_t data_frames_ = 0;     // sent
  std::uint64_t window_updates_ = 0;  // received
  std::int32_t peer_initial_window_;
  std::int32_t connection_window_;  // that all streams together may send into
  int invalid_frame_ = 0;           // nghttp2's reason for the reset that it just queued
  bool in_callback_ = false;
  bool queued_ = true;     // nghttp2 may have something to pack; at first, SETTINGS
  bool withheld_ = false;  // the frame that is being received is not nghttp2's
  bool going_away_ = false;
  bool goaway_expected_ = false;  // ours is queued; any other comes from nghttp2 and is a connection error
  bool peer_going_away_ = false;

  struct Failure {
    ConnectionError error;
    bool announced;  // its GOAWAY is packed, or must not be sent
  };
  std::optional<Failure> failure_;

  ByteBuffer pending_;               // packed while receiving, waiting for flush()
  std::size_t pending_control_ = 0;  // of it, bytes of frames other than HEADERS and CONTINUATION
  ByteBuffer* sink_ = &pending_;
  std::vector<StreamId> ends_due_;    // END_STREAM to write once nghttp2's queue is empty
  std::vector<StreamId> resets_due_;  // answered before their body was complete: RST_STREAM(NO_ERROR) after the answer
};

}  // namespace sluice::proto
