#include "proto/http2_client.h"

#include <nghttp2/nghttp2.h>

#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proto/check.h"
#include "proto/http2_frame_buffer.h"

namespace sluice::proto {
namespace {

struct SessionDeleter {
  void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
};
struct CallbacksDeleter {
  void operator()(nghttp2_session_callbacks* callbacks) const { nghttp2_session_callbacks_del(callbacks); }
};
struct OptionDeleter {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};

// A last event id is another one in each request: in the tables of both ends (RFC 7541 §2.3.2) it would only push out
// what repeats.
nghttp2_nv header(std::string_view name, std::string_view value) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
          static_cast<std::uint8_t>(name == "last-event-id" ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE)};
}

int status_of(std::string_view text) {
  int status = 0;
  for (const char digit : text) status = status * 10 + (digit - '0');  // nghttp2 lets only three digits through
  return status;
}

}  // namespace

class Http2Client::Machine {
 public:
  Machine(const Http2ClientOptions& options, Http2ClientVisitor& visitor);
  ~Machine();

  StreamId request(const Request& head, ResponseVisitor& response, std::string body);
  void pause(StreamId id);
  void resume(StreamId id);
  void receive(std::span<const std::uint8_t> bytes);
  void flush(ByteBuffer& out);

  [[nodiscard]] nghttp2_session* session() const { return session_.get(); }
  [[nodiscard]] std::size_t stream_count() const { return stream_count_; }
  [[nodiscard]] const std::optional<ConnectionError>& error() const { return error_; }

 private:
  // There are tens of thousands in a load client: 40 bytes beside nghttp2's own.
  struct Stream {
    ResponseVisitor* response = nullptr;
    Stream *before = nullptr, *after = nullptr;  // of all streams
    std::uint32_t unreturned = 0;                // body bytes received and not yet given back to the stream's window
    std::uint32_t held = 0;  // of these, the ones not given back to the connection's either: it is paused
    StreamId id = 0;
    bool paused = false;
    bool has_head = false;
  };
  struct RequestBody {
    std::string bytes;
    std::size_t sent = 0;
  };

  Stream* stream_of(StreamId id) const {
    return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_.get(), id));
  }
  // Also one that nghttp2 does not know (yet), or that was refused.
  [[nodiscard]] Stream* find(StreamId id) const;
  void add(Stream& stream);
  void remove(Stream& stream);
  void return_stream_window(StreamId id, Stream& stream);
  void return_connection_window();

  void on_begin_headers();
  void on_header(const nghttp2_frame& frame, std::string_view name, std::string_view value);
  void on_frame(const nghttp2_frame& frame);
  void refuse(StreamId id);
  void on_data(StreamId id, std::span<const std::uint8_t> bytes);
  void on_stream_close(StreamId id, std::uint32_t code);
  void on_frame_sent(const nghttp2_frame& frame);
  static ssize_t read_body(nghttp2_session*, StreamId, std::uint8_t* out, std::size_t size, std::uint32_t* flags,
                           nghttp2_data_source* source, void*) noexcept;
  static std::unique_ptr<nghttp2_session_callbacks, CallbacksDeleter> make_callbacks();

  Http2ClientVisitor& visitor_;
  const std::size_t header_bytes_max_, fields_max_;
  std::uint32_t return_at_;  // bytes of a stream after which they go back to its window
  std::size_t connection_unreturned_ = 0;
  std::optional<ConnectionError> error_;
  ResponseHead head_;  // of the block being received; blocks never interleave (RFC 9113 §4.3)
  std::size_t head_bytes_ = 0;
  Stream* last_ = nullptr;  // the streams, owned, from the youngest on
  std::size_t stream_count_ = 0;
  std::unordered_map<StreamId, std::unique_ptr<RequestBody>> bodies_;
  FrameBuffer frame_buffer_;
  std::unique_ptr<nghttp2_session, SessionDeleter> session_;
};

// --- Callbacks: each C trampoline casts and forwards to the method of the same name ---------------------------------

