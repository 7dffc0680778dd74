// Bytes in: judge each frame, feed it to nghttp2, translate what nghttp2 says.
#include <algorithm>
#include <utility>

#include "proto/http2_machine.h"

namespace sluice::proto {
namespace {

// CONTINUATION frames of one header block (CVE-2024-27316): 8 of 16 KB are far above header_bytes already. nghttp2's
// own limit counts reads, not frames, and would cut a slow but honest peer.
constexpr std::uint32_t continuations_max = 8;

constexpr std::uint32_t frame_size_max = 16'384;  // SETTINGS_MAX_FRAME_SIZE as long as we say nothing, RFC 9113 §6.5.2

constexpr std::uint32_t young_stream_age = 1000;  // milliseconds

// RFC 9113 §6.9.1.
constexpr std::int64_t window_max = 0x7fff'ffff;

bool opened_by_peer(StreamId id) { return id % 2 == 1; }

}  // namespace

std::optional<ConnectionError> Http2Server::Machine::receive(std::span<const std::uint8_t> bytes, TimePoint now) {
  now_ = now;
  while (!bytes.empty() && !failure_) {
    const FrameScanner::Step step = scanner_.advance(bytes);
    if (step.begins) on_frame_begin(scanner_.frame());
    if (failure_) break;

    in_callback_ = true;
    if (!withheld_)
      feed(step, bytes);
    else if (step.ends)
      on_withheld(scanner_.frame());
    in_callback_ = false;
    bytes = bytes.subspan(step.size);
    if (due()) pump(pending_);
    if (step.ends && !failure_) on_frame_end(scanner_.frame());
    // Heads of honest responses may be many at once, each with the last event id that was asked for; control frames,
    // never.
    const std::size_t pending_max = limits_.control_bytes + std::size_t{3072} * limits_.streams;
    if (pending_control_ > limits_.control_bytes || pending_.size() > pending_max)
      fail(ErrorCode::enhance_your_calm, "too many unread answers", Glitch::control_flood);
  }
  return fail_now();
}

// A frame's header is given whole, so that a frame can be withheld.
void Http2Server::Machine::feed(const FrameScanner::Step& step, std::span<const std::uint8_t> bytes) {
  if (step.header != 0 && !step.begins) return;
  queued_ = true;
  ssize_t taken = 0;
  if (step.header != 0 && step.header != FrameHeader::size) {
    taken = nghttp2_session_mem_recv(session_, scanner_.header().data(), FrameHeader::size);
    bytes = bytes.subspan(step.header, step.size - step.header);
  } else {
    bytes = bytes.first(step.size);
  }
  if (taken >= 0 && !bytes.empty()) taken = nghttp2_session_mem_recv(session_, bytes.data(), bytes.size());
  if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
    fail(ErrorCode::protocol_error, "not HTTP/2", Glitch::protocol_error);
    failure_->announced = true;  // whoever this is would not understand a GOAWAY (RFC 9113 §3.4)
  } else if (taken == NGHTTP2_ERR_FLOODED) {
    fail(ErrorCode::enhance_your_calm, "too many unanswered frames", Glitch::control_flood);
  } else if (taken < 0) {
    fail(ErrorCode::internal_error, nghttp2_strerror(static_cast<int>(taken)), Glitch::protocol_error);
  }
}

// --- Judging frames, before and after nghttp2 has them -------------------------------------------------------------

void Http2Server::Machine::on_frame_begin(const FrameHeader& frame) {
  withheld_ = takes_window_update(frame) || takes_goaway(frame);
  if (block_stream_ != 0) {
    // Anything but a CONTINUATION of this block is nghttp2's to refuse (RFC 9113 §6.10).
    if (frame.type == FrameType::continuation && ++continuations_ > continuations_max)
      fail(ErrorCode::enhance_your_calm, "too many CONTINUATION frames", Glitch::header_too_large);
    return;
  }
  switch (frame.type) {
    case FrameType::headers:
      judge_length(frame);
      judge_stream_id(frame);
      block_stream_ = frame.stream;
      continuations_ = 0;
      header_deadline_ = now_ + limits_.header_timeout;
      break;
    case FrameType::data:
      judge_length(frame);
      judge_stream_id(frame);
      break;
    case FrameType::ping:
    case FrameType::settings:
      if (!(frame.type == FrameType::settings && frame.has(FrameHeader::ack)) && !budgets_.pings.take(now_))
        fail(ErrorCode::enhance_your_calm, "too many PING or SETTINGS", Glitch::ping_flood);
      break;
    case FrameType::window_update:
      judge_window_update();
      break;
    case FrameType::rst_stream:
      if (find(frame.stream) == nullptr) judge_unneeded();
      break;
    case FrameType::goaway:
      if (peer_going_away_) judge_unneeded();
      break;
    case FrameType::priority:
    case FrameType::push_promise:
    case FrameType::continuation:
      break;
    default:
      judge_unneeded();
  }
}

