// Windows: what may be sent when, who is told that more may be, and how a stream ends when nothing may.
#include <doctest/doctest.h>

#include "tests/support/http2_conversation.h"
#include "tests/support/http2_peer.h"

using namespace sluice;
using namespace sluice::test;

namespace {

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

TEST_CASE("sendable is the least of stream window, connection window and frame size") {
  Http2Conversation talk;
  Frames frames;
  talk.say(frames.preface().settings({{4, 20'000}}).settings_ack().headers(1, get("/")).headers(3, get("/")));
  talk.take();
  CHECK(talk.server->initial_stream_window() == 20'000);
  CHECK(talk.sendable(1) == 16'384);
  CHECK(talk.send(1, 16'384) == "DATA 1 +16384");
  CHECK(talk.sendable(1) == 3'616);
  CHECK(talk.server->stream_window(talk.visitor.streams.at(1)) == 3'616);
  CHECK(talk.send(1, 3'616) == "DATA 1 +3616");
  CHECK(talk.sendable(1) == 0);
  // The connection's 65535 bytes are shared.
  frames.clear();
  talk.say(frames.window_update(1, 100'000).window_update(3, 100'000));
  CHECK(talk.send(1, 16'384) == "DATA 1 +16384");
  CHECK(talk.send(1, 16'384) == "DATA 1 +16384");
  CHECK(talk.sendable(1) == 65'535 - 20'000 - 2 * 16'384);
  CHECK(talk.send(1, 12'767) == "DATA 1 +12767");
  CHECK(talk.sendable(3) == 0);
  frames.clear();
  talk.say(frames.window_update(0, 5));
  CHECK(talk.sendable(3) == 5);
  CHECK(talk.sendable(99) == 0);
}

TEST_CASE("a larger frame size of the peer does not make larger frames") {
  Http2Conversation talk;
  Frames frames;
  talk.say(frames.preface().settings({{4, 1'000'000}, {5, 1'000'000}}).settings_ack().window_update(0, 1'000'000));
  frames.clear();
  talk.say(frames.headers(1, get("/")));
  CHECK(talk.sendable(1) == 16'384);
}

TEST_CASE("window is told to the stream that got it, to all when the connection or all got it") {
  Http2Conversation talk;
  talk.open();
  Frames frames;
  talk.say(frames.headers(1, get("/")).window_update(1, 5).window_update(0, 5).settings({{4, 100'000}}));
  CHECK(talk.visitor.told() == "request 1 GET /, window 1, window 0, window 0");
  // A smaller window and other settings give nobody anything.
  frames.clear();
  talk.say(frames.settings({{4, 10}}).settings({{1, 0}}));
  CHECK(talk.visitor.told() == "request 1 GET /, window 1, window 0, window 0");
}

TEST_CASE("a window that settings made negative lets nothing through until it is positive") {
  Http2Conversation talk;
  talk.open();
  Frames frames;
  talk.say(frames.headers(1, get("/")));
  talk.send(1, 16'384);
  frames.clear();
  talk.say(frames.settings({{4, 0}}));
  CHECK(talk.server->stream_window(talk.visitor.streams.at(1)) == 0);
  CHECK(talk.sendable(1) == 0);
  frames.clear();
  talk.say(frames.window_update(1, 16'385));
  CHECK(talk.sendable(1) == 1);
  CHECK(talk.send(1, 1) == "DATA 1 +1");
}

TEST_CASE("a stream ends cleanly at window 0 of stream or connection, and leaves its place to the next") {
  struct Row {
    std::string name;
    std::uint32_t initial_window;
    std::size_t send;
  };
  for (const Row& row :
       {Row{"window open", 65'535, 10}, Row{"stream window 0 from the start", 0, 0},
        Row{"stream window used up", 1'000, 1'000}, Row{"connection window used up", 1'000'000, 65'535}}) {
    CAPTURE(row.name);
    Http2Conversation talk;
    Http2Peer peer(row.initial_window, false);
    const auto exchange = [&] {
      for (bool moved = true; moved;) {
        const std::string up = peer.output();
        if (!up.empty()) CHECK_FALSE(talk.server->receive(bytes_of(up), talk.now).has_value());
        talk.server->flush(talk.out);
        const std::string down = talk.take_bytes();
        CHECK(peer.receive(down));
        moved = !up.empty() || !down.empty();
      }
    };
    const StreamId id = peer.request(get("/"));
    exchange();
    for (std::size_t left = row.send; left != 0;) {
      const std::size_t size = std::min(left, talk.sendable(id));
      REQUIRE(size != 0);
      talk.server->send_data(talk.visitor.streams.at(id), size, false, talk.out);
      left -= size;
    }
    talk.server->end_stream(id, talk.out);
    CHECK(talk.server->stream_count() == 0);
    const std::string bytes = talk.take_bytes();
    const std::vector<Frame> frames = read_frames(bytes);
    REQUIRE_FALSE(frames.empty());
    CHECK(list({frames.back()}) == "DATA 1 +0 END");
    CHECK(peer.receive(bytes));
    CHECK(peer.responses.at(id).ended);
    CHECK(peer.responses.at(id).code == 0);
    CHECK(peer.responses.at(id).body.size() == row.send);
    CHECK(talk.visitor.streams.at(id).code == 0);

    const StreamId next = peer.request(get("/next"));
    exchange();
    CHECK(peer.responses.at(next).status() == "200");
    CHECK(peer.invalid_frames == 0);
  }
}

TEST_CASE("an end before the request is complete is followed by a reset without an error") {
  Http2Conversation talk;
  Http2Peer peer;
  const StreamId id = peer.request_open(post("/"));
  const std::string up = peer.output();
  CHECK_FALSE(talk.server->receive(bytes_of(up), talk.now).has_value());
  talk.server->flush(talk.out);
  talk.server->end_stream(id, talk.out);
  const std::string down = talk.take_bytes();
  CHECK(list(read_frames(down)).ends_with("HEADERS 1, DATA 1 +0 END, RST_STREAM 1 code 0"));
  CHECK(peer.receive(down));
  CHECK(peer.responses.at(id).ended);
  CHECK(peer.responses.at(id).code == 0);
  CHECK(talk.visitor.glitches.empty());

  talk.say(Frames().ping());
  Frames frames;
  talk.say(frames.frame(FrameType::headers, FrameHeader::end_headers, 3, Frames().block(post("/"))));
  CHECK(talk.send(3, 4, true) == "DATA 3 +4 END, RST_STREAM 3 code 0");
}

TEST_CASE("an end that a visitor asks for inside a callback is written by who called") {
  struct Ender final : Http2Recorder {
    void on_window(StreamId id, Http2StreamOwner* owner) override {
      Http2Recorder::on_window(id, owner);
      ByteBuffer nowhere;
      server->end_stream(1, nowhere);
      CHECK(nowhere.empty());
    }
  } ender;
  Http2Limits limits;
  Http2Server server(limits, ender, proto::TimePoint{});
  ender.server = &server;
  Frames frames;
  frames.open().headers(1, get("/")).window_update(1, 1);
  CHECK_FALSE(server.receive(frames.bytes(), proto::TimePoint{}).has_value());
  ByteBuffer out;
  server.flush(out);
  CHECK(list(read_frames(out.text())).ends_with("HEADERS 1, DATA 1 +0 END"));
  CHECK(ender.told() == "request 1 GET /, window 1, close 1 code 0");
}

TEST_CASE("a peer that sends more body than its window is stopped") {
  Http2Limits limits;
  limits.receive_window = 65'535;
  Http2Conversation talk(limits);
  talk.visitor.consume = false;
  talk.open();
  Frames frames;
  frames.headers(1, post("/"), false);
  for (int frame = 0; frame < 5; ++frame) frames.data(1, std::string(16'384, 'x'));
  CHECK(talk.say(frames) == "HEADERS 1, RST_STREAM 1 code 3");
  CHECK(talk.visitor.glitches[Glitch::protocol_error] == 1);
}

TEST_CASE("consumed body returns window to stream and connection, once") {
  Http2Limits limits;
  limits.receive_window = 65'535;
  Http2Conversation talk(limits);
  talk.visitor.consume = false;
  talk.open();
  Frames frames;
  frames.headers(1, post("/"), false);
  for (int frame = 0; frame < 3; ++frame) frames.data(1, std::string(16'384, 'x'));
  CHECK(talk.say(frames) == "HEADERS 1");
  talk.server->consume(1, 3 * 16'384);
  talk.server->consume(1, 3 * 16'384);
  talk.server->flush(talk.out);
  CHECK(talk.heard() == "WINDOW_UPDATE 1 +49152");
}