std::unique_ptr<nghttp2_session_callbacks, CallbacksDeleter> Http2Client::Machine::make_callbacks() {
  nghttp2_session_callbacks* raw = nullptr;
  check(nghttp2_session_callbacks_new(&raw) == 0, "nghttp2 is out of memory");
  std::unique_ptr<nghttp2_session_callbacks, CallbacksDeleter> callbacks(raw);
  nghttp2_session_callbacks_set_on_begin_headers_callback(
      raw, [](nghttp2_session*, const nghttp2_frame*, void* machine) noexcept {
        static_cast<Machine*>(machine)->on_begin_headers();
        return 0;
      });
  nghttp2_session_callbacks_set_on_header_callback(
      raw, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
              const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* machine) noexcept {
        static_cast<Machine*>(machine)->on_header(*frame, {reinterpret_cast<const char*>(name), name_size},
                                                  {reinterpret_cast<const char*>(value), value_size});
        return 0;
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      raw, [](nghttp2_session*, const nghttp2_frame* frame, void* machine) noexcept {
        static_cast<Machine*>(machine)->on_frame(*frame);
        return 0;
      });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      raw, [](nghttp2_session*, std::uint8_t, StreamId id, const std::uint8_t* bytes, std::size_t size,
              void* machine) noexcept {
        static_cast<Machine*>(machine)->on_data(id, {bytes, size});
        return 0;
      });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      raw, [](nghttp2_session*, StreamId id, std::uint32_t code, void* machine) noexcept {
        static_cast<Machine*>(machine)->on_stream_close(id, code);
        return 0;
      });
  nghttp2_session_callbacks_set_on_frame_send_callback(
      raw, [](nghttp2_session*, const nghttp2_frame* frame, void* machine) noexcept {
        static_cast<Machine*>(machine)->on_frame_sent(*frame);
        return 0;
      });
  return callbacks;
}

// A block with a wrong field ends without on_frame(): what it left behind is not the next one's.
void Http2Client::Machine::on_begin_headers() {
  head_ = {};
  head_bytes_ = 0;
}

void Http2Client::Machine::on_header(const nghttp2_frame& frame, std::string_view name, std::string_view value) {
  const Stream* stream = stream_of(frame.hd.stream_id);
  if (stream == nullptr || stream->has_head) return;  // trailers
  head_bytes_ += name.size() + value.size();
  if (head_bytes_ > header_bytes_max_ || head_.fields.size() > fields_max_) return;  // on_frame() refuses it
  if (name == ":status")
    head_.status = status_of(value);
  else
    head_.fields.push_back({std::string(name), std::string(value)});
}

void Http2Client::Machine::on_frame(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS: {
      Stream* stream = stream_of(frame.hd.stream_id);
      ResponseHead head = std::exchange(head_, {});
      if (stream != nullptr && (head_bytes_ > header_bytes_max_ || head.fields.size() > fields_max_))
        return refuse(frame.hd.stream_id);
      if (stream == nullptr || stream->has_head || head.status < 200) return;  // RFC 9110 §15.2: 1xx are interim
      stream->has_head = true;
      stream->response->on_head(frame.hd.stream_id, std::move(head), (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
      return;
    }
    case NGHTTP2_SETTINGS:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) == 0) visitor_.on_settings();
      return;
    case NGHTTP2_PING:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0) visitor_.on_pong();
      return;
    case NGHTTP2_GOAWAY:
      visitor_.on_goaway(frame.goaway.last_stream_id, frame.goaway.error_code);
      return;
    default:
      return;
  }
}

// The response is too large: its visitor hears no more than the close.
void Http2Client::Machine::refuse(StreamId id) {
  nghttp2_session_set_stream_user_data(session_.get(), id, nullptr);
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id,
                            static_cast<std::uint32_t>(ErrorCode::enhance_your_calm));
}

// The hot path: runs once per DATA frame of every delivery. It does no more than nghttp2's own lookup of the stream.
void Http2Client::Machine::on_data(StreamId id, std::span<const std::uint8_t> bytes) {
  Stream* stream = stream_of(id);
  if (stream == nullptr) {
    connection_unreturned_ += bytes.size();
    return;
  }
  stream->unreturned += static_cast<std::uint32_t>(bytes.size());
  stream->response->on_body(id, bytes);
  if (stream->paused) {
    stream->held += static_cast<std::uint32_t>(bytes.size());
    return;
  }
  connection_unreturned_ += bytes.size();
  if (stream->unreturned >= return_at_) return_stream_window(id, *stream);
}