void Http2Server::Machine::on_frame_end(const FrameHeader& frame) {
  switch (frame.type) {
    case FrameType::headers:
    case FrameType::continuation:
      if (frame.has(FrameHeader::end_headers)) {
        header_deadline_.reset();
        block_stream_ = 0;
        block_.reset();
      }
      break;
    case FrameType::data:
      judge_data(frame);
      break;
    case FrameType::priority:
      judge_priority(frame);
      break;
    case FrameType::settings:
      if (preface_deadline_) {
        preface_deadline_.reset();
        settings_ack_deadline_ = now_ + limits_.settings_ack_timeout;
      }
      break;
    default:
      break;
  }
}

// A frame that changes nothing.
void Http2Server::Machine::judge_unneeded() {
  if (!budgets_.unknown_frames.take(now_))
    fail(ErrorCode::enhance_your_calm, "too many frames without a use", Glitch::unknown_frame_flood);
}

// Window is returned for what was received: some for each DATA frame, whatever the peer's way of counting. A flood of
// small increments makes us look at streams each time (CVE-2019-9511).
void Http2Server::Machine::judge_window_update() {
  if (++window_updates_ <= data_frames_ * limits_.window_updates_per_data_frame) return;
  if (!budgets_.window_updates.take(now_))
    fail(ErrorCode::enhance_your_calm, "too many WINDOW_UPDATE frames", Glitch::window_update_flood);
}

// A frame without room for what its flags announce is of a wrong size (RFC 9113 §4.2); to nghttp2 it is padded too
// much.
void Http2Server::Machine::judge_length(const FrameHeader& frame) {
  const bool prioritized = frame.type == FrameType::headers && frame.has(FrameHeader::priority);
  const std::uint32_t least = (frame.has(FrameHeader::padded) ? 1 : 0) + (prioritized ? 5 : 0);
  if (frame.length < least && !preface_deadline_)
    fail(ErrorCode::frame_size_error, "frame too short for its flags", Glitch::protocol_error);
}

// HEADERS and DATA on a stream that is not open. nghttp2 ignores most of them, having forgotten closed streams.
void Http2Server::Machine::judge_stream_id(const FrameHeader& frame) {
  if (preface_deadline_ || !opened_by_peer(frame.stream) || frame.stream == 0) return;  // nghttp2's to refuse
  if (frame.stream > ids_.highest()) {
    if (frame.type != FrameType::headers) return;  // DATA on an idle stream: nghttp2's to refuse
    ids_.open(frame.stream);
    if (going_away_) ids_.abandon(frame.stream);
    return;
  }
  if (find(frame.stream) != nullptr) return;
  switch (ids_.past(frame.stream)) {
    case StreamIds::Past::abandoned:
    case StreamIds::Past::forgotten:
      return;
    case StreamIds::Past::ended:  // RFC 9113 §5.1, closed
      return fail(ErrorCode::stream_closed, "frame on a closed stream", Glitch::protocol_error);
    case StreamIds::Past::skipped:  // RFC 9113 §5.1.1
      return fail(ErrorCode::protocol_error, "stream id not above the last one", Glitch::protocol_error);
  }
}

// We declared NO_RFC7540_PRIORITIES, so nghttp2 drops PRIORITY unread; what stays forbidden is forbidden here.
void Http2Server::Machine::judge_priority(const FrameHeader& frame) {
  if (frame.stream == 0) return fail(ErrorCode::protocol_error, "PRIORITY on stream 0", Glitch::protocol_error);
  const std::span<const std::uint8_t> payload = scanner_.prefix();
  const std::uint32_t depends_on = (std::uint32_t{payload[0]} << 24 | std::uint32_t{payload[1]} << 16 |
                                    std::uint32_t{payload[2]} << 8 | payload[3]) &
                                   0x7fff'ffffu;
  if (depends_on == static_cast<std::uint32_t>(frame.stream))
    return fail(ErrorCode::protocol_error, "stream depends on itself", Glitch::protocol_error);  // RFC 7540 §5.3.1
  Stream* const stream = find(frame.stream);
  const bool within =
      stream != nullptr ? ++stream->priorities <= limits_.priorities_per_stream : budgets_.priorities.take(now_);
  if (!within) fail(ErrorCode::enhance_your_calm, "too many PRIORITY frames", Glitch::priority_flood);
}

