#include "proto/http2_server.h"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "proto/check.h"
#include "proto/http2_machine.h"

namespace sluice::proto {

const char* name(Glitch glitch) {
  switch (glitch) {
    case Glitch::header_too_large:
      return "header_too_large";
    case Glitch::header_invalid:
      return "header_invalid";
    case Glitch::too_many_streams:
      return "too_many_streams";
    case Glitch::reset_flood:
      return "reset_flood";
    case Glitch::glitch_flood:
      return "glitch_flood";
    case Glitch::empty_data:
      return "empty_data";
    case Glitch::priority_flood:
      return "priority_flood";
    case Glitch::unknown_frame_flood:
      return "unknown_frame_flood";
    case Glitch::window_update_flood:
      return "window_update_flood";
    case Glitch::ping_flood:
      return "ping_flood";
    case Glitch::control_flood:
      return "control_flood";
    case Glitch::protocol_error:
      return "protocol_error";
    case Glitch::preface_timeout:
      return "preface_timeout";
    case Glitch::settings_timeout:
      return "settings_timeout";
    case Glitch::header_timeout:
      return "header_timeout";
  }
  return "unknown";
}

namespace {

thread_local bool frame_buffer_shared = false;

}  // namespace

Http2Server::Machine::Machine(const Http2Limits& limits, Http2Visitor& visitor, TimePoint now)
    : limits_(limits),
      visitor_(visitor),
      budgets_(limits, now),
      now_(now),
      preface_deadline_(now + limits.preface_timeout),
      peer_initial_window_(NGHTTP2_INITIAL_WINDOW_SIZE),
      connection_window_(NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE) {
  nghttp2_mem mem = frame_buffer_.allocator();
  if (nghttp2_session_server_new3(&session_, callbacks(), this, options(), &mem) != 0) throw std::bad_alloc();
  frame_buffer_shared = frame_buffer_.lent();

  // In the first flight, so that a hurried peer is refused stream by stream instead of cut off: nghttp2 answers too
  // many streams with REFUSED_STREAM before the ACK, with GOAWAY after it.
  const std::array settings{
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.receive_window},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.header_bytes},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 0},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  const auto connection_window = std::min<std::int64_t>(std::int64_t{limits.receive_window} * 4, 0x7fff'ffff);
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(connection_window));
}

Http2Server::Machine::~Machine() {
  sweep();
  nghttp2_session_del(session_);
}

// nghttp2_session_del() does not call on_stream_close: the owners of what is still open learn it here.
void Http2Server::Machine::sweep() {
  in_callback_ = true;
  for (Stream& stream : streams_)
    if (stream.id != 0) close(stream, 0);
}

