// Every limit of Http2Limits, crossed: what the peer gets, what the metric is told; and the same just below it.
#include "proto/http2_limits.h"

#include <doctest/doctest.h>

#include "tests/support/http2_conversation.h"
#include "tests/support/http2_peer.h"

using namespace sluice;
using namespace sluice::test;

namespace {

std::string answer_to(Http2Conversation& talk, const Fields& fields, bool end = true) {
  Frames frames;
  return talk.say(frames.headers(1, fields, end));
}

Fields many(int count) {
  Fields fields = get("/");
  for (int field = 0; field < count; ++field) fields.push_back({"x", "y"});
  return fields;
}

}  // namespace

TEST_CASE("a bucket gives its burst, then its rate") {
  proto::TimePoint now{seconds(5)};
  proto::TokenBucket bucket(3, 2, now);
  for (int i = 0; i < 3; ++i) CHECK(bucket.take(now));
  CHECK_FALSE(bucket.take(now));
  CHECK_FALSE(bucket.take(now - seconds(1)));
  CHECK(bucket.take(now + milliseconds(500)));
  CHECK_FALSE(bucket.take(now + milliseconds(500)));
  now += seconds(100);
  for (int i = 0; i < 3; ++i) CHECK(bucket.take(now));
  CHECK_FALSE(bucket.take(now));
}