// A DATA frame without a byte of body and without END_STREAM is work for us and progress for nobody (CVE-2019-9518,
// RUSTSEC-2026-0258); one that is all padding is the same.
void Http2Server::Machine::judge_data(const FrameHeader& frame) {
  const bool all_padding =
      frame.has(FrameHeader::padded) && frame.length != 0 && frame.length == 1u + scanner_.prefix()[0];
  if ((frame.length != 0 && !all_padding) || frame.has(FrameHeader::end_stream)) return;
  if (!budgets_.empty_data.take(now_))
    return fail(ErrorCode::enhance_your_calm, "too many empty DATA frames", Glitch::empty_data);
  anomaly(Glitch::empty_data);
}

// --- nghttp2's callbacks -------------------------------------------------------------------------------------------

int Http2Server::Machine::on_begin_headers(const nghttp2_frame& frame) {
  const bool request = frame.headers.cat == NGHTTP2_HCAT_REQUEST;
  if (request) add_stream(frame.hd.stream_id);
  block_ = std::make_unique<HeaderBlock>(limits_, request ? HeaderBlock::Kind::request : HeaderBlock::Kind::trailers);
  return 0;
}

int Http2Server::Machine::on_header(StreamId id, std::string_view field, std::string_view value) {
  if (block_->add(field, value) == HeaderBlock::Verdict::ok) return 0;
  // Still decoded to keep the compression state, but no longer handed over field by field.
  if (Stream* const stream = find(id)) submit_reset(*stream, ErrorCode::enhance_your_calm);
  anomaly(Glitch::header_too_large);
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

// Without this nghttp2 drops a field with CR, LF or NUL in silence; with it the stream is reset (RFC 9113 §8.2.1).
int Http2Server::Machine::on_invalid_header(std::string_view, std::string_view) {
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int Http2Server::Machine::on_invalid_frame_recv(int lib_error) {
  invalid_frame_ = lib_error;
  return 0;
}

int Http2Server::Machine::on_frame_recv(const nghttp2_frame& frame) {
  const StreamId id = frame.hd.stream_id;
  const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
        on_request_complete(frame);
      } else if (Stream* const stream = find(id)) {
        if (block_->refusal() != 0) {
          submit_reset(*stream, ErrorCode::enhance_your_calm);
          anomaly(Glitch::header_too_large);
        } else if (ends) {
          on_body_complete(*stream);
        }
      }
      break;
    case NGHTTP2_DATA:
      if (Stream* const stream = find(id); stream != nullptr && ends) on_body_complete(*stream);
      break;
    case NGHTTP2_RST_STREAM:
      // Rapid reset (CVE-2023-44487): the work of a request for the price of two frames.
      if (Stream* const stream = find(id); stream != nullptr && milliseconds(now_) - stream->opened < young_stream_age)
        spend_reset();
      break;
    case NGHTTP2_SETTINGS:
      on_settings(frame.settings);
      break;
    case NGHTTP2_PING:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0 && pings_unanswered_ != 0) {
        --pings_unanswered_;
        visitor_.on_pong();
      }
      break;
    default:
      break;
  }
  return 0;
}

void Http2Server::Machine::on_request_complete(const nghttp2_frame& frame) {
  Stream* const stream = find(frame.hd.stream_id);
  if (stream == nullptr) return;
  stream->body_complete = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  HeaderBlock::Outcome outcome = block_->finish();
  if (outcome.malformed) {
    anomaly(Glitch::header_invalid);
    spend_reset();
    submit_reset(*stream, ErrorCode::protocol_error);
  } else if (outcome.refusal != 0) {
    ResponseHead head{outcome.refusal, {}};
    if (outcome.refusal == 405)
      head.fields.push_back({"allow", "GET, HEAD, POST, OPTIONS"});  // RFC 9110 §15.5.6
    else
      anomaly(Glitch::header_too_large);
    respond(stream->id, head, true);
  } else {
    stream->announced = true;
    const StreamId id = stream->id;
    Http2StreamOwner* const owner = visitor_.on_request(id, std::move(outcome.request), !stream->body_complete);
    stream->owner = owner;
    owner->state_ = stream;
  }
}

