// Http2Peer: a real nghttp2 client session as the peer of a session under test: what it understands, a client does.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "proto/http.h"
#include "tests/support/frames.h"

namespace sluice::test {

class Http2Peer {
 public:
  struct Response {
    Fields fields;
    std::string body;
    bool ended = false;                 // END_STREAM was seen
    std::optional<std::uint32_t> code;  // of the stream's close
    [[nodiscard]] std::string_view status() const { return proto::find_field(fields, ":status"); }
  };

  // `initial_window`: what the peer gives each stream; 0 stops every DATA frame.
  explicit Http2Peer(std::uint32_t initial_window = 65'535, bool returns_window = true);
  ~Http2Peer();
  Http2Peer(const Http2Peer&) = delete;
  Http2Peer& operator=(const Http2Peer&) = delete;

  StreamId request(const Fields& fields, std::string body = {});
  // The body begins so and stays open until finish_body().
  StreamId request_open(const Fields& fields, std::string part = {});
  void finish_body(StreamId id);
  void reset(StreamId id, std::uint32_t code);
  // WINDOW_UPDATE: for the stream, or (id 0) for the connection.
  void give_window(StreamId id, std::int32_t increment);

  // What the peer wants to send; empty when nothing.
  [[nodiscard]] std::string output();
  // Nothing is left to say or to hear: a client closes the connection.
  [[nodiscard]] bool finished() const;
  // False when the bytes were not acceptable HTTP/2 for a client.
  bool receive(std::string_view bytes);

  std::map<StreamId, Response> responses;
  std::optional<std::uint32_t> goaway_code;
  StreamId goaway_last = 0;
  int pings = 0;
  int invalid_frames = 0;

 private:
  StreamId submit(const Fields& fields, bool body_follows);
  nghttp2_session* session_ = nullptr;
  std::map<StreamId, std::string> bodies_;
  std::set<StreamId> open_;  // whose body has more to come
};

}  // namespace sluice::test