TEST_CASE("headers over a limit are answered, not served: 431, and 414 for the path") {
  struct Row {
    std::string name;
    Fields fields;
    std::string status;  // "": served
  };
  const std::string kilobyte(1024, 'v');
  Fields bytes = get("/");
  for (int field = 0; field < 33; ++field) bytes.push_back({"name" + std::to_string(field), kilobyte});
  Fields crumbs = get("/");
  for (int field = 0; field < 97; ++field) crumbs.push_back({"cookie", "a"});
  for (const Row& row : {
           Row{"100 fields", many(96), ""},
           Row{"101 fields", many(97), "431"},
           Row{"97 cookie crumbs", crumbs, "431"},
           Row{"33 KB", bytes, "431"},
           Row{"a field of 8 KB", get("/", {{"x", std::string(8191, 'v')}}), ""},
           Row{"a field above 8 KB", get("/", {{"x", std::string(8192, 'v')}}), "431"},
           Row{"a path of 4 KB", get("/" + std::string(4095, 'p')), ""},
           Row{"a path above 4 KB", get("/" + std::string(4096, 'p')), "414"},
       }) {
    CAPTURE(row.name);
    for (const bool complete : {true, false}) {
      Http2Conversation talk;
      talk.open();
      Frames frames;
      // In frames of at most 16 KB.
      const std::string block = frames.block(row.fields);
      frames.frame(FrameType::headers, complete ? FrameHeader::end_stream : 0, 1, block.substr(0, 16'000));
      for (std::size_t at = 16'000; at < block.size(); at += 16'000)
        frames.continuation(1, block.substr(at, 16'000), false);
      CHECK(talk.say(frames.continuation(1, "", true), 1000) == (row.status.empty() ? "HEADERS 1"
                                                                 : complete         ? "HEADERS 1 END"
                                                                            : "HEADERS 1 END, RST_STREAM 1 code 0"));
      CHECK(talk.visitor.streams.size() == (row.status.empty() ? 1 : 0));
      CHECK(talk.visitor.glitches[Glitch::header_too_large] == (row.status.empty() ? 0 : 1));
      CHECK(talk.error == "");
      CHECK(talk.server->stream_count() == (row.status.empty() ? 1 : 0));
    }
  }
}

TEST_CASE("a client reads the status of a refusal") {
  struct Row {
    std::string status;
    Fields fields;
  };
  for (const Row& row : {Row{"431", many(97)}, Row{"414", get("/" + std::string(4096, 'p'))}}) {
    Http2Conversation talk;
    Http2Peer peer;
    const StreamId id = peer.request(row.fields);
    const std::string up = peer.output();
    CHECK_FALSE(
        talk.server->receive({reinterpret_cast<const std::uint8_t*>(up.data()), up.size()}, talk.now).has_value());
    talk.server->flush(talk.out);
    CHECK(peer.receive(talk.take_bytes()));
    CHECK(peer.responses.at(id).status() == row.status);
    CHECK(peer.responses.at(id).ended);
  }
}

TEST_CASE("a refused request with a body is told to stop sending it") {
  Http2Conversation talk;
  talk.open();
  CHECK(answer_to(talk, many(97), false) == "HEADERS 1 END, RST_STREAM 1 code 0");
  CHECK(talk.visitor.told() == "");
}

TEST_CASE("a header block of four times the limit is cut off without being stored") {
  Http2Conversation talk;
  talk.open();
  CHECK(answer_to(talk, many(500)) == "RST_STREAM 1 code 11");
  CHECK(talk.visitor.glitches[Glitch::header_too_large] == 1);
}

TEST_CASE("cutting a header block off keeps the compression state") {
  Http2Conversation talk;
  talk.open();
  Frames frames;
  Fields fields = many(500);
  fields.push_back({"kept-in-the-table", "by both sides"});
  CHECK(talk.say(frames.headers(1, fields).headers(3, get("/", {{"kept-in-the-table", "by both sides"}}))) ==
        "RST_STREAM 1 code 11, HEADERS 3");
  CHECK(talk.visitor.streams.at(3).request.field("kept-in-the-table") == "by both sides");
}

TEST_CASE("trailers are counted like any header block") {
  Http2Conversation talk;
  talk.open();
  Frames frames;
  Fields trailers;
  for (int field = 0; field < 101; ++field) trailers.push_back({"x", "y"});
  CHECK(talk.say(frames.headers(1, post("/"), false).headers(1, trailers)) == "HEADERS 1, RST_STREAM 1 code 11");
  CHECK(talk.visitor.glitches[Glitch::header_too_large] == 1);
  CHECK_FALSE(talk.visitor.streams.at(1).body_ended);
}

TEST_CASE("a header block of endless CONTINUATION frames ends the connection") {
  Http2Conversation talk;
  talk.open();
  Frames frames;
  frames.headers(1, get("/"), true, false);
  for (int frame = 0; frame < 8; ++frame) frames.continuation(1, "", false);
  CHECK(talk.say(frames, 3) == "");
  frames.clear();
  CHECK(talk.say(frames.continuation(1, "", false)) == "GOAWAY code 11");
  CHECK(talk.visitor.glitches[Glitch::header_too_large] == 1);
}

TEST_CASE("more streams than promised are refused before the peer knows, and end the connection after") {
  Http2Limits limits;
  limits.streams = 2;
  for (const bool acknowledged : {false, true}) {
    Http2Conversation talk(limits);
    Frames frames;
    frames.preface().settings({});
    if (acknowledged) frames.settings_ack();
    talk.say(frames);
    frames.clear();
    CHECK(talk.say(frames.headers(1, get("/")).headers(3, get("/")).headers(5, get("/"))) ==
          (acknowledged ? "HEADERS 1, HEADERS 3, GOAWAY code 1" : "HEADERS 1, HEADERS 3, RST_STREAM 5 code 7"));
    CHECK(talk.visitor.glitches[Glitch::too_many_streams] == 1);
    if (acknowledged) continue;
    frames.clear();
    CHECK(talk.say(frames.rst(1, 8).headers(7, get("/"))) == "HEADERS 7");
  }
}

TEST_CASE("rapid reset: 200 young streams may be reset at once, then 20 a second") {
  Http2Conversation talk;
  talk.visitor.answer = 0;
  talk.open();
  StreamId id = 1;
  const auto reset = [&](int count) {
    Frames frames;
    for (int stream = 0; stream < count; ++stream, id += 2) frames.headers(id, get("/")).rst(id, 8);
    return talk.say(frames);
  };
  CHECK(reset(200) == "");
  talk.pass(seconds(1));
  CHECK(reset(20) == "");
  CHECK(reset(1) == "GOAWAY code 11");
  CHECK(talk.visitor.glitches[Glitch::reset_flood] == 1);
}

TEST_CASE("resets of streams older than a second are free") {
  Http2Conversation talk;
  talk.visitor.answer = 0;
  talk.open();
  StreamId id = 1;
  for (int round = 0; round < 5; ++round) {
    Frames opens, resets;
    for (int stream = 0; stream < 200; ++stream, id += 2) {
      opens.headers(id, get("/"));
      resets.rst(id, 8);
    }
    talk.say(opens);
    talk.pass(seconds(1));
    talk.say(resets);
  }
  CHECK(talk.error == "");
  CHECK(talk.visitor.glitches.empty());
}

TEST_CASE("made you reset: resets that the peer provokes cost what its own cost") {
  struct Row {
    std::string name;
    void (*provoke)(Frames&, StreamId);
  };
  for (const Row& row : {
           Row{"window overflow",
               [](Frames&f, StreamId id) { f.headers(id, get("/")).window_update(id, 0x7fff'ffff); }},
           Row{"body longer than content-length",
               [](Frames&f, StreamId id) {
                 f.headers(id, post("/", {{"content-length", "0"}}), false).data(id, "x");
               }},
           Row{"forbidden field",
               [](Frames&f, StreamId id) {
                 f.headers(id, get("/", {{"upgrade", "x"}}));
               }},
           Row{"host against authority",
               [](Frames&f, StreamId id) {
                 f.headers(id, get("/", {{"host", "x"}}));
               }},
       }) {
    CAPTURE(row.name);
    Http2Limits limits;
    limits.glitches_burst = 1'000'000;
    Http2Conversation talk(limits);
    talk.visitor.answer = 0;
    talk.open();
    Frames frames;
    StreamId id = 1;
    for (int stream = 0; stream < 200; ++stream, id += 2) row.provoke(frames, id);
    CHECK_FALSE(talk.say(frames).ends_with("GOAWAY code 11"));
    frames.clear();
    row.provoke(frames, id);
    CHECK(talk.say(frames).ends_with("GOAWAY code 11"));
    CHECK(talk.visitor.glitches[Glitch::reset_flood] == 1);
  }
}

TEST_CASE("a hundred anomalies are forgiven, then ten a second") {
  Http2Conversation talk;
  talk.open();
  StreamId id = 1;
  const auto provoke = [&](int count) {
    Frames frames;
    for (int stream = 0; stream < count; ++stream, id += 2) frames.headers(id, get("/", {{"x", "a\rb"}}));
    talk.say(frames);
    return talk.error;
  };
  CHECK(provoke(100) == "");
  talk.pass(seconds(1));
  CHECK(provoke(10) == "");
  CHECK(provoke(1) == "11: too many anomalies");
  CHECK(talk.visitor.glitches[Glitch::glitch_flood] == 1);
  CHECK(talk.visitor.glitches[Glitch::header_invalid] == 111);
}

TEST_CASE("empty DATA frames are numbered, also those of padding alone and those on closed streams") {
  struct Row {
    std::string name;
    void (*say)(Frames&);
  };
  for (const Row& row : {Row{"empty", [](Frames& f) { f.data(1, ""); }},
                         Row{"all padding", [](Frames& f) {
                               f.frame(FrameType::data, FrameHeader::padded, 1, std::string("\2\0\0", 3));
                             }}}) {
    CAPTURE(row.name);
    Http2Limits limits;
    limits.glitches_burst = 1000;
    Http2Conversation talk(limits);
    talk.open();
    Frames frames;
    frames.headers(1, post("/"), false);
    for (int frame = 0; frame < 100; ++frame) row.say(frames);
    talk.say(frames);
    CHECK(talk.error == "");
    frames.clear();
    row.say(frames);
    talk.say(frames);
    CHECK(talk.error == "11: too many empty DATA frames");
  }
}

TEST_CASE("PRIORITY frames are numbered for each open stream, and together for the others") {
  Http2Conversation talk;
  talk.open();
  Frames frames;
  frames.headers(1, get("/")).headers(3, get("/"));
  for (int frame = 0; frame < 100; ++frame) frames.priority(1, 0).priority(3, 0).priority(99, 0);
  talk.say(frames);
  CHECK(talk.error == "");
  for (const StreamId id : {1, 99}) {
    Http2Conversation other;
    other.open();
    Frames flood;
    flood.headers(1, get("/"));
    for (int frame = 0; frame < 101; ++frame) flood.priority(id, 0);
    other.say(flood);
    CHECK(other.error == "11: too many PRIORITY frames");
    CHECK(other.visitor.glitches[Glitch::priority_flood] == 1);
  }
}

TEST_CASE("frames without a use, WINDOW_UPDATE, PING and SETTINGS have a rate") {
  struct Row {
    std::string name, error;
    int burst;
    Glitch glitch;
    void (*say)(Frames&);
  };
  for (const Row& row : {
           Row{"unknown", "11: too many frames without a use", 1000, Glitch::unknown_frame_flood,
               [](Frames& f) { f.frame(static_cast<FrameType>(0xbb), 0, 0, ""); }},
           Row{"reset of a closed stream", "11: too many frames without a use", 1000, Glitch::unknown_frame_flood,
               [](Frames& f) { f.rst(1, 8); }},
           Row{"WINDOW_UPDATE of the connection", "11: too many WINDOW_UPDATE frames", 1000,
               Glitch::window_update_flood, [](Frames& f) { f.window_update(0, 1); }},
           Row{"WINDOW_UPDATE of a closed stream", "11: too many WINDOW_UPDATE frames", 1000,
               Glitch::window_update_flood, [](Frames& f) { f.window_update(1, 1); }},
           // The first SETTINGS was one of the hundred.
           Row{"PING", "11: too many PING or SETTINGS", 99, Glitch::ping_flood, [](Frames& f) { f.ping(); }},
           Row{"SETTINGS", "11: too many PING or SETTINGS", 99, Glitch::ping_flood, [](Frames& f) { f.settings({}); }},
       }) {
    CAPTURE(row.name);
    Http2Conversation talk;
    talk.open();
    Frames frames;
    frames.headers(1, get("/")).rst(1, 8);
    for (int frame = 0; frame < row.burst; ++frame) row.say(frames);
    talk.say(frames);
    CHECK(talk.error == "");
    frames.clear();
    row.say(frames);
    talk.say(frames);
    CHECK(talk.error == row.error);
    CHECK(talk.visitor.glitches[row.glitch] == 1);
  }
}

TEST_CASE("window may be returned in small pieces, as long as there is DATA to return it for") {
  Http2Limits limits;
  limits.window_updates_per_minute = 10;
  limits.window_updates_per_data_frame = 20;
  Http2Conversation talk(limits);
  talk.open();
  Frames frames;
  talk.say(frames.headers(1, get("/")));
  const auto give_back = [&talk](int pieces) {
    Frames updates;
    for (int piece = 0; piece < pieces; ++piece) updates.window_update(1, 5);
    talk.say(updates);
    return talk.error;
  };
  CHECK(give_back(10) == "");
  for (int frame = 0; frame < 100; ++frame) talk.send(1, 100);
  CHECK(give_back(100 * 20 - 10) == "");
  CHECK(give_back(1) == "11: too many WINDOW_UPDATE frames");
}

TEST_CASE("answers that the peer does not read end the connection at 64 KiB") {
  Http2Limits limits;
  limits.pings_burst = 1'000'000;
  Http2Conversation talk(limits);
  talk.open();
  Frames frames;
  for (int ping = 0; ping < 1000; ++ping) frames.ping();
  std::optional<proto::ConnectionError> error;
  int rounds = 0;
  for (; !error && rounds < 10; ++rounds) error = talk.server->receive(frames.bytes(), talk.now);  // never flushed
  CHECK(rounds == 4);                                                                              // 17 bytes each
  REQUIRE(error.has_value());
  CHECK(error->code == 11);
  CHECK(talk.visitor.glitches[Glitch::control_flood] == 1);
  talk.server->flush(talk.out);
  CHECK(talk.take_bytes().size() < 70'000);
}

TEST_CASE("heads that the peer does not read end the connection, too") {
  Http2Conversation talk;
  talk.visitor.answer = 204;
  talk.visitor.answer_ends = true;
  talk.open();
  std::optional<proto::ConnectionError> error;
  Frames frames;
  for (StreamId id = 1; !error && id < 200'000; id += 2) {
    frames.clear();
    error = talk.server->receive(frames.headers(id, get("/")).bytes(), talk.now);
  }
  REQUIRE(error.has_value());
  CHECK(talk.visitor.glitches[Glitch::control_flood] == 1);
}

TEST_CASE("a SETTINGS frame of more than 32 entries ends the connection") {
  Http2Conversation talk;
  talk.open();
  Frames frames;
  std::string entries;
  for (int entry = 0; entry < 33; ++entry) entries += number(0x99, 2) + number(0, 4);
  CHECK(talk.say(frames.frame(FrameType::settings, 0, 0, entries)) == "GOAWAY code 11");
}

TEST_CASE("preface, SETTINGS ACK and header block each have a deadline from their start") {
  Http2Conversation talk;
  const proto::TimePoint start = talk.now;
  CHECK(talk.server->deadline() == start + seconds(10));
  Frames frames;
  talk.pass(seconds(6));
  talk.say(frames.preface());
  CHECK(talk.server->deadline() == start + seconds(10));
  frames.clear();
  talk.say(frames.settings({}));
  CHECK(talk.server->deadline() == start + seconds(16));
  frames.clear();
  talk.say(frames.settings_ack());
  CHECK_FALSE(talk.server->deadline().has_value());

  talk.pass(seconds(100));
  frames.clear();
  talk.say(frames.headers(1, get("/"), true, false));
  CHECK(talk.server->deadline() == talk.now + seconds(10));
  talk.pass(seconds(9));
  talk.expire();
  CHECK(talk.error == "");
  // Bytes in between do not buy time.
  frames.clear();
  talk.say(frames.continuation(1, "", false));
  talk.pass(seconds(1));
  talk.expire();
  CHECK(talk.error == "11: header block not complete in time");
  CHECK(talk.visitor.glitches[Glitch::header_timeout] == 1);
  CHECK(talk.heard() == "GOAWAY code 11");
  CHECK_FALSE(talk.server->deadline().has_value());
}

TEST_CASE("a peer that says nothing, or does not acknowledge, is told to go") {
  Http2Conversation silent;
  silent.pass(seconds(10));
  silent.expire();
  CHECK(silent.error == "1: no preface and SETTINGS in time");
  CHECK(silent.visitor.glitches[Glitch::preface_timeout] == 1);

  Http2Conversation deaf;
  Frames frames;
  deaf.say(frames.preface().settings({}).headers(1, get("/")));
  deaf.pass(seconds(10));
  deaf.expire();
  CHECK(deaf.error == "4: SETTINGS not acknowledged in time");
  CHECK(deaf.visitor.glitches[Glitch::settings_timeout] == 1);
  CHECK(deaf.sendable(1) == 0);
}

TEST_CASE("every glitch has a name for its metric") {
  for (int glitch = 0; glitch <= static_cast<int>(Glitch::header_timeout); ++glitch)
    CHECK(std::string(proto::name(static_cast<Glitch>(glitch))) != "unknown");
}