void Http2Server::Machine::on_body_complete(Stream& stream) {
  stream.body_complete = true;
  if (awaits_body(stream)) visitor_.on_body_end(stream.id, stream.owner);
}

// Whether somebody still wants the request's body: not after its response has ended or was refused.
bool Http2Server::Machine::awaits_body(const Stream& stream) const {
  return stream.announced && !stream.reset && !stream.ended;
}

int Http2Server::Machine::on_data_chunk_recv(StreamId id, std::span<const std::uint8_t> bytes) {
  Stream* const stream = find(id);
  if (stream == nullptr || !awaits_body(*stream)) {
    nghttp2_session_consume(session_, id, bytes.size());
    return 0;
  }
  stream->unconsumed += static_cast<std::uint32_t>(bytes.size());
  visitor_.on_body(id, stream->owner, bytes);
  return 0;
}

void Http2Server::Machine::on_settings(const nghttp2_settings& settings) {
  if ((settings.hd.flags & NGHTTP2_FLAG_ACK) != 0) {
    settings_ack_deadline_.reset();
    return;
  }
  const std::int32_t before = peer_initial_window_;
  peer_initial_window_ =
      static_cast<std::int32_t>(nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE));
  if (peer_initial_window_ == before) return;
  const std::int64_t change = std::int64_t{peer_initial_window_} - before;
  for (Stream& stream : streams_) {  // RFC 9113 §6.9.2
    if (stream.id == 0) continue;
    if (stream.window + change > window_max)
      return fail(ErrorCode::flow_control_error, "SETTINGS: a stream window above the maximum", Glitch::protocol_error);
    stream.window = static_cast<std::int32_t>(stream.window + change);
  }
  if (change > 0) visitor_.on_window(0, nullptr);
}

// WINDOW_UPDATE of the connection or an open stream. What is wrong in form, order or stream is nghttp2's to refuse.
bool Http2Server::Machine::takes_window_update(const FrameHeader& frame) const {
  return frame.type == FrameType::window_update && frame.length == 4 && block_stream_ == 0 && !preface_deadline_ &&
         (frame.stream == 0 || find(frame.stream) != nullptr);
}

// GOAWAY of the connection. Its last stream id is one of ours, of which there are none: clients name 0, the largest id
// (RFC 9113 §6.8) or a stream of their own (Go's), for which nghttp2 ends the connection. Wrong form is nghttp2's.
bool Http2Server::Machine::takes_goaway(const FrameHeader& frame) const {
  return frame.type == FrameType::goaway && frame.stream == 0 && frame.length >= 8 && frame.length <= frame_size_max &&
         block_stream_ == 0 && !preface_deadline_;
}

void Http2Server::Machine::on_withheld(const FrameHeader& frame) {
  if (frame.type == FrameType::window_update) return on_window_update(frame.stream);
  if (!std::exchange(peer_going_away_, true)) visitor_.on_goaway();
}

// RFC 9113 §6.9, §6.9.1.
void Http2Server::Machine::on_window_update(StreamId id) {
  const std::span<const std::uint8_t> payload = scanner_.prefix();
  const std::int64_t increment = (std::uint32_t{payload[0]} << 24 | std::uint32_t{payload[1]} << 16 |
                                  std::uint32_t{payload[2]} << 8 | payload[3]) &
                                 0x7fff'ffffu;
  Stream* const stream = id == 0 ? nullptr : find(id);
  if (id != 0 && stream == nullptr) return;  // closed since its header came
  std::int32_t& window = id == 0 ? connection_window_ : stream->window;
  if (increment == 0 || window + increment > window_max) {
    const ErrorCode code = increment == 0 ? ErrorCode::protocol_error : ErrorCode::flow_control_error;
    if (id == 0) return fail(code, "WINDOW_UPDATE of the connection", Glitch::protocol_error);
    if (!stream->reset) submit_reset(*stream, code);
    anomaly(Glitch::protocol_error);
    return spend_reset();
  }
  window = static_cast<std::int32_t>(window + increment);
  if (id == 0)
    visitor_.on_window(0, nullptr);
  else if (stream->announced && !stream->reset)
    visitor_.on_window(id, stream->owner);
}

void Http2Server::Machine::consume(StreamId id, std::size_t count) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;  // returned to the connection when the stream closed
  const std::uint32_t size = std::min(stream->unconsumed, static_cast<std::uint32_t>(count));
  stream->unconsumed -= size;
  if (size == 0) return;
  nghttp2_session_consume(session_, id, size);
  queued_ = true;
}

}  // namespace sluice::proto
