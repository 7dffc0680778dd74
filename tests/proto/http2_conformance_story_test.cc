// RFC 9113 violations, one row each: what a peer says on an open connection, and what the session answers.
#include <doctest/doctest.h>

#include "tests/support/http2_conversation.h"

using namespace sluice;
using namespace sluice::test;

namespace {

using Say = void (*)(Frames&);

struct Row {
  std::string name;
  std::string section;  // of RFC 9113, or the RFC and its section
  Say say;
  std::string heard;  // a stream error ends in RST_STREAM, a connection error in GOAWAY
};

Fields without(std::string_view name) {
  Fields fields = get("/");
  std::erase_if(fields, [name](const Field& field) { return field.name == name; });
  return fields;
}

Fields with(std::string_view name, std::string_view value) {
  return get("/", {{std::string(name), std::string(value)}});
}

std::string padded(std::size_t pad, std::string_view payload) { return number(pad, 1) + std::string(payload); }

constexpr std::uint8_t end_stream = FrameHeader::end_stream, end_headers = FrameHeader::end_headers,
                       padded_flag = FrameHeader::padded;
constexpr auto unknown_type = static_cast<FrameType>(0x42);

const Row rows[] = {
    // What must be tolerated.
    {"an unknown frame type is ignored", "5.5",
     [](Frames& f) { f.frame(unknown_type, 0xff, 7, "whatever").headers(1, get("/")); }, "HEADERS 1"},
    {"an unknown setting is ignored", "6.5.2",
     [](Frames& f) {
       f.settings({{0x1a2a, 7}});
     },
     "SETTINGS ACK"},
    {"unknown flags are ignored", "4.1", [](Frames& f) { f.frame(FrameType::ping, 0xfe, 0, "12345678"); }, "PING ACK"},
    {"the reserved bit of a stream id is ignored", "4.1",
     [](Frames& f) { f.frame(FrameType::headers, 5, static_cast<StreamId>(0x8000'0001u), f.block(get("/"))); },
     "HEADERS 1"},
    {"WINDOW_UPDATE and RST_STREAM on a closed stream are ignored", "5.1",
     [](Frames& f) { f.headers(1, get("/")).rst(1, 8).window_update(1, 5).rst(1, 8); }, "HEADERS 1"},
    {"PRIORITY is tolerated on idle, open and closed streams", "5.1",
     [](Frames& f) { f.priority(9, 0).headers(1, get("/")).priority(1, 0).rst(1, 8).priority(1, 3); }, "HEADERS 1"},
    {"a GOAWAY may name any stream, and its sender's streams go on", "6.8",
     [](Frames& f) { f.headers(1, get("/")).goaway(1, 0).goaway(0x7fff'ffff, 0).headers(3, get("/")); },
     "HEADERS 1, HEADERS 3"},
    {"te: trailers is allowed", "8.2.2", [](Frames& f) { f.headers(1, with("te", "trailers")); }, "HEADERS 1"},
    {"padding is not part of a body", "6.1",
     [](Frames& f) {
       f.headers(1, post("/", {{"content-length", "2"}}), false)
           .frame(FrameType::data, end_stream | padded_flag, 1, padded(3, "ab") + std::string(3, '\0'));
     },
     "HEADERS 1"},
    {"a header block in pieces is one block", "6.10",
     [](Frames& f) {
       const std::string block = f.block(get("/"));
       f.frame(FrameType::headers, end_stream, 1, block.substr(0, 1))
           .continuation(1, block.substr(1, 3), false)
           .continuation(1, block.substr(4), true);
     },
     "HEADERS 1"},
    {"trailers that pass our reset are ignored", "5.1",
     [](Frames& f) {
       f.headers(1, post("/", {{"content-length", "1"}}), false).data(1, "too long").headers(1, {{"t", "1"}}, true);
     },
     "HEADERS 1, RST_STREAM 1 code 1"},

    // Frames: sizes, places (sections 4 to 6).
    {"a frame above 16384 bytes", "4.2",
     [](Frames& f) { f.headers(1, post("/"), false).data(1, std::string(16385, 'x')); }, "HEADERS 1, GOAWAY code 6"},
    {"a header block that does not decompress", "4.3",
     [](Frames& f) { f.frame(FrameType::headers, end_stream | end_headers, 1, "\xff\xff\xff\xff\xff\xff"); },
     "GOAWAY code 9"},
    {"DATA on stream 0", "6.1", [](Frames& f) { f.data(0, "x"); }, "GOAWAY code 1"},
    {"DATA on an idle stream", "5.1", [](Frames& f) { f.data(1, "x"); }, "GOAWAY code 1"},
    {"DATA with more padding than frame", "6.1",
     [](Frames& f) { f.headers(1, post("/"), false).frame(FrameType::data, padded_flag, 1, padded(9, "abc")); },
     "HEADERS 1, GOAWAY code 1"},
    {"padded DATA without a pad length", "4.2",
     [](Frames& f) { f.headers(1, post("/"), false).frame(FrameType::data, padded_flag, 1, ""); },
     "HEADERS 1, GOAWAY code 6"},
    {"HEADERS too short for their padding and priority", "4.2",
     [](Frames& f) { f.frame(FrameType::headers, 0x2d, 1, "12345"); }, "GOAWAY code 6"},
    {"HEADERS on stream 0", "6.2", [](Frames& f) { f.headers(0, get("/")); }, "GOAWAY code 1"},
    {"HEADERS with more padding than frame", "6.2",
     [](Frames& f) {
       f.frame(FrameType::headers, end_stream | end_headers | padded_flag, 1, padded(99, f.block(get("/"))));
     },
     "GOAWAY code 1"},
    {"HEADERS on a stream of ours", "5.1.1", [](Frames& f) { f.headers(2, get("/")); }, "GOAWAY code 1"},
    {"HEADERS on a falling stream id", "5.1.1", [](Frames& f) { f.headers(5, get("/")).headers(3, get("/")); },
     "HEADERS 5, GOAWAY code 1"},
    {"HEADERS on a half-closed stream", "5.1",
     [](Frames& f) {
       f.headers(1, get("/")).headers(1, {{"t", "1"}});
     },
     "HEADERS 1, GOAWAY code 5"},
    {"DATA on a half-closed stream", "5.1", [](Frames& f) { f.headers(1, get("/")).data(1, "x"); },
     "HEADERS 1, GOAWAY code 5"},
    {"DATA after the peer's own reset", "5.1", [](Frames& f) { f.headers(1, post("/"), false).rst(1, 8).data(1, "x"); },
     "HEADERS 1, GOAWAY code 5"},
    {"HEADERS after the peer's own reset", "5.1",
     [](Frames& f) { f.headers(1, get("/")).rst(1, 8).headers(1, get("/")); }, "HEADERS 1, GOAWAY code 5"},
    {"PRIORITY on stream 0", "6.3", [](Frames& f) { f.priority(0, 1); }, "GOAWAY code 1"},
    {"PRIORITY of a wrong size", "6.3", [](Frames& f) { f.frame(FrameType::priority, 0, 1, "abc"); }, "GOAWAY code 6"},
    {"PRIORITY of a stream on itself", "7540-5.3.1", [](Frames& f) { f.headers(1, get("/")).priority(1, 1); },
     "HEADERS 1, GOAWAY code 1"},
    {"HEADERS of a stream that depends on itself", "7540-5.3.1",
     [](Frames& f) { f.frame(FrameType::headers, 0x25, 1, number(1, 4) + '\x10' + f.block(get("/"))); },
     "GOAWAY code 1"},
    {"RST_STREAM on stream 0", "6.4", [](Frames& f) { f.rst(0, 8); }, "GOAWAY code 1"},
    {"RST_STREAM on an idle stream", "6.4", [](Frames& f) { f.rst(1, 8); }, "GOAWAY code 1"},
    {"RST_STREAM of a wrong size", "6.4",
     [](Frames& f) { f.headers(1, get("/")).frame(FrameType::rst_stream, 0, 1, "abc"); }, "HEADERS 1, GOAWAY code 6"},
    {"SETTINGS on a stream", "6.5", [](Frames& f) { f.settings({}, 1); }, "GOAWAY code 1"},
    {"SETTINGS of a wrong size", "6.5", [](Frames& f) { f.frame(FrameType::settings, 0, 0, "abc"); }, "GOAWAY code 6"},
    {"SETTINGS ACK with a payload", "6.5", [](Frames& f) { f.frame(FrameType::settings, 1, 0, "abcdef"); },
     "GOAWAY code 6"},
    {"SETTINGS ACK that nobody waits for", "6.5", [](Frames& f) { f.settings_ack(); }, "GOAWAY code 1"},
    {"ENABLE_PUSH of 2", "6.5.2",
     [](Frames& f) {
       f.settings({{2, 2}});
     },
     "GOAWAY code 1"},
    {"INITIAL_WINDOW_SIZE above the maximum", "6.5.2",
     [](Frames& f) {
       f.settings({{4, 0x8000'0000u}});
     },
     "GOAWAY code 3"},
    {"MAX_FRAME_SIZE below 16384", "6.5.2",
     [](Frames& f) {
       f.settings({{5, 16383}});
     },
     "GOAWAY code 1"},
    {"MAX_FRAME_SIZE above the maximum", "6.5.2",
     [](Frames& f) {
       f.settings({{5, 0x100'0000u}});
     },
     "GOAWAY code 1"},
    {"PUSH_PROMISE from a client", "8.4",
     [](Frames& f) { f.headers(1, get("/")).frame(FrameType::push_promise, 4, 1, number(2, 4) + f.block(get("/"))); },
     "HEADERS 1, GOAWAY code 1"},
    {"PING on a stream", "6.7", [](Frames& f) { f.ping("12345678", false, 1); }, "GOAWAY code 1"},
    {"PING of a wrong size", "6.7", [](Frames& f) { f.ping("1234567"); }, "GOAWAY code 6"},
    {"GOAWAY on a stream", "6.8", [](Frames& f) { f.goaway(0, 0, 1); }, "GOAWAY code 1"},
    {"GOAWAY of a wrong size", "6.8", [](Frames& f) { f.frame(FrameType::goaway, 0, 0, "abcd"); }, "GOAWAY code 6"},
    {"WINDOW_UPDATE of a wrong size", "6.9", [](Frames& f) { f.frame(FrameType::window_update, 0, 0, "abc"); },
     "GOAWAY code 6"},
    {"WINDOW_UPDATE of 0 on the connection", "6.9", [](Frames& f) { f.window_update(0, 0); }, "GOAWAY code 1"},
    {"WINDOW_UPDATE of 0 on a stream", "6.9", [](Frames& f) { f.headers(1, get("/")).window_update(1, 0); },
     "HEADERS 1, RST_STREAM 1 code 1"},
    {"WINDOW_UPDATE on an idle stream", "5.1", [](Frames& f) { f.window_update(1, 1); }, "GOAWAY code 1"},
    {"a stream window above the maximum", "6.9.1",
     [](Frames& f) { f.headers(1, get("/")).window_update(1, 0x7fff'ffff); }, "HEADERS 1, RST_STREAM 1 code 3"},
    {"a connection window above the maximum", "6.9.1", [](Frames& f) { f.window_update(0, 0x7fff'ffff); },
     "GOAWAY code 3"},
    {"INITIAL_WINDOW_SIZE that lifts a stream window above the maximum", "6.9.2",
     [](Frames& f) {
       f.headers(1, get("/")).window_update(1, 0x7fff'0000).settings({{4, 0x7fff'ffff}});
     },
     "HEADERS 1, SETTINGS ACK, GOAWAY code 3"},
    {"CONTINUATION out of the blue", "6.10", [](Frames& f) { f.continuation(1, "", true); }, "GOAWAY code 1"},
    {"CONTINUATION after a finished block", "6.10",
     [](Frames& f) {
       f.headers(1, post("/"), false).continuation(1, f.block({{"x", "y"}}), true);
     },
     "HEADERS 1, GOAWAY code 1"},
    {"CONTINUATION of another stream", "6.10",
     [](Frames& f) {
       f.headers(1, get("/"), true, false).continuation(3, f.block({{"x", "y"}}), true);
     },
     "GOAWAY code 1"},
    {"another frame inside a header block", "6.10",
     [](Frames& f) { f.headers(1, get("/"), true, false).priority(1, 0); }, "GOAWAY code 1"},
    {"an unknown frame inside a header block", "5.5",
     [](Frames& f) { f.headers(1, get("/"), true, false).frame(unknown_type, 0, 1, ""); }, "GOAWAY code 1"},

    // HTTP messages (section 8).
    {"an upper-case field name", "8.2.1", [](Frames& f) { f.headers(1, with("X-Name", "1")); }, "RST_STREAM 1 code 1"},
    {"a field name with a space", "8.2.1", [](Frames& f) { f.headers(1, with("a b", "1")); }, "RST_STREAM 1 code 1"},
    {"a field value with CR", "8.2.1", [](Frames& f) { f.headers(1, with("x", "a\rb")); }, "RST_STREAM 1 code 1"},
    {"a field value with LF", "8.2.1", [](Frames& f) { f.headers(1, with("x", "a\nb")); }, "RST_STREAM 1 code 1"},
    {"a field value with NUL", "8.2.1", [](Frames& f) { f.headers(1, with("x", std::string_view("a\0b", 3))); },
     "RST_STREAM 1 code 1"},
    {"a field value in white space", "8.2.1", [](Frames& f) { f.headers(1, with("x", " a")); }, "RST_STREAM 1 code 1"},
    {"a connection-specific field", "8.2.2", [](Frames& f) { f.headers(1, with("connection", "keep-alive")); },
     "RST_STREAM 1 code 1"},
    {"transfer-encoding", "8.2.2", [](Frames& f) { f.headers(1, with("transfer-encoding", "chunked")); },
     "RST_STREAM 1 code 1"},
    {"te other than trailers", "8.2.2", [](Frames& f) { f.headers(1, with("te", "gzip")); }, "RST_STREAM 1 code 1"},
    {"an unknown pseudo-header field", "8.3", [](Frames& f) { f.headers(1, with(":x", "1")); }, "RST_STREAM 1 code 1"},
    {"a response's pseudo-header field", "8.3", [](Frames& f) { f.headers(1, with(":status", "200")); },
     "RST_STREAM 1 code 1"},
    {"a pseudo-header field after a field", "8.3",
     [](Frames& f) {
       f.headers(1, {{":method", "GET"}, {"x", "y"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}});
     },
     "RST_STREAM 1 code 1"},
    {"a pseudo-header field in trailers", "8.1",
     [](Frames& f) {
       f.headers(1, post("/"), false).headers(1, {{":method", "GET"}});
     },
     "HEADERS 1, RST_STREAM 1 code 1"},
    {"a second :path", "8.3.1", [](Frames& f) { f.headers(1, with(":path", "/b")); }, "RST_STREAM 1 code 1"},
    {"no :method", "8.3.1", [](Frames& f) { f.headers(1, without(":method")); }, "RST_STREAM 1 code 1"},
    {"no :scheme", "8.3.1", [](Frames& f) { f.headers(1, without(":scheme")); }, "RST_STREAM 1 code 1"},
    {"no :path", "8.3.1", [](Frames& f) { f.headers(1, without(":path")); }, "RST_STREAM 1 code 1"},
    {"no authority and no host", "8.3.1", [](Frames& f) { f.headers(1, without(":authority")); },
     "RST_STREAM 1 code 1"},
    {"an authority with user information", "8.3.1",
     [](Frames& f) {
       f.headers(1, {{":method", "GET"}, {":scheme", "https"}, {":authority", "me@a"}, {":path", "/"}});
     },
     "RST_STREAM 1 code 1"},
    {"a host with user information, without an authority", "8.3.1",
     [](Frames& f) {
       f.headers(1, {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"host", "me@a"}});
     },
     "RST_STREAM 1 code 1"},
    {"an empty :path", "8.3.1", [](Frames& f) { f.headers(1, get("")); }, "RST_STREAM 1 code 1"},
    {"a :path without a slash", "8.3.1",
     [](Frames& f) {
       f.headers(1, {{":method", "GET"}, {":scheme", "foo"}, {":authority", "a"}, {":path", "x"}});
     },
     "RST_STREAM 1 code 1"},
    {"extended CONNECT, which was not offered", "8441-3",
     [](Frames& f) {
       f.headers(1, {{":method", "CONNECT"},
                     {":protocol", "websocket"},
                     {":scheme", "https"},
                     {":authority", "a"},
                     {":path", "/"}});
     },
     "RST_STREAM 1 code 1"},
    {"a body shorter than content-length", "8.1.1",
     [](Frames& f) {
       f.headers(1, post("/", {{"content-length", "3"}}), false).data(1, "ab", true);
     },
     "HEADERS 1, RST_STREAM 1 code 1"},
    {"a body longer than content-length", "8.1.1",
     [](Frames& f) {
       f.headers(1, post("/", {{"content-length", "3"}}), false).data(1, "abcd");
     },
     "HEADERS 1, RST_STREAM 1 code 1"},
    {"content-length without a body", "8.1.1",
     [](Frames& f) {
       f.headers(1, post("/", {{"content-length", "3"}}));
     },
     "RST_STREAM 1 code 1"},
    {"two content-lengths", "8.1.1",
     [](Frames& f) {
       f.headers(1, post("/", {{"content-length", "3"}, {"content-length", "4"}}), false);
     },
     "RST_STREAM 1 code 1"},
    {"trailers that do not end the stream", "8.1",
     [](Frames& f) { f.headers(1, post("/"), false).headers(1, {{"t", "1"}}, false); },
     "HEADERS 1, RST_STREAM 1 code 1"},
};

}  // namespace

TEST_CASE("every violation is answered as RFC 9113 says, however the bytes are cut") {
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CAPTURE(row.section);
    for (const std::size_t piece : {std::size_t{1} << 20, std::size_t{1}, std::size_t{7}}) {
      CAPTURE(piece);
      Http2Conversation talk;
      talk.open();
      Frames frames;
      row.say(frames);
      const std::string heard = talk.say(frames, piece);
      CHECK(heard == row.heard);
      const bool fatal = heard.find("GOAWAY") != heard.npos;
      CHECK(talk.error_code.has_value() == fatal);
      CHECK(talk.server->finished() == fatal);
      const bool harmless = !fatal && heard.find("RST_STREAM") == heard.npos;
      CHECK(talk.visitor.glitches.empty() == harmless);
    }
  }
}

TEST_CASE("after a stream error the connection serves the next request") {
  for (const Row& row : rows) {
    if (row.heard.find("GOAWAY") != std::string::npos) continue;
    CAPTURE(row.name);
    Http2Conversation talk;
    talk.open();
    Frames frames;
    row.say(frames);
    talk.say(frames);
    frames.clear();
    CHECK(talk.say(frames.headers(101, get("/next"))) == "HEADERS 101");
  }
}

TEST_CASE("what is not HTTP/2 is refused without a GOAWAY") {
  Http2Conversation talk;
  Frames frames;
  CHECK(talk.say(frames.raw("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")) == "SETTINGS, WINDOW_UPDATE +983041");
  CHECK(talk.error == "1: not HTTP/2");
  CHECK(talk.server->finished());
}

TEST_CASE("a connection starts with SETTINGS") {
  Http2Conversation talk;
  Frames frames;
  CHECK(talk.say(frames.preface().headers(1, get("/"))) == "SETTINGS, WINDOW_UPDATE +983041, GOAWAY code 1");
}

TEST_CASE("frames on a closed stream are told apart by how it ended, up to 256 streams back") {
  struct Late {
    std::string name;
    bool reset_by_us;
    int streams_since;
    std::string heard;
  };
  for (const Late& row :
       {Late{"ended by both", false, 1, "GOAWAY code 5"}, Late{"ended by both", false, 200, "GOAWAY code 5"},
        Late{"too long ago to tell", false, 300, ""}, Late{"reset by us", true, 1, ""},
        Late{"reset by us", true, 300, ""}}) {
    CAPTURE(row.name);
    CAPTURE(row.streams_since);
    Http2Conversation talk;
    talk.visitor.answer = 204;
    talk.visitor.answer_ends = true;
    talk.open();
    Frames frames;
    frames.headers(1, post("/"), !row.reset_by_us);
    for (int stream = 1; stream <= row.streams_since; ++stream) frames.headers(1 + 2 * stream, get("/"));
    talk.say(frames);
    frames.clear();
    CHECK(talk.say(frames.headers(1, {{"late", "trailer"}})) == row.heard);
  }
}