void Http2Client::Machine::on_stream_close(StreamId id, std::uint32_t code) {
  Stream* known = stream_of(id);
  const std::unique_ptr<Stream> stream(known != nullptr ? known : find(id));
  if (!stream) return;
  remove(*stream);
  connection_unreturned_ += stream->held;
  stream->response->on_close(id, code);
}

Http2Client::Machine::Stream* Http2Client::Machine::find(StreamId id) const {
  for (Stream* stream = last_; stream != nullptr; stream = stream->before)
    if (stream->id == id) return stream;
  return nullptr;
}

void Http2Client::Machine::add(Stream& stream) {
  stream.before = std::exchange(last_, &stream);
  if (stream.before != nullptr) stream.before->after = &stream;
  ++stream_count_;
}

void Http2Client::Machine::remove(Stream& stream) {
  (stream.after != nullptr ? stream.after->before : last_) = stream.before;
  if (stream.before != nullptr) stream.before->after = stream.after;
  --stream_count_;
  if (!bodies_.empty()) bodies_.erase(stream.id);
}

// nghttp2 reports most connection errors only by the GOAWAY that it writes, with its reason in the debug data.
void Http2Client::Machine::on_frame_sent(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_GOAWAY || frame.goaway.error_code == NGHTTP2_NO_ERROR || error_) return;
  error_ = ConnectionError{frame.goaway.error_code, std::string(reinterpret_cast<const char*>(frame.goaway.opaque_data),
                                                                frame.goaway.opaque_data_len)};
  if (error_->reason.empty()) error_->reason = nghttp2_http2_strerror(error_->code);
}

