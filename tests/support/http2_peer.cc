#include "tests/support/http2_peer.h"

#include <algorithm>
#include <array>

namespace sluice::test {
namespace {

Http2Peer& self_of(void* self) { return *static_cast<Http2Peer*>(self); }

std::vector<nghttp2_nv> name_values(const Fields& fields) {
  std::vector<nghttp2_nv> values;
  for (const Field& field : fields)
    values.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(field.name.data())),
                      reinterpret_cast<std::uint8_t*>(const_cast<char*>(field.value.data())), field.name.size(),
                      field.value.size(), NGHTTP2_NV_FLAG_NONE});
  return values;
}

}  // namespace

Http2Peer::Http2Peer(std::uint32_t initial_window, bool returns_window) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                    const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
        self_of(self).responses[frame->hd.stream_id].fields.push_back(
            {{name, name + name_size}, {value, value + value_size}});
        return 0;
      });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      callbacks,
      [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size, void* self) {
        self_of(self).responses[id].body.append(bytes, bytes + size);
        return 0;
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
        Http2Peer& peer = self_of(self);
        if (frame->hd.type == NGHTTP2_GOAWAY) {
          peer.goaway_code = frame->goaway.error_code;
          peer.goaway_last = frame->goaway.last_stream_id;
        }
        if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) ++peer.pings;
        const bool bears_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
        if (bears_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
          peer.responses[frame->hd.stream_id].ended = true;
        return 0;
      });
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame*, int, void* self) {
        ++self_of(self).invalid_frames;
        return 0;
      });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t code, void* self) {
        self_of(self).responses[id].code = code;
        return 0;
      });
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, returns_window ? 0 : 1);
  nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  const std::array settings{nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, initial_window}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
}

Http2Peer::~Http2Peer() { nghttp2_session_del(session_); }

StreamId Http2Peer::request(const Fields& fields, std::string body) {
  const bool has_body = !body.empty();
  const StreamId id = submit(fields, has_body);
  bodies_[id] = std::move(body);
  return id;
}

StreamId Http2Peer::request_open(const Fields& fields, std::string part) {
  const StreamId id = submit(fields, true);
  bodies_[id] = std::move(part);
  open_.insert(id);
  return id;
}

void Http2Peer::finish_body(StreamId id) {
  open_.erase(id);
  nghttp2_session_resume_data(session_, id);
}

StreamId Http2Peer::submit(const Fields& fields, bool body_follows) {
  const std::vector<nghttp2_nv> values = name_values(fields);
  nghttp2_data_provider provider{};
  provider.read_callback = [](nghttp2_session*, std::int32_t id, std::uint8_t* out, std::size_t room,
                              std::uint32_t* flags, nghttp2_data_source*, void* self) {
    std::string& rest = self_of(self).bodies_[id];
    const bool open = self_of(self).open_.contains(id);
    if (open && rest.empty()) return static_cast<ssize_t>(NGHTTP2_ERR_DEFERRED);
    const std::size_t size = std::min(rest.size(), room);
    std::copy_n(rest.begin(), size, out);
    rest.erase(0, size);
    if (rest.empty() && !open) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  };
  return nghttp2_submit_request(session_, nullptr, values.data(), values.size(), body_follows ? &provider : nullptr,
                                nullptr);
}

void Http2Peer::reset(StreamId id, std::uint32_t code) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, code);
}

void Http2Peer::give_window(StreamId id, std::int32_t increment) {
  nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, id, increment);
}

std::string Http2Peer::output() {
  std::string bytes;
  const std::uint8_t* piece = nullptr;
  for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &piece)) > 0;)
    bytes.append(reinterpret_cast<const char*>(piece), static_cast<std::size_t>(size));
  return bytes;
}

bool Http2Peer::finished() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

bool Http2Peer::receive(std::string_view bytes) {
  return nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) ==
             static_cast<ssize_t>(bytes.size()) &&
         invalid_frames == 0;
}

}  // namespace sluice::test
