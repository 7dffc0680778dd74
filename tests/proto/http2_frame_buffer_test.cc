// One frame buffer for all sessions of a thread: it is in use, and no session ever sends another's bytes.
#include "proto/http2_frame_buffer.h"

#include <thread>

#include <doctest/doctest.h>

#include "tests/support/http2_conversation.h"
#include "tests/support/http2_peer.h"

using namespace sluice;
using namespace sluice::test;

namespace {

// Both sides until silence.
void exchange(Http2Conversation& talk, Http2Peer& peer) {
  for (bool moved = true; moved;) {
    const std::string up = peer.output();
    if (!up.empty())
      CHECK_FALSE(
          talk.server->receive({reinterpret_cast<const std::uint8_t*>(up.data()), up.size()}, talk.now).has_value());
    talk.server->flush(talk.out);
    const std::string down = talk.take_bytes();
    CHECK(peer.receive(down));
    moved = !up.empty() || !down.empty();
  }
}

}  // namespace

TEST_CASE("the sessions of a thread share one frame buffer") {
  Http2Conversation talk;
  CHECK(Http2Server::shares_frame_buffer());
  bool elsewhere = false;
  std::thread([&] {
    CHECK_FALSE(Http2Server::shares_frame_buffer());
    Http2Conversation other;
    elsewhere = Http2Server::shares_frame_buffer();
  }).join();
  CHECK(elsewhere);
}

TEST_CASE("only the first buffer of a session is the shared one") {
  proto::FrameBuffer buffer;
  const nghttp2_mem mem = buffer.allocator();
  constexpr std::size_t size = 9 + 1 + 16384;
  void* const other_size = mem.realloc(nullptr, size - 1, mem.mem_user_data);
  CHECK_FALSE(buffer.lent());
  void* const shared = mem.realloc(nullptr, size, mem.mem_user_data);
  CHECK(buffer.lent());
  void* const own = mem.realloc(nullptr, size, mem.mem_user_data);
  CHECK(own != shared);

  proto::FrameBuffer second;
  const nghttp2_mem second_mem = second.allocator();
  CHECK(second_mem.realloc(nullptr, size, second_mem.mem_user_data) == shared);
  for (void* memory : {other_size, own, shared}) mem.free(memory, mem.mem_user_data);
}

TEST_CASE("interleaved sessions each send their own heads and bodies") {
  constexpr int count = 5;
  struct Pair {
    Http2Conversation talk;
    Http2Peer peer;
  };
  std::vector<std::unique_ptr<Pair>> pairs;
  for (int i = 0; i < count; ++i) {
    pairs.push_back(std::make_unique<Pair>());
    pairs.back()->talk.visitor.answer = 0;
    pairs.back()->peer.request(get("/" + std::to_string(i)));
    exchange(pairs.back()->talk, pairs.back()->peer);
  }
  // Every session has a head queued before any of them is packed.
  for (int i = 0; i < count; ++i)
    pairs[static_cast<std::size_t>(i)]->talk.server->respond(1, {200, {{"who", "session " + std::to_string(i)}}},
                                                             false);
  for (int round = 0; round < 3; ++round)
    for (auto& pair : pairs)
      pair->talk.server->send_data(pair->talk.visitor.streams.at(1), 10, round == 2, pair->talk.out);
  for (int i = 0; i < count; ++i) {
    Pair& pair = *pairs[static_cast<std::size_t>(i)];
    exchange(pair.talk, pair.peer);
    const Http2Peer::Response& response = pair.peer.responses.at(1);
    CHECK(proto::find_field(response.fields, "who") == "session " + std::to_string(i));
    CHECK(response.body == "abcdefghijklmnopqrstuvwxyzabcd");
    CHECK(response.code == 0);
  }
}

TEST_CASE("a head of several frames is whole, and leaves the buffer shared") {
  Http2Conversation talk;
  Http2Peer peer;
  talk.visitor.answer = 0;
  peer.request(get("/"));
  exchange(talk, peer);
  std::string large;
  for (int i = 0; i < 5'000; ++i) large += std::to_string(i * 7919);
  large.resize(24'000);
  talk.server->respond(1, {200, {{"large", large}, {"larger", std::string(24'000, '\x7e')}}}, false);
  CHECK(talk.send(1, 0) == "");
  talk.server->flush(talk.out);
  const std::string bytes = talk.take_bytes();
  CHECK(list(read_frames(bytes)) == "HEADERS 1, CONTINUATION 1, CONTINUATION 1");
  CHECK(peer.receive(bytes));
  CHECK(proto::find_field(peer.responses.at(1).fields, "large") == large);
}

TEST_CASE("a head that cannot be sent resets its stream instead of leaving it without an answer") {
  Http2Conversation talk;
  talk.visitor.answer = 0;
  talk.open();
  Frames frames;
  talk.say(frames.headers(1, get("/")));
  talk.server->respond(1, {200, {{"huge", std::string(70'000, 'x')}}}, false);
  talk.server->flush(talk.out);
  CHECK(talk.heard() == "RST_STREAM 1 code 2");
}
