// Bytes out: the owner's requests become frames, nghttp2's queue is packed into the sink.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "proto/check.h"
#include "proto/http2_machine.h"

namespace sluice::proto {
namespace {

// The largest DATA frame: what every peer takes (SETTINGS_MAX_FRAME_SIZE, RFC 9113 §6.5.2) and one TLS record holds.
constexpr std::int32_t data_frame_max = 16384;

nghttp2_nv name_value(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {  // nghttp2 copies, its type is not const
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

bool Http2Server::Machine::respond(StreamId id, const ResponseHead& head, bool end) {
  Stream* const stream = find(id);
  if (stream == nullptr || stream->reset || stream->head_submitted || failure_) return false;
  std::array<char, 3> digits{};
  std::to_chars(digits.data(), digits.data() + digits.size(), head.status);

  thread_local std::vector<nghttp2_nv> fields;
  fields.clear();
  fields.push_back(name_value(":status", {digits.data(), digits.size()}));
  for (const Field& field : head.fields) fields.push_back(name_value(field.name, field.value));

  // Not nghttp2_submit_response(): without a data provider it ends the stream, and a provider costs 150 bytes a stream.
  const std::uint8_t flags = end ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE;
  if (nghttp2_submit_headers(session_, flags, id, nullptr, fields.data(), fields.size(), nullptr) != 0) return false;
  queued_ = true;
  stream->head_submitted = true;
  stream->ended = end;
  if (end && !stream->body_complete) resets_due_.push_back(id);
  return true;
}

std::size_t Http2Server::Machine::sendable(const Http2StreamOwner& owner) const {
  const Stream* const stream = owner.state_;
  if (stream == nullptr || !stream->head_submitted || stream->ended || stream->reset || failure_) return 0;
  return static_cast<std::size_t>(std::clamp(std::min(stream->window, connection_window_), 0, data_frame_max));
}

std::int32_t Http2Server::Machine::stream_window(const Http2StreamOwner& owner) const {
  const Stream* const stream = owner.state_;
  return stream == nullptr ? 0 : std::max(stream->window, 0);
}

std::int32_t Http2Server::Machine::initial_stream_window() const { return peer_initial_window_; }

void Http2Server::Machine::send_data(Http2StreamOwner& owner, std::size_t size, bool end, ByteBuffer& out) {
  check(!in_callback_, "send_data() from within a callback");
  if (size == 0) {
    if (end && owner.state_ != nullptr) end_stream(owner.state_->id, out);
    return;
  }
  if (wants_flush()) flush(out);  // the stream's HEADERS come before its DATA
  Stream* const stream = owner.state_;
  if (stream == nullptr || failure_) return;
  check(size <= sendable(owner), "send_data() above sendable()");
  const std::span<std::uint8_t> frame = out.extend(FrameHeader::size + size);
  const std::uint8_t flags = end ? FrameHeader::end_stream : std::uint8_t{0};
  FrameHeader{static_cast<std::uint32_t>(size), FrameType::data, flags, stream->id}.write(frame);
  owner.write_body(frame.subspan(FrameHeader::size));
  stream->window -= static_cast<std::int32_t>(size);
  connection_window_ -= static_cast<std::int32_t>(size);
  ++data_frames_;
  if (!end) return;
  forget(*stream);
  pump(out);
}

void Http2Server::Machine::proceed(StreamId id) {
  const Stream* const stream = find(id);
  if (stream == nullptr || stream->reset || stream->head_submitted || failure_) return;
  const nghttp2_nv status = name_value(":status", "100");
  queued_ = nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, id, nullptr, &status, 1, nullptr) == 0 || queued_;
}

void Http2Server::Machine::end_stream(StreamId id, ByteBuffer& out) {
  ends_due_.push_back(id);
  if (in_callback_) return;  // whoever runs the callback pumps afterwards
  flush(out);
}

// END_STREAM in an empty DATA frame, which no window holds back (RFC 9113 §6.9).
void Http2Server::Machine::write_end(StreamId id) {
  Stream* const stream = find(id);
  if (stream == nullptr || !stream->head_submitted || stream->ended || stream->reset || failure_) return;
  const FrameHeader frame{0, FrameType::data, FrameHeader::end_stream, id};
  frame.write(sink_->extend(FrameHeader::size));
  forget(*stream);
}

// Our END_STREAM is written, of which nghttp2 knows nothing: a RST_STREAM makes it forget the stream. That one stays
// off the wire, unless the request is not complete: then it tells the peer to stop sending (RFC 9113 §8.1).
void Http2Server::Machine::forget(Stream& stream) {
  stream.ended = true;
  stream.hidden = stream.body_complete;
  submit_reset(stream, ErrorCode::no_error);
}

void Http2Server::Machine::reset(StreamId id, ErrorCode code) {
  if (Stream* const stream = find(id); stream != nullptr && !stream->reset) submit_reset(*stream, code);
}

void Http2Server::Machine::submit_reset(Stream& stream, ErrorCode code) {
  stream.reset = true;
  queued_ = true;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, static_cast<std::uint32_t>(code));
}

void Http2Server::Machine::ping() {
  static constexpr std::array<std::uint8_t, 8> payload{'s', 'l', 'u', 'i', 'c', 'e', 0, 0};
  if (nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, payload.data()) == 0) ++pings_unanswered_;
  queued_ = true;
}

void Http2Server::Machine::goaway(ErrorCode code) {
  if (going_away_ || failure_) return;
  going_away_ = goaway_expected_ = queued_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                        static_cast<std::uint32_t>(code), nullptr, 0);
  if (!in_callback_) pump(pending_);  // from here on nghttp2 accepts no stream that the GOAWAY does not name
}

