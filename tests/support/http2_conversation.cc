#include "tests/support/http2_conversation.h"

#include <algorithm>

namespace sluice::test {

Http2StreamOwner* Http2Recorder::on_request(StreamId id, proto::Request&& request, bool body_follows) {
  note("request " + std::to_string(id) + " " + request.method + " " + request.path +
       (body_follows ? " with body" : ""));
  Stream& stream = streams[id];
  stream.alphabet = &alphabet;
  stream.request = std::move(request);
  if (answer != 0) server->respond(id, {answer, {}}, answer_ends);
  return &stream;
}

void Http2Recorder::on_body(StreamId id, Http2StreamOwner* owner, std::span<const std::uint8_t> bytes) {
  CHECK(owner == &streams.at(id));
  streams.at(id).body.append(bytes.begin(), bytes.end());
  if (consume) server->consume(id, bytes.size());
}

void Http2Recorder::on_body_end(StreamId id, Http2StreamOwner* owner) {
  CHECK(owner == &streams.at(id));
  streams.at(id).body_ended = true;
  note("body end " + std::to_string(id));
}

void Http2Recorder::on_window(StreamId id, Http2StreamOwner* owner) {
  CHECK((id == 0) == (owner == nullptr));
  note("window " + std::to_string(id));
}

void Http2Recorder::on_close(StreamId id, Http2StreamOwner* owner, std::uint32_t code) {
  Stream& stream = streams.at(id);
  CHECK(owner == &stream);
  ++stream.closed;
  stream.code = code;
  note("close " + std::to_string(id) + " code " + std::to_string(code));
}

Http2Conversation::Http2Conversation(Http2Limits given) : limits(given) {
  server = std::make_unique<Http2Server>(limits, visitor, now);
  visitor.server = server.get();
}

Http2Conversation::~Http2Conversation() { destroy(); }

void Http2Conversation::destroy() {
  server.reset();
  for (const auto& [id, stream] : visitor.streams) {
    CAPTURE(id);
    CHECK(stream.closed == 1);
  }
}

std::string Http2Conversation::say(const Frames& frames, std::size_t piece) {
  std::span<const std::uint8_t> bytes = frames.bytes();
  error.clear();
  error_code.reset();
  while (!bytes.empty() && !error_code) {
    const std::size_t size = std::min(piece, bytes.size());
    if (const auto failure = server->receive(bytes.first(size), now)) {
      error = std::to_string(failure->code) + ": " + failure->reason;
      error_code = failure->code;
    }
    bytes = bytes.subspan(size);
    server->flush(out);
  }
  CHECK_FALSE(server->wants_flush());
  return heard();
}

void Http2Conversation::open() {
  Frames frames;
  say(frames.open());
  REQUIRE(error == "");
}

void Http2Conversation::expire() {
  error.clear();
  error_code.reset();
  if (const auto failure = server->expire(now)) {
    error = std::to_string(failure->code) + ": " + failure->reason;
    error_code = failure->code;
  }
  server->flush(out);
}

std::string Http2Conversation::take_bytes() {
  std::string bytes(out.text());
  out.clear();
  return bytes;
}

std::vector<Frame> Http2Conversation::take() { return read_frames(take_bytes()); }

std::size_t Http2Conversation::sendable(StreamId id) const {
  const auto found = visitor.streams.find(id);
  return found == visitor.streams.end() ? 0 : server->sendable(found->second);
}

std::string Http2Conversation::send(StreamId id, std::size_t size, bool ends) {
  server->send_data(visitor.streams.at(id), size, ends, out);
  return heard();
}

std::string Http2Conversation::end(StreamId id) {
  server->end_stream(id, out);
  return heard();
}

}  // namespace sluice::test
