// Requests and responses: what a client asks, what the visitor is told, what the client gets.
#include "proto/http2_server.h"

#include <doctest/doctest.h>

#include "tests/support/http2_conversation.h"
#include "tests/support/http2_peer.h"

using namespace sluice;
using namespace sluice::test;

namespace {

// A peer joined to a conversation: exchange() until both are silent.
struct Joined {
  explicit Joined(Http2Limits limits = {}, std::uint32_t window = 65'535, bool returns_window = true)
      : talk(limits), peer(window, returns_window) {}

  void exchange() {
    for (bool moved = true; moved;) {
      const std::string up = peer.output();
      if (!up.empty()) {
        const std::span bytes(reinterpret_cast<const std::uint8_t*>(up.data()), up.size());
        CHECK_FALSE(talk.server->receive(bytes, talk.now).has_value());
      }
      talk.server->flush(talk.out);
      const std::string down = talk.take_bytes();
      if (!down.empty()) CHECK(peer.receive(down));
      moved = !up.empty() || !down.empty();
    }
  }

  Http2Conversation talk;
  Http2Peer peer;
};

}  // namespace

TEST_CASE("the first flight says the limits of the connection") {
  Http2Conversation talk;
  Frames frames;
  CHECK(talk.say(frames.preface().settings({})) == "SETTINGS, WINDOW_UPDATE +983041, SETTINGS ACK");
}

TEST_CASE("a GET is announced, answered, streamed and ended") {
  Joined joined;
  const StreamId id = joined.peer.request(get("/topics/a%20b?since=1&x", {{"accept", "text/event-stream"}}));
  joined.exchange();

  const proto::Request& request = joined.talk.visitor.streams.at(id).request;
  CHECK(request.method == "GET");
  CHECK(request.scheme == "https");
  CHECK(request.authority == "localhost:8443");
  CHECK(request.path == "/topics/a%20b");
  CHECK(request.query == "since=1&x");
  CHECK(request.field("accept") == "text/event-stream");
  CHECK(request.fields.size() == 1);

  CHECK(joined.talk.sendable(id) == 16384);
  joined.talk.server->send_data(joined.talk.visitor.streams.at(id), 5, false, joined.talk.out);
  joined.exchange();
  CHECK(joined.peer.responses.at(id).status() == "200");
  CHECK(joined.peer.responses.at(id).body == "abcde");
  CHECK_FALSE(joined.peer.responses.at(id).ended);

  joined.talk.server->send_data(joined.talk.visitor.streams.at(id), 3, true, joined.talk.out);
  joined.exchange();
  CHECK(joined.peer.responses.at(id).body == "abcdefgh");
  CHECK(joined.peer.responses.at(id).code == 0);
  CHECK(joined.talk.visitor.told() == "request 1 GET /topics/a%20b, close 1 code 0");
  CHECK(joined.talk.server->stream_count() == 0);
}

TEST_CASE("a body written before its head was flushed follows the head") {
  Http2Conversation talk;
  talk.visitor.answer = 0;
  talk.open();
  Frames frames;
  CHECK(talk.say(frames.headers(1, get("/"))) == "");
  CHECK(talk.sendable(1) == 0);
  REQUIRE(talk.server->respond(1, {200, {{"content-type", "text/event-stream"}}}, false));
  CHECK(talk.sendable(1) == 16384);
  CHECK(talk.send(1, 4) == "HEADERS 1, DATA 1 +4");
  CHECK_FALSE(talk.server->respond(1, {200, {}}, false));
}

TEST_CASE("a POST delivers its body and then its end") {
  Joined joined;
  const std::string body(100'000, 'x');
  const StreamId id = joined.peer.request(post("/topics/a"), body);
  joined.exchange();
  CHECK(joined.talk.visitor.streams.at(id).body == body);
  CHECK(joined.talk.visitor.streams.at(id).body_ended);
  CHECK(joined.talk.visitor.told() == "request 1 POST /topics/a with body, body end 1");
}

TEST_CASE("trailers end a body and are ignored") {
  Http2Conversation talk;
  talk.open();
  Frames frames;
  talk.say(frames.headers(1, post("/"), false).data(1, "abc").headers(1, {{"checksum", "1"}}, true));
  CHECK(talk.visitor.streams.at(1).body == "abc");
  CHECK(talk.visitor.streams.at(1).body_ended);
  CHECK(talk.visitor.streams.at(1).request.fields.empty());
}

TEST_CASE("a response that ends before its request tells the client to stop sending") {
  Http2Conversation talk;
  talk.visitor.answer = 413;
  talk.visitor.answer_ends = true;
  talk.open();
  Frames frames;
  CHECK(talk.say(frames.headers(1, post("/"), false)) == "HEADERS 1 END, RST_STREAM 1 code 0");
  CHECK(talk.visitor.told() == "request 1 POST / with body, close 1 code 0");
  // What the client had already sent is ignored, and the connection's window does not suffer.
  frames.clear();
  CHECK(talk.say(frames.data(1, "late").headers(1, {{"trailer", "1"}}, true)) == "");
  CHECK(talk.error == "");
}

TEST_CASE("a client's reset closes the stream with its code") {
  Http2Conversation talk;
  talk.open();
  Frames frames;
  talk.say(frames.headers(1, get("/")).rst(1, 8));
  CHECK(talk.visitor.told() == "request 1 GET /, close 1 code 8");
  CHECK(talk.sendable(1) == 0);
  CHECK(talk.send(1, 0, true) == "");
}

TEST_CASE("a reset of ours closes the stream and drops a head that was not sent yet") {
  Http2Conversation talk;
  talk.visitor.answer = 0;
  talk.open();
  Frames frames;
  talk.say(frames.headers(1, get("/")));
  talk.server->respond(1, {200, {}}, false);
  talk.server->reset(1, ErrorCode::cancel);
  CHECK(talk.sendable(1) == 0);
  CHECK_FALSE(talk.server->respond(1, {200, {}}, false));
  talk.server->flush(talk.out);
  CHECK(talk.heard() == "RST_STREAM 1 code 8");
  CHECK(talk.visitor.told() == "request 1 GET /, close 1 code 8");
}

TEST_CASE("the end is one round: streams end, GOAWAY names the last one, the session is finished") {
  Joined joined;
  const StreamId first = joined.peer.request(get("/a"));
  const StreamId second = joined.peer.request(get("/b"));
  joined.exchange();
  for (const StreamId id : {first, second}) joined.talk.server->end_stream(id, joined.talk.out);
  CHECK_FALSE(joined.talk.server->finished());
  joined.talk.server->goaway(ErrorCode::no_error);
  joined.talk.server->flush(joined.talk.out);
  const std::string bytes = joined.talk.take_bytes();
  CHECK(list(read_frames(bytes)) == "DATA 1 +0 END, DATA 3 +0 END, GOAWAY code 0");
  CHECK(joined.peer.receive(bytes));
  CHECK(joined.peer.goaway_last == 3);
  CHECK(joined.peer.responses.at(first).code == 0);
  CHECK(joined.talk.server->finished());
}

TEST_CASE("after our GOAWAY new streams are not accepted and old ones live on") {
  Http2Conversation talk;
  talk.open();
  Frames frames;
  talk.say(frames.headers(1, get("/")));
  talk.server->goaway(ErrorCode::no_error);
  frames.clear();
  CHECK(talk.say(frames.headers(3, post("/"), false).data(3, "x", true)) == "GOAWAY code 0");
  CHECK(talk.error == "");
  CHECK(talk.visitor.told() == "request 1 GET /");
  CHECK_FALSE(talk.server->finished());
  CHECK(talk.send(1, 2, true) == "DATA 1 +2 END");
  CHECK(talk.server->finished());
}

TEST_CASE("the peer's GOAWAY is told once") {
  Http2Conversation talk;
  talk.open();
  Frames frames;
  talk.say(frames.headers(1, get("/")).goaway(0, 0).goaway(0, 0));
  CHECK(talk.visitor.told() == "request 1 GET /, goaway");
}

TEST_CASE("a PING of ours is answered once; one that we did not send is not told") {
  Joined joined;
  joined.exchange();
  joined.talk.server->ping();
  joined.exchange();
  CHECK(joined.peer.pings == 1);
  CHECK(joined.talk.visitor.told() == "pong");
  Frames frames;
  joined.talk.say(frames.ping("abcdefgh", true));
  CHECK(joined.talk.visitor.told() == "pong");
}

TEST_CASE("streams that are open when the session is destroyed are closed") {
  Http2Conversation talk;
  talk.open();
  Frames frames;
  talk.say(frames.headers(1, get("/")).headers(3, post("/"), false).data(3, "part"));
  talk.destroy();
  CHECK(talk.visitor.told() == "request 1 GET /, request 3 POST / with body, close 1 code 0, close 3 code 0");
}

TEST_CASE("cookie crumbs are one field") {
  Http2Conversation talk;
  talk.open();
  Frames frames;
  talk.say(frames.headers(1, get("/", {{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}})));
  CHECK(talk.visitor.streams.at(1).request.fields == Fields{{"cookie", "a=1; b=2"}, {"x", "y"}});
}

TEST_CASE("host stands in for a missing authority and must not contradict it") {
  const Fields base{{":method", "GET"}, {":scheme", "https"}, {":path", "/"}};
  struct Row {
    std::string authority, host, result;
  };
  for (const Row& row : {Row{"", "a.example", "a.example"}, Row{"a.example", "", "a.example"},
                         Row{"a.example", "A.example:443", "a.example"}, Row{"a.example", "b.example", "reset"},
                         Row{"a.example:8443", "a.example", "reset"}, Row{"", "", "reset"}}) {
    CAPTURE(row.authority);
    CAPTURE(row.host);
    Http2Conversation talk;
    talk.open();
    Fields fields = base;
    if (!row.authority.empty()) fields.push_back({":authority", row.authority});
    if (!row.host.empty()) fields.push_back({"host", row.host});
    Frames frames;
    const std::string heard = talk.say(frames.headers(1, fields));
    if (row.result == "reset") {
      CHECK(heard == "RST_STREAM 1 code 1");
      CHECK(talk.visitor.glitches[Glitch::header_invalid] == 1);
    } else {
      CHECK(talk.visitor.streams.at(1).request.authority == row.result);
      CHECK(talk.visitor.streams.at(1).request.fields.empty());
    }
  }
}

TEST_CASE("CONNECT is answered 405 with Allow") {
  Joined joined;
  const StreamId id = joined.peer.request({{":method", "CONNECT"}, {":authority", "example.com:443"}});
  joined.exchange();
  CHECK(joined.peer.responses.at(id).status() == "405");
  CHECK(proto::find_field(joined.peer.responses.at(id).fields, "allow") == "GET, HEAD, POST, OPTIONS");
  CHECK(joined.talk.visitor.told() == "");
}

TEST_CASE("a body that nobody consumed returns to the connection's window when its stream closes") {
  Http2Limits limits;
  limits.receive_window = 65'535;
  Http2Conversation talk(limits);
  talk.visitor.consume = false;
  talk.open();
  StreamId id = 1;
  // 20 × 60 KB through a connection window of 4 × 64 KB.
  for (int round = 0; round < 20; ++round, id += 2) {
    Frames frames;
    frames.headers(id, post("/"), false);
    for (int frame = 0; frame < 4; ++frame) frames.data(id, std::string(15'000, 'x'));
    talk.say(frames.rst(id, 8));
    REQUIRE(talk.error == "");
    talk.pass(seconds(2));
  }
}

TEST_CASE("a session that is destroyed after any byte leaves no stream open and no byte allocated") {
  Frames frames;
  frames.open()
      .headers(1, get("/"))
      .headers(3, post("/", {{"content-length", "5"}}), false)
      .data(3, "abc")
      .window_update(1, 10)
      .headers(5, get("/", {{"x", "a\nb"}}))
      .headers(7, get("/"), true, false)
      .continuation(7, "", true)
      .data(3, "de", true)
      .rst(1, 8)
      .headers(9, get("/" + std::string(5000, 'p')));
  for (std::size_t size = 0; size <= frames.bytes().size(); ++size) {
    for (const bool answered : {true, false}) {
      Http2Conversation talk;
      talk.visitor.answer = answered ? 200 : 0;
      (void)talk.server->receive(frames.bytes().first(size), talk.now);
      if (answered && talk.sendable(1) != 0) talk.send(1, 5);
      if (answered) talk.end(3);
      if (size % 3 == 0) talk.server->reset(7, ErrorCode::cancel);
    }
  }
}