ssize_t Http2Client::Machine::read_body(nghttp2_session*, StreamId, std::uint8_t* out, std::size_t size,
                                        std::uint32_t* flags, nghttp2_data_source* source, void*) noexcept {
  RequestBody& body = *static_cast<RequestBody*>(source->ptr);
  const std::size_t count = body.bytes.copy(reinterpret_cast<char*>(out), size, body.sent);
  body.sent += count;
  if (body.sent == body.bytes.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(count);
}

// --- Calls ----------------------------------------------------------------------------------------------------------

Http2Client::Machine::Machine(const Http2ClientOptions& options, Http2ClientVisitor& visitor)
    : visitor_(visitor),
      header_bytes_max_(options.header_bytes_max),
      fields_max_(options.fields_max),
      return_at_(options.stream_window / 2) {
  nghttp2_option* raw_option = nullptr;
  check(nghttp2_option_new(&raw_option) == 0, "nghttp2 is out of memory");
  const std::unique_ptr<nghttp2_option, OptionDeleter> option(raw_option);
  nghttp2_option_set_no_auto_window_update(raw_option, 1);
  nghttp2_option_set_no_closed_streams(raw_option, 1);  // 270 bytes for each stream that ever ended otherwise
  nghttp2_option_set_max_deflate_dynamic_table_size(raw_option, options.request_table);

  nghttp2_session* raw = nullptr;
  nghttp2_mem allocator = frame_buffer_.allocator();
  check(nghttp2_session_client_new3(&raw, make_callbacks().get(), this, raw_option, &allocator) == 0,
        "nghttp2 is out of memory");
  session_.reset(raw);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.stream_window},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  check(nghttp2_submit_settings(raw, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0, "SETTINGS are valid");
  check(nghttp2_session_set_local_window_size(raw, NGHTTP2_FLAG_NONE, 0,
                                              static_cast<std::int32_t>(options.connection_window)) == 0,
        "the connection window is valid");
}

Http2Client::Machine::~Machine() {
  // session_del does not call on_stream_close. The visitors may not touch the session any more, but may look at ids.
  while (last_ != nullptr) {
    const std::unique_ptr<Stream> stream(last_);
    remove(*stream);
    stream->response->on_close(stream->id, static_cast<std::uint32_t>(ErrorCode::cancel));
  }
}

StreamId Http2Client::Machine::request(const Request& head, ResponseVisitor& response, std::string body) {
  const std::string target = head.query.empty() ? head.path : head.path + '?' + head.query;
  const std::string length = std::to_string(body.size());
  std::vector<nghttp2_nv> fields{header(":method", head.method), header(":scheme", head.scheme),
                                 header(":authority", head.authority), header(":path", target)};
  for (const Field& field : head.fields) fields.push_back(header(field.name, field.value));
  if (!body.empty()) fields.push_back(header("content-length", length));

  auto stream = std::make_unique<Stream>();
  stream->response = &response;
  auto content = body.empty() ? nullptr : std::make_unique<RequestBody>(RequestBody{std::move(body), 0});
  const nghttp2_data_provider provider{{.ptr = content.get()}, read_body};
  const StreamId id = nghttp2_submit_request(session_.get(), nullptr, fields.data(), fields.size(),
                                             content ? &provider : nullptr, stream.get());
  check(id > 0, "a connection has fewer than 2^30 streams in its life");
  if (content) bodies_.emplace(id, std::move(content));
  stream->id = id;
  add(*stream.release());
  return id;
}

void Http2Client::Machine::pause(StreamId id) {
  if (Stream* stream = find(id)) stream->paused = true;
}

void Http2Client::Machine::resume(StreamId id) {
  Stream* stream = find(id);
  if (stream == nullptr) return;
  stream->paused = false;
  connection_unreturned_ += std::exchange(stream->held, 0);
  return_stream_window(id, *stream);
  return_connection_window();
}

void Http2Client::Machine::return_stream_window(StreamId id, Stream& stream) {
  nghttp2_session_consume_stream(session_.get(), id, std::exchange(stream.unreturned, 0));
}

// nghttp2 turns what is consumed into a WINDOW_UPDATE once half of the window has gone.
void Http2Client::Machine::return_connection_window() {
  if (connection_unreturned_ != 0)
    nghttp2_session_consume_connection(session_.get(), std::exchange(connection_unreturned_, 0));
}

void Http2Client::Machine::receive(std::span<const std::uint8_t> bytes) {
  const ssize_t taken = nghttp2_session_mem_recv(session_.get(), bytes.data(), bytes.size());
  if (taken < 0 && !error_)
    error_ = ConnectionError{static_cast<std::uint32_t>(taken == NGHTTP2_ERR_FLOODED ? ErrorCode::enhance_your_calm
                                                                                     : ErrorCode::protocol_error),
                             nghttp2_strerror(static_cast<int>(taken))};
  return_connection_window();
}

void Http2Client::Machine::flush(ByteBuffer& out) {
  const std::uint8_t* bytes = nullptr;
  for (ssize_t size; (size = nghttp2_session_mem_send(session_.get(), &bytes)) > 0;)
    out.append({bytes, static_cast<std::size_t>(size)});
}

// --- The public face ------------------------------------------------------------------------------------------------

Http2Client::Http2Client(const Http2ClientOptions& options, Http2ClientVisitor& visitor)
    : machine_(std::make_unique<Machine>(options, visitor)) {}
Http2Client::~Http2Client() = default;

StreamId Http2Client::request(const Request& head, ResponseVisitor& response, std::string body) {
  return machine_->request(head, response, std::move(body));
}
void Http2Client::set_next_id(StreamId id) {
  check(nghttp2_session_set_next_stream_id(machine_->session(), id) == 0, "ids of streams rise");
}
void Http2Client::reset(StreamId id, ErrorCode code) {
  nghttp2_submit_rst_stream(machine_->session(), NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(code));
}
void Http2Client::pause(StreamId id) { machine_->pause(id); }
void Http2Client::resume(StreamId id) { machine_->resume(id); }
void Http2Client::ping() { nghttp2_submit_ping(machine_->session(), NGHTTP2_FLAG_NONE, nullptr); }
void Http2Client::goaway(ErrorCode code) {
  nghttp2_submit_goaway(machine_->session(), NGHTTP2_FLAG_NONE, 0, static_cast<std::uint32_t>(code), nullptr, 0);
}
void Http2Client::receive(std::span<const std::uint8_t> bytes) { machine_->receive(bytes); }
void Http2Client::flush(ByteBuffer& out) { machine_->flush(out); }
const std::optional<ConnectionError>& Http2Client::error() const { return machine_->error(); }
bool Http2Client::wants_flush() const { return nghttp2_session_want_write(machine_->session()) != 0; }
bool Http2Client::finished() const {
  return nghttp2_session_want_read(machine_->session()) == 0 && nghttp2_session_want_write(machine_->session()) == 0;
}
std::size_t Http2Client::stream_count() const { return machine_->stream_count(); }
std::uint32_t Http2Client::peer_streams_max() const {
  return nghttp2_session_get_remote_settings(machine_->session(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

}  // namespace sluice::proto
