// ResponseVisitor: the owner of one request, told of its response by whichever session carries it (Http2Client,
// Http1Client). Implemented by gateway/client, the load client and tests; called on their thread, from inside the
// session's receive() or flush(). A stream is one request with its response; over HTTP/1.1 too it has a number.
// Invariant: on_head at most once, before any on_body; on_close exactly once, last.
#pragma once

#include <cstdint>
#include <span>

#include "proto/http.h"
#include "proto/http2.h"

namespace sluice::proto {

class ResponseVisitor {
 public:
  // The final head (1xx are skipped). `end`: no body follows.
  virtual void on_head(StreamId id, ResponseHead&& head, bool end) = 0;
  virtual void on_body(StreamId id, std::span<const std::uint8_t> bytes) = 0;
  // The last call for this stream. `code` 0 after a head: the body is complete; otherwise an ErrorCode.
  virtual void on_close(StreamId id, std::uint32_t code) = 0;

 protected:
  ~ResponseVisitor() = default;
};

}  // namespace sluice::proto