Http2Server::Machine::Stream* Http2Server::Machine::find(StreamId id) const {
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

Http2Server::Machine::Stream& Http2Server::Machine::add_stream(StreamId id) {
  Stream* stream = nullptr;
  if (unused_.empty()) {
    stream = &streams_.emplace_back();
  } else {
    stream = unused_.back();
    unused_.pop_back();
  }
  stream->id = id;
  stream->opened = milliseconds(now_);
  stream->window = peer_initial_window_;
  nghttp2_session_set_stream_user_data(session_, id, stream);
  return *stream;
}

void Http2Server::Machine::close(Stream& stream, std::uint32_t code) {
  const Stream closed = std::exchange(stream, Stream{});
  unused_.push_back(&stream);
  nghttp2_session_set_stream_user_data(session_, closed.id, nullptr);
  // Whoever holds these bytes may never return them; the connection's window must not shrink with every such stream.
  if (closed.unconsumed != 0) {
    nghttp2_session_consume_connection(session_, closed.unconsumed);
    queued_ = true;
  }
  if (closed.owner != nullptr) closed.owner->state_ = nullptr;
  if (closed.announced) visitor_.on_close(closed.id, closed.owner, code);
}

int Http2Server::Machine::on_stream_close(StreamId id, std::uint32_t code) {
  if (Stream* const stream = find(id)) close(*stream, code);
  return 0;
}

std::optional<TimePoint> Http2Server::Machine::deadline() const {
  std::optional<TimePoint> earliest;
  if (failure_) return earliest;
  for (const auto& deadline : {preface_deadline_, settings_ack_deadline_, header_deadline_})
    if (deadline && (!earliest || *deadline < *earliest)) earliest = deadline;
  return earliest;
}

std::optional<ConnectionError> Http2Server::Machine::expire(TimePoint now) {
  now_ = now;
  const auto passed = [now](const std::optional<TimePoint>& deadline) { return deadline && *deadline <= now; };
  if (passed(preface_deadline_))
    fail(ErrorCode::protocol_error, "no preface and SETTINGS in time", Glitch::preface_timeout);
  else if (passed(settings_ack_deadline_))
    fail(ErrorCode::settings_timeout, "SETTINGS not acknowledged in time", Glitch::settings_timeout);
  else if (passed(header_deadline_))
    fail(ErrorCode::enhance_your_calm, "header block not complete in time", Glitch::header_timeout);
  return fail_now();
}

void Http2Server::Machine::anomaly(Glitch glitch) {
  visitor_.on_glitch(glitch);
  if (!budgets_.glitches.take(now_)) fail(ErrorCode::enhance_your_calm, "too many anomalies", Glitch::glitch_flood);
}

void Http2Server::Machine::spend_reset() {
  if (!budgets_.resets.take(now_)) fail(ErrorCode::enhance_your_calm, "too many resets", Glitch::reset_flood);
}

void Http2Server::Machine::fail(ErrorCode code, std::string_view reason, Glitch glitch) {
  if (failure_) return;
  failure_ = Failure{{static_cast<std::uint32_t>(code), std::string(reason)}, false};
  visitor_.on_glitch(glitch);
}

// Queues and packs the GOAWAY of a failure; not from within a callback.
std::optional<ConnectionError> Http2Server::Machine::fail_now() {
  if (!failure_) return std::nullopt;
  if (!failure_->announced) {
    failure_->announced = true;
    const ConnectionError& error = failure_->error;
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_), error.code,
                          reinterpret_cast<const std::uint8_t*>(error.reason.data()), error.reason.size());
    queued_ = true;
    pump(pending_);
  }
  return failure_->error;
}

Http2Server::Http2Server(const Http2Limits& limits, Http2Visitor& visitor, TimePoint now)
    : machine_(std::make_unique<Machine>(limits, visitor, now)) {}
Http2Server::~Http2Server() = default;

std::optional<ConnectionError> Http2Server::receive(std::span<const std::uint8_t> bytes, TimePoint now) {
  return machine_->receive(bytes, now);
}
std::optional<TimePoint> Http2Server::deadline() const { return machine_->deadline(); }
std::optional<ConnectionError> Http2Server::expire(TimePoint now) { return machine_->expire(now); }
bool Http2Server::respond(StreamId id, const ResponseHead& head, bool end) { return machine_->respond(id, head, end); }
std::size_t Http2Server::sendable(const Http2StreamOwner& stream) const { return machine_->sendable(stream); }
std::int32_t Http2Server::stream_window(const Http2StreamOwner& stream) const {
  return machine_->stream_window(stream);
}
std::int32_t Http2Server::connection_window() const { return machine_->connection_window(); }
std::int32_t Http2Server::initial_stream_window() const { return machine_->initial_stream_window(); }
void Http2Server::send_data(Http2StreamOwner& stream, std::size_t size, bool end, ByteBuffer& out) {
  machine_->send_data(stream, size, end, out);
}
void Http2Server::end_stream(StreamId id, ByteBuffer& out) { machine_->end_stream(id, out); }
void Http2Server::proceed(StreamId id) { machine_->proceed(id); }
void Http2Server::reset(StreamId id, ErrorCode code) { machine_->reset(id, code); }
void Http2Server::consume(StreamId id, std::size_t count) { machine_->consume(id, count); }
void Http2Server::ping() { machine_->ping(); }
void Http2Server::goaway(ErrorCode code) { machine_->goaway(code); }
void Http2Server::flush(ByteBuffer& out) { machine_->flush(out); }
bool Http2Server::wants_flush() const { return machine_->wants_flush(); }
bool Http2Server::finished() const { return machine_->finished(); }
std::size_t Http2Server::stream_count() const { return machine_->stream_count(); }
bool Http2Server::shares_frame_buffer() { return frame_buffer_shared; }

}  // namespace sluice::proto
