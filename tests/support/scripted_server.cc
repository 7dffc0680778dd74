#include "tests/support/scripted_server.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>

namespace sluice::test {
namespace {

std::string text(const std::uint8_t* bytes, std::size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

std::vector<nghttp2_nv> name_values(const std::vector<proto::Field>& fields) {
  std::vector<nghttp2_nv> out;
  for (const proto::Field& field : fields)
    out.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(field.name.data())),
                   reinterpret_cast<std::uint8_t*>(const_cast<char*>(field.value.data())), field.name.size(),
                   field.value.size(), NGHTTP2_NV_FLAG_NONE});
  return out;
}

}  // namespace

struct ScriptedServer::Callbacks {
  static ScriptedServer& of(void* user) noexcept { return *static_cast<ScriptedServer*>(user); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) noexcept {
    proto::Request& request = of(user).streams[frame->hd.stream_id].request;
    const std::string field = text(name, name_size), content = text(value, value_size);
    if (field == ":method") {
      request.method = content;
    } else if (field == ":scheme") {
      request.scheme = content;
    } else if (field == ":authority") {
      request.authority = content;
    } else if (field == ":path") {
      const std::size_t mark = content.find('?');
      request.path = content.substr(0, mark);
      if (mark != std::string::npos) request.query = content.substr(mark + 1);
    } else {
      request.fields.push_back({field, content});
    }
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size,
                     void* user) noexcept {
    of(user).streams[id].body.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept {
    ScriptedServer& peer = of(user);
    if (frame->hd.type == NGHTTP2_WINDOW_UPDATE)
      ++(frame->hd.stream_id == 0 ? peer.connection_window_updates : peer.window_updates);
    if (frame->hd.type == NGHTTP2_PING) ++peer.pings;
    if (frame->hd.type == NGHTTP2_GOAWAY) ++peer.goaways;
    const bool carries_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (carries_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
      peer.streams[frame->hd.stream_id].complete = true;
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) noexcept {
    of(user).streams[id].closed = true;
    of(user).streams[id].close_code = code;
    return 0;
  }
  static ssize_t read(nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t size, std::uint32_t* flags,
                      nghttp2_data_source* source, void*) noexcept {
    Stream& stream = *static_cast<Stream*>(source->ptr);
    const std::size_t count = stream.unsent.copy(reinterpret_cast<char*>(out), size);
    stream.unsent.erase(0, count);
    if (stream.unsent.empty() && stream.end) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return count == 0 && !stream.end ? static_cast<ssize_t>(NGHTTP2_ERR_DEFERRED) : static_cast<ssize_t>(count);
  }
};

ScriptedServer::ScriptedServer(std::uint32_t streams_max) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::on_close);
  nghttp2_session_server_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry setting{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_max};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &setting, 1);
}

ScriptedServer::~ScriptedServer() { nghttp2_session_del(session_); }

bool ScriptedServer::receive(std::span<const std::uint8_t> bytes) {
  return nghttp2_session_mem_recv(session_, bytes.data(), bytes.size()) >= 0;
}

void ScriptedServer::flush(ByteBuffer& out) {
  const std::uint8_t* bytes = nullptr;
  for (ssize_t size; (size = nghttp2_session_mem_send(session_, &bytes)) > 0;)
    out.append({bytes, static_cast<std::size_t>(size)});
}

void ScriptedServer::interim(std::int32_t id, int status) {
  const std::vector<proto::Field> head{{":status", std::to_string(status)}};
  const auto fields = name_values(head);
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, id, nullptr, fields.data(), fields.size(), nullptr);
}

void ScriptedServer::respond(std::int32_t id, int status, const std::vector<proto::Field>& fields, bool end) {
  std::vector<proto::Field> head{{":status", std::to_string(status)}};
  head.insert(head.end(), fields.begin(), fields.end());
  const auto lines = name_values(head);
  const nghttp2_data_provider provider{{.ptr = &streams[id]}, Callbacks::read};
  nghttp2_submit_response(session_, id, lines.data(), lines.size(), end ? nullptr : &provider);
}

void ScriptedServer::send(std::int32_t id, std::string_view bytes, bool end) {
  streams[id].unsent += bytes;
  streams[id].end = end;
  nghttp2_session_resume_data(session_, id);
}

void ScriptedServer::trailers(std::int32_t id, const std::vector<proto::Field>& fields) {
  const auto lines = name_values(fields);
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_END_STREAM, id, nullptr, lines.data(), lines.size(), nullptr);
}

void ScriptedServer::reset(std::int32_t id, std::uint32_t code) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, code);
}

void ScriptedServer::goaway(std::int32_t last) {
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
}

std::int32_t ScriptedServer::window(std::int32_t id) const {
  return id == 0 ? nghttp2_session_get_remote_window_size(session_)
                 : nghttp2_session_get_stream_remote_window_size(session_, id);
}

}  // namespace sluice::test
