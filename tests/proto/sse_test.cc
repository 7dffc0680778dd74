#include "proto/sse.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/support/event_transcript.h"

namespace sluice::proto::sse {
namespace {

using namespace std::literals;
using test::EventTranscript;
using test::in_pieces;
using Lines = std::vector<std::string>;

constexpr std::size_t whole = static_cast<std::size_t>(-1);

Lines read(std::string_view bytes, std::size_t piece_size = whole) {
  EventTranscript transcript;
  Parser parser(transcript);
  bool fed = true;
  in_pieces(bytes, piece_size, [&](std::string_view piece) { fed = fed && parser.feed(piece).has_value(); });
  CHECK(fed);
  return transcript.lines;
}

// The same calls whole, byte by byte and in odd pieces; bytes of an event that never ends change nothing.
void check_reads(std::string_view bytes, const Lines& expected) {
  CHECK(read(bytes) == expected);
  for (std::size_t size = 1; size <= 17; ++size) {
    CAPTURE(size);
    CHECK(read(bytes, size) == expected);
  }
  for (const std::string_view trailing : {"data: cut"sv, "id: 99\n"sv, "event: cut\ndata: cut\n"sv, ":"sv})
    CHECK(read(std::string(bytes).append(trailing), 3) == expected);
}

std::string event_bytes(std::string_view type, std::string_view data) {
  std::string bytes;
  append_event(bytes, type, data);
  return bytes;
}

// --- one row, both ways --------------------------------------------------------------------------------------------

struct EventRow {
  std::string_view name, type, data, bytes;
  std::string_view normalised;  // the data that arrives: every line end is LF
};

constexpr EventRow event_rows[] = {
    {"a plain event", "", "hello", "data: hello\n\n"sv, "hello"},
    {"a named event", "price", "42", "event: price\ndata: 42\n\n"sv, "42"},
    {"an event without data", "", "", "data: \n\n"sv, ""},
    {"two lines", "", "a\nb", "data: a\ndata: b\n\n"sv, "a\nb"},
    {"a trailing line end", "", "a\n", "data: a\ndata: \n\n"sv, "a\n"},
    {"only a line end", "", "\n", "data: \ndata: \n\n"sv, "\n"},
    {"a bare CR", "", "a\rid: 9", "data: a\ndata: id: 9\n\n"sv, "a\nid: 9"},
    {"CRLF is one line end", "", "a\r\nb", "data: a\ndata: b\n\n"sv, "a\nb"},
    {"LFCR is two line ends", "", "a\n\rb", "data: a\ndata: \ndata: b\n\n"sv, "a\n\nb"},
    {"CRCRLF is two line ends", "", "a\r\r\nb", "data: a\ndata: \ndata: b\n\n"sv, "a\n\nb"},
    {"CR last", "", "a\r", "data: a\ndata: \n\n"sv, "a\n"},
    {"NUL", "", "a\0b"sv, "data: a\0b\n\n"sv, "a\0b"sv},
    {"a leading space", "", " a", "data:  a\n\n"sv, " a"},
    {"a leading colon", "", ": a", "data: : a\n\n"sv, ": a"},
    {"a byte order mark", "", "\xEF\xBB\xBF", "data: \xEF\xBB\xBF\n\n"sv, "\xEF\xBB\xBF"},
    {"line separators that end no line", "", "a\u2028b\u2029c\u0085d\v\f", "data: a\u2028b\u2029c\u0085d\v\f\n\n"sv,
     "a\u2028b\u2029c\u0085d\v\f"},
    {"a type of the standard's name", "message", "a", "event: message\ndata: a\n\n"sv, "a"},
    {"a type with a leading space", " a", "b", "event:  a\ndata: b\n\n"sv, "b"},
};

TEST_CASE("an event arrives with the type and the data it was sent with") {
  for (const EventRow& row : event_rows) {
    CAPTURE(row.name);
    CHECK(event_bytes(row.type, row.data) == row.bytes);
    check_reads(row.bytes, {"event " + std::string(row.type.empty() ? "message"sv : row.type) + " [" +
                            std::string(row.normalised) + "] id []"});
  }
}

TEST_CASE("an event needs at most 16 bytes more per line, and its string has no room to spare") {
  for (const EventRow& row : event_rows) {
    CAPTURE(row.name);
    const std::size_t lines = line_count(row.data);
    CHECK(row.bytes.size() <= row.type.size() + 16 + row.data.size() + 16 * lines);
  }
  for (const std::size_t size : {100U, 1000U, 100'000U}) {
    const std::string bytes = event_bytes("price", std::string(size, 'x') + "\n" + std::string(size, 'y'));
    CHECK(bytes.capacity() == bytes.size());
  }
}

TEST_CASE("lines are counted by every line end of the standard") {
  CHECK(line_count("") == 1);
  CHECK(line_count("a") == 1);
  CHECK(line_count("a\nb\rc\r\nd") == 4);
  CHECK(line_count("\r\r\n\n") == 4);
  CHECK(line_count("a\u2028b") == 1);
}

TEST_CASE("ids, reconnection times and comments arrive") {
  std::string bytes;
  append_retry(bytes, 2000ms);
  append_comment(bytes, "hello\r\nid: 9\ndata: x\0"sv);
  append_id(bytes, "k3fa9x.12");
  append_event(bytes, "", "a");
  append_comment(bytes, "");
  append_id(bytes, " spaced : id ");
  append_event(bytes, "", "b");
  append_id(bytes, "");
  append_event(bytes, "", "c");
  append_retry(bytes, -1ms);
  CHECK(bytes ==
        "retry: 2000\n: hello  id: 9 data: x \n\nid: k3fa9x.12\ndata: a\n\n: \n\nid:  spaced : id \ndata: b\n\n"
        "id: \ndata: c\n\nretry: 0\n");
  check_reads(bytes, {"retry 2000", "comment [hello  id: 9 data: x ]", "event message [a] id [k3fa9x.12]", "comment []",
                      "event message [b] id [ spaced : id ]", "event message [c] id []", "retry 0"});
}

TEST_CASE("text with CR, LF or NUL is no field") {
  CHECK(valid_field("price/eu:1"));
  CHECK(valid_field(""));
  CHECK_FALSE(valid_field("a\nid: 9"));
  CHECK_FALSE(valid_field("a\r"));
  CHECK_FALSE(valid_field("\0"sv));
}

// --- reading what others write -------------------------------------------------------------------------------------

struct StreamRow {
  std::string_view name, bytes;
  Lines calls;
};

const StreamRow stream_rows[] = {
    {"the standard's first example", "data: YHOO\ndata: +2\ndata: 10\n\n", {"event message [YHOO\n+2\n10] id []"}},
    {"the standard's second example",
     ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
     {"comment [test stream]", "event message [first event] id [1]", "event message [second event] id []",
      "event message [ third event] id []"}},
    {"the standard's third example: the last block never ends",
     "data\n\ndata\ndata\n\ndata:",
     {"event message [] id []", "event message [\n] id []"}},
    {"the standard's fourth example",
     "data:test\n\ndata: test\n\n",
     {"event message [test] id []", "event message [test] id []"}},
    {"CR ends lines", "data: a\r\rdata: b\r\r", {"event message [a] id []", "event message [b] id []"}},
    {"CRLF ends lines", "data: a\r\n\r\ndata: b\r\n\r\n", {"event message [a] id []", "event message [b] id []"}},
    {"line ends mixed", "data: a\r\ndata: b\rdata: c\n\r\n", {"event message [a\nb\nc] id []"}},
    {"a byte order mark at the start",
     "\xEF\xBB\xBF"
     "data: a\n\n",
     {"event message [a] id []"}},
    {"a second byte order mark belongs to the field's name",
     "\xEF\xBB\xBF\xEF\xBB\xBF"
     "data: a\n\ndata: b\n\n",
     {"event message [b] id []"}},
    {"half a byte order mark belongs to the field's name",
     "\xEF\xBB"
     "data: a\n\ndata: b\n\n",
     {"event message [b] id []"}},
    {"a byte order mark later",
     "data: a\n\n\xEF\xBB\xBF"
     "data: b\n\n",
     {"event message [a] id []"}},
    {"only a byte order mark and a blank line", "\xEF\xBB\xBF\n", {}},
    {"an id without data sticks", "id: 7\n\ndata: a\n\n", {"event message [a] id [7]"}},
    {"an id with NUL is ignored",
     "id: 7\ndata: a\n\nid: 8\0\ndata: b\n\n"sv,
     {"event message [a] id [7]", "event message [b] id [7]"}},
    {"the last id of an event counts", "id: 7\nid: 8\ndata: a\n\n", {"event message [a] id [8]"}},
    {"a type without data is forgotten", "event: x\n\ndata: a\n\n", {"event message [a] id []"}},
    {"the last type of an event counts", "event: x\nevent\ndata: a\n\n", {"event message [a] id []"}},
    {"names are exact", "Data: a\ndata : b\n data: c\ndatum: d\n\n", {}},
    {"unknown fields are ignored", "foo: 1\ndata: a\nbar\n\n", {"event message [a] id []"}},
    {"one space only is removed",
     "data:  a\n\ndata:\ta\n\n",
     {"event message [ a] id []", "event message [\ta] id []"}},
    {"a line without a colon is a name", "data\nid\n\n", {"event message [] id []"}},
    {"retry takes only ASCII digits",
     "retry: 10\nretry:20\nretry: 1e3\nretry: -1\nretry: +1\nretry:  1\nretry: 1 \nretry\nretry:\nretry: 0x1\n",
     {"retry 10", "retry 20"}},
    {"a retry that overflows is the longest",
     "retry: 007\nretry: 2147483648\nretry: 99999999999999999999999999999999999\n",
     {"retry 7", "retry 2147483647", "retry 2147483647"}},
    {"retry counts without a blank line", "retry: 5\ndata: a", {"retry 5"}},
    {"blank lines are nothing", "\n\r\r\n\n", {}},
    {"text that is not UTF-8 is left alone", "data: \xFF\xC0\n\n", {"event message [\xFF\xC0] id []"}},
};

TEST_CASE("an event stream is read as the standard says") {
  for (const StreamRow& row : stream_rows) {
    CAPTURE(row.name);
    CHECK(read(row.bytes) == row.calls);
    for (std::size_t size = 1; size <= 17; ++size) {
      CAPTURE(size);
      CHECK(read(row.bytes, size) == row.calls);
    }
  }
}

TEST_CASE("a stream that was cut inside an event goes on without a trace of it, and with its last id") {
  EventTranscript transcript;
  Parser parser(transcript);
  CHECK(parser.feed("\xEF\xBB\xBFid: 1\ndata: a\n\nid: 2\nevent: x\ndata: b\r"));
  CHECK(parser.last_event_id() == "1");
  parser.restart();
  CHECK(parser.feed("\xEF\xBB\xBF\ndata: c\n\n"));
  CHECK(transcript.lines == Lines{"event message [a] id [1]", "event message [c] id [1]"});
}

TEST_CASE("a last event id that is set is the stream's until an event has its own") {
  EventTranscript transcript;
  Parser parser(transcript);
  parser.set_last_event_id("41");
  CHECK(parser.feed("data: a\n\nid: 42\n"));
  CHECK(parser.last_event_id() == "41");
  CHECK(parser.feed("\n"));
  CHECK(parser.last_event_id() == "42");
}

TEST_CASE("a line or an event over the limit ends the stream, however it is cut into pieces") {
  for (const std::size_t size : {whole, std::size_t{1}, std::size_t{7}}) {
    EventTranscript transcript;
    Parser parser(transcript, 32);
    boost::system::result<void> result;
    const auto feed = [&](std::string_view bytes) {
      in_pieces(bytes, size, [&](std::string_view piece) { result = parser.feed(piece); });
      return result;
    };
    CHECK(feed("data: " + std::string(32, 'x') + "\n\n"));
    CHECK(feed("data: " + std::string(16, 'x') + "\ndata: " + std::string(17, 'x') + "\n").error() ==
          ParseError::event_too_large);
    CHECK(feed("\ndata: a\n\n").error() == ParseError::event_too_large);
    parser.restart();
    CHECK(feed("data: a\n\n:" + std::string(48, 'x')).error() == ParseError::line_too_long);
    CHECK(transcript.lines == Lines{"event message [" + std::string(32, 'x') + "] id []", "event message [a] id []"});
  }
}

TEST_CASE("where too large events are passed over, the rest arrives, however it is cut into pieces") {
  const std::string bytes = "id: 1\ndata: a\n\nid: 2\ndata: " + std::string(100, 'x') +
                            "\n\ndata: b\n:" + std::string(100, 'c') + "\ndata: c\n\nevent: lost\nid: 3\n" +
                            "data: 0123456789\ndata: 0123456789\ndata: 0123456789\nid: 4\n\nid: 5\ndata: d\n\n";
  struct Skipping final : EventTranscript {
    void on_too_large(std::string_view id) override { lines.push_back("too large id [" + std::string(id) + "]"); }
  };
  for (std::size_t size = 1; size <= 200; ++size) {
    CAPTURE(size);
    Skipping transcript;
    Parser parser(transcript, 20, true);
    bool fed = true;
    in_pieces(bytes, size, [&](std::string_view piece) { fed = fed && parser.feed(piece).has_value(); });
    CHECK(fed);
    CHECK(transcript.lines == Lines{"event message [a] id [1]", "too large id [2]", "event message [b\nc] id [2]",
                                    "too large id [4]", "event message [d] id [5]"});
  }
}

TEST_CASE("an event that is passed over may be of any size") {
  for (const std::string_view again : {"xxxxxxxxxxxxxxxx"sv, "data: x\n"sv}) {
    EventTranscript transcript;
    Parser parser(transcript, 20, true);
    bool fed = parser.feed("data: a\n\ndata: ").has_value();
    for (int count = 0; count != 10'000; ++count) fed = fed && parser.feed(again).has_value();
    fed = fed && parser.feed("\n\ndata: b\n\n").has_value();
    CHECK(fed);
    CHECK(transcript.lines == Lines{"event message [a] id []", "event message [b] id []"});
  }
}

TEST_CASE("an event that was being passed over when the stream ended is behind it, if it began with its id") {
  struct Skipping final : EventTranscript {
    void on_too_large(std::string_view id) override { lines.push_back("too large id [" + std::string(id) + "]"); }
  };
  for (const std::string_view id : {"id: 2\n"sv, ""sv}) {
    Skipping transcript;
    Parser parser(transcript, 20, true);
    CHECK(parser.feed("id: 1\ndata: a\n\n" + std::string(id) + "data: 0123456789").has_value());
    CHECK_FALSE(parser.passing_over());
    CHECK(parser.feed("0123456789012345678901234567890").has_value());
    CHECK(parser.passing_over());
    parser.restart();
    CHECK_FALSE(parser.passing_over());
    CHECK(parser.last_event_id() == (id.empty() ? "1" : "2"));
    CHECK(parser.feed("data: b\n\n").has_value());
    CHECK(transcript.lines ==
          (id.empty() ? Lines{"event message [a] id [1]", "event message [b] id [1]"}
                      : Lines{"event message [a] id [1]", "too large id [2]", "event message [b] id [2]"}));
  }
}

TEST_CASE("an event says whether it has an id of its own") {
  struct Ids final : ParserVisitor {
    void on_event(const EventView& event) override { own.push_back(event.has_id); }
    std::vector<bool> own;
  } ids;
  Parser parser(ids);
  CHECK(parser.feed("id: 1\ndata: a\n\ndata: b\n\nid: 2\n\ndata: c\n\nid\ndata: d\n\n"));
  CHECK(ids.own == std::vector<bool>{true, false, false, true});
}

TEST_CASE("32768 empty lines and 1 MiB in one line arrive as one event each") {
  for (const std::string& data : {std::string(32'767, '\n'), std::string(1 << 20, 'x'), std::string(1 << 20, '\n')}) {
    const std::string bytes = event_bytes("", data);
    CHECK(bytes.size() <= data.size() + 16 * line_count(data));
    for (const std::size_t size : {whole, std::size_t{1}, std::size_t{16'384}})
      CHECK(read(bytes, size) == Lines{"event message [" + data + "] id []"});
  }
  const std::string carriage_returns(32'768, '\r');
  CHECK(read(event_bytes("", carriage_returns)) == Lines{"event message [" + std::string(32'768, '\n') + "] id []"});
}

// --- UTF-8 ---------------------------------------------------------------------------------------------------------

TEST_CASE("UTF-8 is told from what only looks like it") {
  for (const std::string_view text :
       {""sv, "plain"sv, "\0"sv, "\x7F"sv, "\xC2\x80"sv, "\xDF\xBF"sv, "\xE0\xA0\x80"sv, "\xED\x9F\xBF"sv,
        "\xEE\x80\x80"sv, "\xEF\xBF\xBF"sv, "\xF0\x90\x80\x80"sv, "\xF4\x8F\xBF\xBF"sv, "\xEF\xBB\xBF"sv, "日本語 🚰"sv})
    for (const std::string_view around : {""sv, "a"sv, "eight by"sv, "more than eight bytes"sv}) {
      CAPTURE(text);
      CHECK(valid_utf8(std::string(around).append(text).append(around)));
    }
  struct {
    std::string_view name, bytes;
  } const bad[] = {
      {"a lone continuation byte", "\x80"},
      {"overlong '/'", "\xC0\xAF"},
      {"overlong NUL", "\xC0\x80"},
      {"overlong in three bytes", "\xE0\x9F\xBF"},
      {"overlong in four bytes", "\xF0\x8F\xBF\xBF"},
      {"the first surrogate", "\xED\xA0\x80"},
      {"the last surrogate", "\xED\xBF\xBF"},
      {"above U+10FFFF", "\xF4\x90\x80\x80"},
      {"a lead byte that leads nothing", "\xF5\x80\x80\x80"},
      {"five bytes", "\xF8\x88\x80\x80\x80"},
      {"FE", "\xFE"},
      {"FF", "\xFF"},
      {"two bytes cut after one", "\xC2"},
      {"three bytes cut after two", "\xE2\x82"},
      {"four bytes cut after three", "\xF0\x9F\x9A"},
  };
  for (const auto& row : bad)
    for (const std::string_view around : {""sv, "a"sv, "eight by"sv, "more than eight bytes"sv}) {
      CAPTURE(row.name);
      CHECK_FALSE(valid_utf8(std::string(around).append(row.bytes).append(around)));
    }
}

}  // namespace
}  // namespace sluice::proto::sse
