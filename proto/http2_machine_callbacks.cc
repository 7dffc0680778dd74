// nghttp2's callbacks and options, shared by all sessions: each trampoline casts and forwards to the method of its
// name.
#include "proto/http2_machine.h"

namespace sluice::proto {
namespace {

std::string_view text_of(nghttp2_rcbuf* buffer) {
  const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

}  // namespace

const nghttp2_session_callbacks* Http2Server::Machine::callbacks() {
  static const nghttp2_session_callbacks* const shared = [] {
    nghttp2_session_callbacks* made = nullptr;
    nghttp2_session_callbacks_new(&made);
    nghttp2_session_callbacks_set_on_begin_headers_callback(
        made, [](nghttp2_session*, const nghttp2_frame* frame, void* self) noexcept {
          return static_cast<Machine*>(self)->on_begin_headers(*frame);
        });
    nghttp2_session_callbacks_set_on_header_callback2(
        made, [](nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* field, nghttp2_rcbuf* value, std::uint8_t,
                 void* self) noexcept {
          return static_cast<Machine*>(self)->on_header(frame->hd.stream_id, text_of(field), text_of(value));
        });
    nghttp2_session_callbacks_set_on_invalid_header_callback2(
        made, [](nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf* field, nghttp2_rcbuf* value, std::uint8_t,
                 void* self) noexcept {
          return static_cast<Machine*>(self)->on_invalid_header(text_of(field), text_of(value));
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        made, [](nghttp2_session*, const nghttp2_frame* frame, void* self) noexcept {
          return static_cast<Machine*>(self)->on_frame_recv(*frame);
        });
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
        made, [](nghttp2_session*, const nghttp2_frame*, int lib_error, void* self) noexcept {
          return static_cast<Machine*>(self)->on_invalid_frame_recv(lib_error);
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        made, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size,
                 void* self) noexcept {
          return static_cast<Machine*>(self)->on_data_chunk_recv(id, {bytes, size});
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        made, [](nghttp2_session*, std::int32_t id, std::uint32_t code, void* self) noexcept {
          return static_cast<Machine*>(self)->on_stream_close(id, code);
        });
    nghttp2_session_callbacks_set_on_frame_not_send_callback(
        made, [](nghttp2_session*, const nghttp2_frame* frame, int lib_error, void* self) noexcept {
          return static_cast<Machine*>(self)->on_frame_not_send(*frame, lib_error);
        });
    nghttp2_session_callbacks_set_send_callback(
        made, [](nghttp2_session*, const std::uint8_t* bytes, std::size_t size, int, void* self) noexcept {
          static_cast<Machine*>(self)->on_send({bytes, size});
          return static_cast<ssize_t>(size);
        });
    return made;
  }();
  return shared;
}

const nghttp2_option* Http2Server::Machine::options() {
  static const nghttp2_option* const shared = [] {
    nghttp2_option* made = nullptr;
    nghttp2_option_new(&made);
    nghttp2_option_set_no_auto_window_update(made, 1);
    // A response's head is sent once per stream: a compression table would save 50 bytes of it, and cost 1.5 KB for as
    // long as the connection lives.
    nghttp2_option_set_max_deflate_dynamic_table_size(made, 0);
    nghttp2_option_set_no_closed_streams(made, 1);  // 270 bytes for each stream that ever was
    // Budgets of our own replace these: theirs answers with INTERNAL_ERROR after 1,000 resets, counts reads instead of
    // CONTINUATION frames, and neither is told to a metric.
    nghttp2_option_set_stream_reset_rate_limit(made, 1u << 30, 1u << 30);
    nghttp2_option_set_max_continuations(made, 1u << 30);
    nghttp2_option_set_max_outbound_ack(made, 1000);
    nghttp2_option_set_max_settings(made, 32);
    nghttp2_option_set_peer_max_concurrent_streams(made, 0);  // we push nothing
    nghttp2_option_set_max_send_header_block_length(made, 64 * 1024);
    return made;
  }();
  return shared;
}

}  // namespace sluice::proto
