// Frames: a fluent writer of HTTP/2 frames, right and wrong ones, and a reader of what a session wrote; so that a test
// states the bytes of a conversation as the frames they are.
//   Frames().preface().settings({{4, 0}}).headers(1, get("/")).data(1, "x", true).bytes()
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "proto/http.h"
#include "proto/http2_frame_scanner.h"

namespace sluice::test {

using proto::Field;
using proto::FrameHeader;
using proto::FrameType;
using proto::StreamId;
using Fields = std::vector<Field>;

// The pseudo-header fields of an ordinary request, and more after them.
[[nodiscard]] Fields request(std::string_view method, std::string_view path, Fields more = {});
[[nodiscard]] inline Fields get(std::string_view path, Fields more = {}) { return request("GET", path, more); }
[[nodiscard]] inline Fields post(std::string_view path, Fields more = {}) { return request("POST", path, more); }

class Frames {
 public:
  Frames();
  ~Frames();
  Frames(const Frames&) = delete;
  Frames& operator=(const Frames&) = delete;

  Frames& preface();  // RFC 9113 §3.4: the magic, without SETTINGS
  Frames& open() { return preface().settings({}).settings_ack(); }
  Frames& settings(std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> values, StreamId stream = 0);
  Frames& settings_ack();
  Frames& headers(StreamId stream, const Fields& fields, bool end_stream = true, bool end_headers = true);
  Frames& continuation(StreamId stream, std::string_view block, bool end_headers);
  Frames& data(StreamId stream, std::string_view body, bool end_stream = false);
  Frames& rst(StreamId stream, std::uint32_t code);
  Frames& ping(std::string_view payload = "12345678", bool ack = false, StreamId stream = 0);
  Frames& window_update(StreamId stream, std::uint32_t increment);
  Frames& priority(StreamId stream, std::uint32_t depends_on);
  Frames& goaway(StreamId last, std::uint32_t code, StreamId stream = 0);
  // Any frame, with a payload that need not fit its type.
  Frames& frame(FrameType type, std::uint8_t flags, StreamId stream, std::string_view payload);
  Frames& raw(std::string_view bytes);

  // The compressed form of `fields`, in the state that the writer's compressor has here.
  [[nodiscard]] std::string block(const Fields& fields);

  [[nodiscard]] std::string_view text() const { return bytes_; }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const {
    return {reinterpret_cast<const std::uint8_t*>(bytes_.data()), bytes_.size()};
  }
  void clear() { bytes_.clear(); }

 private:
  std::string bytes_;
  nghttp2_hd_deflater* deflater_ = nullptr;
};

// A big-endian number of `size` bytes.
[[nodiscard]] std::string number(std::uint64_t value, int size);

struct Frame {
  FrameHeader header;
  std::string payload;

  [[nodiscard]] bool ends() const { return header.has(FrameHeader::end_stream); }
  [[nodiscard]] std::uint32_t u32(std::size_t at = 0) const;
};

// The frames in `bytes`; fails the test when they are not whole.
[[nodiscard]] std::vector<Frame> read_frames(std::string_view bytes);

// A readable list: "HEADERS 1, DATA 1 +5 END, RST_STREAM 1 code 0, GOAWAY code 11".
[[nodiscard]] std::string list(const std::vector<Frame>& frames);

}  // namespace sluice::test
