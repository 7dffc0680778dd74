// Http2Conversation: one Http2Server in memory, its clock set by hand, and a visitor that writes down what it was told.
// A test says frames to it and reads the frames that came back.
// Invariant, checked when it ends: every announced stream was closed exactly once.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "proto/http2_server.h"
#include "tests/support/frames.h"

namespace sluice::test {

using proto::ErrorCode;
using proto::Glitch;
using proto::Http2Limits;
using proto::Http2Server;
using proto::Http2StreamOwner;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Writes "abcdef…" for any size.
class Alphabet {
 public:
  void write(std::span<std::uint8_t> out) {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>('a' + next_++ % 26);
  }

 private:
  std::size_t next_ = 0;
};

class Http2Recorder : public proto::Http2Visitor {
 public:
  struct Stream final : Http2StreamOwner {
    void write_body(std::span<std::uint8_t> out) override { alphabet->write(out); }

    Alphabet* alphabet = nullptr;
    proto::Request request;
    std::string body;
    bool body_ended = false;
    int closed = 0;
    std::uint32_t code = 0;
  };

  Http2StreamOwner* on_request(StreamId id, proto::Request&& request, bool body_follows) override;
  void on_body(StreamId id, Http2StreamOwner* owner, std::span<const std::uint8_t> bytes) override;
  void on_body_end(StreamId id, Http2StreamOwner* owner) override;
  void on_window(StreamId id, Http2StreamOwner* owner) override;
  void on_close(StreamId id, Http2StreamOwner* owner, std::uint32_t code) override;
  void on_pong() override { note("pong"); }
  void on_goaway() override { note("goaway"); }
  void on_glitch(Glitch glitch) override { ++glitches[glitch]; }

  // "request 1 GET /a", "body 1 +3", "body end 1", "window 1", "close 1 code 8", …
  [[nodiscard]] const std::string& told() const { return log_; }
  std::map<StreamId, Stream> streams;
  std::map<Glitch, int> glitches;
  Http2Server* server = nullptr;
  Alphabet alphabet;  // of all bodies, in the order in which they are sent
  // What every request is answered with at once; status 0: not at all.
  int answer = 200;
  bool answer_ends = false;
  bool consume = true;

 private:
  void note(const std::string& line) { log_ += (log_.empty() ? "" : ", ") + line; }
  std::string log_;
};

class Http2Conversation {
 public:
  explicit Http2Conversation(Http2Limits limits = {});
  ~Http2Conversation();

  // Feeds the frames and returns what the server wrote, as list() prints it. `piece`: bytes per receive().
  std::string say(const Frames& frames, std::size_t piece = static_cast<std::size_t>(-1));
  // Preface, SETTINGS and their ACK, with what the server wrote to them dropped.
  void open();
  // What the server has written since the last call.
  std::string heard() { return list(take()); }
  std::vector<Frame> take();
  std::string take_bytes();

  // 0 for a stream that was never announced.
  [[nodiscard]] std::size_t sendable(StreamId id) const;
  std::string send(StreamId id, std::size_t size, bool end = false);
  std::string end(StreamId id);
  void pass(milliseconds time) { now += time; }
  // Destroys the server now; the visitor must then know every stream closed.
  void destroy();
  // "" or "code: reason" of the connection error that the last say() or expire() returned.
  std::string error;
  std::optional<std::uint32_t> error_code;
  void expire();

  Http2Limits limits;
  Http2Recorder visitor;
  proto::TimePoint now{seconds(1000)};
  std::unique_ptr<Http2Server> server;
  ByteBuffer out;
};

}  // namespace sluice::test
