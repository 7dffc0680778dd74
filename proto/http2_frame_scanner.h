// FrameScanner: the frame headers that pass, read beside nghttp2 so that the limits see every frame, also those that
// nghttp2 skips in silence (unknown types, PRIORITY, DATA on closed streams). Pure; owned by the session.
// It never judges: nghttp2 checks syntax, the session checks conduct.
// Invariant: the steps of a byte sequence join to the same frames however the sequence is cut.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/http2_server.h"

namespace sluice::proto {

// RFC 9113 §6.
enum class FrameType : std::uint8_t {
  data = 0x0,
  headers = 0x1,
  priority = 0x2,
  rst_stream = 0x3,
  settings = 0x4,
  push_promise = 0x5,
  ping = 0x6,
  goaway = 0x7,
  window_update = 0x8,
  continuation = 0x9,
};

struct FrameHeader {
  static constexpr std::size_t size = 9;
  static constexpr std::uint8_t end_stream = 0x1, ack = 0x1, end_headers = 0x4, padded = 0x8, priority = 0x20;

  std::uint32_t length = 0;
  FrameType type = FrameType::data;
  std::uint8_t flags = 0;
  StreamId stream = 0;

  [[nodiscard]] static FrameHeader read(std::span<const std::uint8_t> bytes);  // bytes.size() ≥ 9
  void write(std::span<std::uint8_t> out) const;                               // out.size() ≥ 9
  [[nodiscard]] bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
};

class FrameScanner {
 public:
  struct Step {
    std::size_t size = 0;    // bytes of the input that belong to this step, ≥ 1
    std::size_t header = 0;  // of them, bytes of a frame header; they come first
    bool begins = false;     // frame() is a new frame, its header complete
    bool ends = false;       // the last byte of frame() is within this step
  };

  // Takes the next piece of `bytes` (not empty): at most up to the end of one frame.
  [[nodiscard]] Step advance(std::span<const std::uint8_t> bytes);

  [[nodiscard]] const FrameHeader& frame() const { return frame_; }
  // frame()'s header as it came.
  [[nodiscard]] std::span<const std::uint8_t> header() const { return header_; }
  // The payload's first bytes, at most 5: enough for PRIORITY and a pad length.
  [[nodiscard]] std::span<const std::uint8_t> prefix() const { return {prefix_.data(), prefix_size_}; }

 private:
  std::uint32_t preface_left_ = 24;  // RFC 9113 §3.4
  std::uint32_t payload_left_ = 0;
  FrameHeader frame_;
  std::uint8_t header_size_ = 0, prefix_size_ = 0;
  std::array<std::uint8_t, FrameHeader::size> header_{};
  std::array<std::uint8_t, 5> prefix_{};
};

}  // namespace sluice::proto
