// ScriptedServer: the other end of a client's conversation, a scripted server over bare nghttp2 (not over our
// Http2Server, so that one mistake cannot hide in both ends). Pure: bytes in, requests out; what the script says, bytes
// out. Owned by a test. It never answers by itself, except SETTINGS and PING.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/byte_buffer.h"
#include "proto/http.h"

struct nghttp2_session;

namespace sluice::test {

class ScriptedServer {
 public:
  struct Stream {
    proto::Request request;
    std::string body;
    bool complete = false;  // END_STREAM seen
    bool closed = false;
    std::uint32_t close_code = 0;
    std::string unsent;  // of the response
    bool end = false;
  };

  explicit ScriptedServer(std::uint32_t streams_max = 256);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  // False when the client's bytes are not HTTP/2.
  bool receive(std::span<const std::uint8_t> bytes);
  void flush(ByteBuffer& out);

  void interim(std::int32_t id, int status);  // 1xx
  void respond(std::int32_t id, int status, const std::vector<proto::Field>& fields = {}, bool end = false);
  void event_stream(std::int32_t id) { respond(id, 200, {{"content-type", "text/event-stream"}}); }
  void send(std::int32_t id, std::string_view bytes, bool end = false);
  void trailers(std::int32_t id, const std::vector<proto::Field>& fields);
  void reset(std::int32_t id, std::uint32_t code);
  void goaway(std::int32_t last);

  // By stream id, in order of opening; closed ones stay.
  std::map<std::int32_t, Stream> streams;
  int window_updates = 0, connection_window_updates = 0, pings = 0, goaways = 0;

  [[nodiscard]] std::int32_t window(std::int32_t id) const;  // what the client lets us send; 0: the connection

 private:
  struct Callbacks;
  nghttp2_session* session_ = nullptr;
};

}  // namespace sluice::test
