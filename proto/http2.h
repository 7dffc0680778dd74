// What both sides of an HTTP/2 connection share (RFC 9113): stream numbers, error codes, and the error that ends a
// connection. Values, without nghttp2.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::proto {

using StreamId = std::int32_t;

// RFC 9113 §7.
enum class ErrorCode : std::uint32_t {
  no_error = 0x0,
  protocol_error = 0x1,
  internal_error = 0x2,
  flow_control_error = 0x3,
  settings_timeout = 0x4,
  stream_closed = 0x5,
  frame_size_error = 0x6,
  refused_stream = 0x7,
  cancel = 0x8,
  compression_error = 0x9,
  connect_error = 0xa,
  enhance_your_calm = 0xb,
  inadequate_security = 0xc,
  http_1_1_required = 0xd,
};

// RFC 9113 §5.4.1: the connection cannot go on. A GOAWAY with `code` is queued unless the peer's bytes were not HTTP/2.
struct ConnectionError {
  std::uint32_t code = 0;  // RFC 9113 §7
  std::string reason;
};

}  // namespace sluice::proto