void Http2Server::Machine::flush(ByteBuffer& out) {
  check(!in_callback_, "flush() from within a callback");
  take_pending(out);
  if (due()) pump(out);
}

void Http2Server::Machine::take_pending(ByteBuffer& out) {
  if (pending_.empty()) return;
  out.append(pending_.bytes());
  pending_.release();  // an idle connection keeps no buffer
  pending_control_ = 0;
}

// Packs what nghttp2 has queued; then the ends and resets that must come after it, which queue again.
void Http2Server::Machine::pump(ByteBuffer& sink) {
  sink_ = &sink;
  in_callback_ = true;
  for (;;) {
    if (const int error = nghttp2_session_send(session_); error != 0) {
      fail(ErrorCode::internal_error, nghttp2_strerror(error), Glitch::protocol_error);
      failure_->announced = true;  // no GOAWAY leaves a session that is out of memory: the connection ends without
    }
    queued_ = false;
    if (ends_due_.empty() && resets_due_.empty()) break;
    for (const StreamId id : std::exchange(ends_due_, {})) write_end(id);
    for (const StreamId id : std::exchange(resets_due_, {}))
      if (Stream* const stream = find(id); stream != nullptr && !stream->reset)
        submit_reset(*stream, ErrorCode::no_error);
  }
  in_callback_ = false;
  sink_ = &pending_;
}

bool Http2Server::Machine::wants_flush() const { return !pending_.empty() || due(); }

bool Http2Server::Machine::finished() const {
  if (!pending_.empty()) return false;
  if (failure_) return failure_->announced;
  if (peer_going_away_ && stream_count() == 0) return nghttp2_session_want_write(session_) == 0;
  if (!going_away_) return false;
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

void Http2Server::Machine::on_send(std::span<const std::uint8_t> bytes) {
  const FrameHeader frame = FrameHeader::read(bytes);
  if (!keeps(frame, bytes)) return;
  sink_->append(bytes);
  if (sink_ == &pending_ && frame.type != FrameType::headers && frame.type != FrameType::continuation)
    pending_control_ += bytes.size();
}

// Looks at what nghttp2 sends of its own accord: the resets and the end that the peer provoked.
bool Http2Server::Machine::keeps(const FrameHeader& frame, std::span<const std::uint8_t> bytes) {
  const auto number = [bytes](std::size_t at) {
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
           bytes[at + 3];
  };
  if (frame.type == FrameType::rst_stream) {
    const Stream* const stream = find(frame.stream);
    if (stream != nullptr && stream->hidden) return false;
    ids_.abandon(frame.stream);
    if (stream != nullptr && stream->reset) return true;
    const auto code = static_cast<ErrorCode>(number(FrameHeader::size));
    // MadeYouReset (CVE-2025-8671): a reset that the peer makes us send costs as much as one of its own.
    const bool bad_header = invalid_frame_ == NGHTTP2_ERR_HTTP_HEADER || invalid_frame_ == NGHTTP2_ERR_HTTP_MESSAGING;
    anomaly(code == ErrorCode::refused_stream ? Glitch::too_many_streams
            : bad_header                      ? Glitch::header_invalid
                                              : Glitch::protocol_error);
    invalid_frame_ = 0;
    spend_reset();
  } else if (frame.type == FrameType::goaway && !std::exchange(goaway_expected_, false) && !failure_) {
    const std::string_view reason(reinterpret_cast<const char*>(bytes.data()) + FrameHeader::size + 8,
                                  bytes.size() - FrameHeader::size - 8);
    fail(static_cast<ErrorCode>(number(FrameHeader::size + 4)), reason,
         reason.find("max concurrent streams") != reason.npos ? Glitch::too_many_streams : Glitch::protocol_error);
    failure_->announced = true;
  }
  return true;
}

int Http2Server::Machine::on_frame_not_send(const nghttp2_frame& frame, int) {
  // A head that nghttp2 could not pack (over 64 KB) must not leave its stream hanging. A stream that closed in the
  // meantime is not found.
  if (frame.hd.type != NGHTTP2_HEADERS) return 0;
  if (Stream* const stream = find(frame.hd.stream_id); stream != nullptr && !stream->reset)
    submit_reset(*stream, ErrorCode::internal_error);
  return 0;
}

}  // namespace sluice::proto
