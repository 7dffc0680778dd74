#include "proto/redis.h"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "tests/support/event_transcript.h"
#include "tests/support/redis_replies.h"

namespace sluice::proto {
namespace {

using namespace std::literals;
using test::array;
using test::failure;
using test::in_pieces;
using test::integer;
using test::nil;
using test::text;
using test::texts;

constexpr std::size_t whole = static_cast<std::size_t>(-1);

struct Reading {
  std::vector<RedisReply> replies;
  std::string error;
};

Reading read(std::string_view bytes, std::size_t piece_size = whole, const RedisReader::Limits& limits = {}) {
  RedisReader reader(limits);
  Reading reading;
  in_pieces(bytes, piece_size, [&](std::string_view piece) {
    reader.feed({reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size()});
    while (auto reply = reader.next()) reading.replies.push_back(std::move(*reply));
  });
  reading.error = reader.error();
  return reading;
}

// The same replies whole, byte by byte and in odd pieces; a reply that has only begun changes nothing.
void check_reads(std::string_view bytes, const std::vector<RedisReply>& expected) {
  for (const std::size_t size : {whole, 1UL, 2UL, 3UL, 5UL, 7UL, 11UL, 17UL}) {
    CAPTURE(size);
    const Reading reading = read(bytes, size);
    CHECK(reading.error == "");
    CHECK(reading.replies == expected);
  }
  for (const std::string_view trailing : {"+"sv, "$3\r\nab"sv, "*2\r\n:1\r\n"sv, "*1\r\n$-"sv})
    CHECK(read(std::string(bytes).append(trailing), 3).replies == expected);
}

std::string command_bytes(const std::vector<std::string_view>& words) {
  ByteBuffer bytes;
  append_redis_command(bytes, words);
  return std::string(bytes.text());
}

// --- commands ------------------------------------------------------------------------------------------------------

struct CommandRow {
  std::string_view name;
  std::vector<std::string_view> words;
  std::string_view bytes;
};

const CommandRow command_rows[] = {
    {"one word", {"PING"}, "*1\r\n$4\r\nPING\r\n"},
    {"a key and a value", {"SET", "k", "v"}, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"},
    {"an empty word", {"AUTH", ""}, "*2\r\n$4\r\nAUTH\r\n$0\r\n\r\n"},
    {"a word with line ends, blanks and NUL",
     {"XADD", "a b\r\nFLUSHALL\r\n\0"sv},
     "*2\r\n$4\r\nXADD\r\n$16\r\na b\r\nFLUSHALL\r\n\0\r\n"sv},
};

TEST_CASE("commands: one row is the bytes, and reads back as its words") {
  for (const CommandRow& row : command_rows) {
    CAPTURE(row.name);
    CHECK(command_bytes(row.words) == row.bytes);
    check_reads(row.bytes, {texts(row.words)});
  }
}

TEST_CASE("commands follow each other without a byte between them") {
  ByteBuffer bytes;
  append_redis_command(bytes, std::vector{"PING"sv});
  append_redis_command(bytes, std::vector{"TIME"sv});
  CHECK(bytes.text() == "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nTIME\r\n");
}

// --- replies -------------------------------------------------------------------------------------------------------

struct ReplyRow {
  std::string_view name, bytes;
  std::vector<RedisReply> replies;
};

const ReplyRow reply_rows[] = {
    {"a simple string", "+OK\r\n", {text("OK")}},
    {"an empty simple string", "+\r\n", {text("")}},
    {"an error", "-ERR unknown command\r\n", {failure("ERR unknown command")}},
    {"an integer", ":42\r\n", {integer(42)}},
    {"a negative integer", ":-1\r\n", {integer(-1)}},
    {"the largest integer", ":9223372036854775807\r\n", {integer(INT64_MAX)}},
    {"a bulk string", "$5\r\nhello\r\n", {text("hello")}},
    {"an empty bulk string", "$0\r\n\r\n", {text("")}},
    {"a bulk string of any bytes", "$6\r\na\r\n\0\xff$\r\n"sv, {text("a\r\n\0\xff$"sv)}},
    {"no string", "$-1\r\n", {nil()}},
    {"no array", "*-1\r\n", {nil()}},
    {"an empty array", "*0\r\n", {array({})}},
    {"an array of all kinds",
     "*6\r\n+a\r\n-b\r\n:7\r\n$1\r\nc\r\n$-1\r\n*0\r\n",
     {array({text("a"), failure("b"), integer(7), text("c"), nil(), array({})})}},
    {"replies in order", "+OK\r\n:1\r\n-ERR\r\n", {text("OK"), integer(1), failure("ERR")}},
    {"what XREAD answers",
     "*1\r\n*2\r\n$6\r\norders\r\n*2\r\n"
     "*2\r\n$3\r\n1-0\r\n*2\r\n$4\r\ndata\r\n$1\r\nx\r\n"
     "*2\r\n$3\r\n2-0\r\n*2\r\n$4\r\ndata\r\n$1\r\ny\r\n",
     {array({array({text("orders"), array({array({text("1-0"), texts({"data", "x"})}),
                                           array({text("2-0"), texts({"data", "y"})})})})})}},
    {"a push of pub/sub between replies",
     "+OK\r\n*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n:1\r\n",
     {text("OK"), texts({"message", "c", "hi"}), integer(1)}},
    {"arrays eight levels deep",
     "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
     {array({array({array({array({array({array({array({array({integer(1)})})})})})})})})}},
};

TEST_CASE("replies: whole, byte by byte, in odd sizes, with the beginning of another behind them") {
  for (const ReplyRow& row : reply_rows) {
    CAPTURE(row.name);
    check_reads(row.bytes, row.replies);
    std::string written;
    for (const RedisReply& reply : row.replies) written += test::reply_bytes(reply);
    check_reads(written, row.replies);
  }
}

TEST_CASE("a reply has nothing of those before it, whose memory it uses") {
  const std::vector<std::pair<std::string_view, RedisReply>> rows = {
      {"$5\r\nhello\r\n", text("hello")},
      {":7\r\n", integer(7)},
      {"*-1\r\n", nil()},
      {"*0\r\n", array({})},
      {"-ERR no\r\n", failure("ERR no")},
      {"*2\r\n$1\r\na\r\n*3\r\n:1\r\n$-1\r\n+b\r\n", array({text("a"), array({integer(1), nil(), text("b")})})},
      {"*3\r\n*1\r\n:2\r\n:3\r\n$0\r\n\r\n", array({array({integer(2)}), integer(3), text("")})},
  };
  RedisReader reader;
  for (const auto& [before_bytes, before] : rows)
    for (const auto& [bytes, reply] : rows) {
      for (const std::string_view each : {before_bytes, bytes})
        reader.feed({reinterpret_cast<const std::uint8_t*>(each.data()), each.size()});
      CHECK(*reader.next() == before);
      CHECK(*reader.next() == reply);
    }
}

TEST_CASE("a large reply is read whole, also in pieces") {
  const RedisReply large = array({text(std::string(1 << 20, 'x')), text(std::string(300'000, 'y')), integer(1)});
  for (const std::size_t size : {whole, 65536UL, 4099UL})
    CHECK(read(test::reply_bytes(large), size).replies == std::vector{large});
}

// --- what breaks it ------------------------------------------------------------------------------------------------

struct BrokenRow {
  std::string_view name, bytes, error;
};

constexpr BrokenRow broken_rows[] = {
    {"an HTTP server", "HTTP/1.1 400 Bad Request\r\n", R"(Protocol error, got "H" as reply type byte)"},
    {"a TLS alert", "\x15\x03\x01\x00\x02\x02\x46"sv, R"(Protocol error, got "\x15" as reply type byte)"},
    {"a length that is none", "$abc\r\n", "Bad bulk string length"},
    {"a negative length", "$-2\r\n", "Bulk string length out of range"},
    {"a count that is none", "*1x\r\n", "Bad multi-bulk length"},
    {"an integer that is none", ":1.5\r\n", "Bad integer value"},
    {"arrays nine levels deep", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
     "No support for nested multi bulk replies with depth > 7"},
};

TEST_CASE("what is not RESP ends the reader with a reason, after the replies before it") {
  for (const BrokenRow& row : broken_rows) {
    CAPTURE(row.name);
    for (const std::size_t size : {whole, 1UL, 3UL}) {
      const Reading reading = read("+OK\r\n" + std::string(row.bytes) + "+LATE\r\n", size);
      CHECK(reading.replies == std::vector{text("OK")});
      CHECK(reading.error == row.error);
    }
  }
}

TEST_CASE("a reply above the limit of bytes ends the reader, one at the limit does not") {
  const RedisReader::Limits limits{.reply_size = 15};
  const RedisReply fits = text("123456789"), larger = text("1234567890");
  CHECK(test::reply_bytes(fits).size() == 15);
  for (const std::size_t size : {whole, 1UL, 4UL}) {
    const std::string bytes = test::reply_bytes(fits) + test::reply_bytes(fits) + test::reply_bytes(larger) + "+OK\r\n";
    const Reading reading = read(bytes, size, limits);
    CHECK(reading.replies == std::vector{fits, fits});
    CHECK(reading.error == "a reply of more than 15 bytes");
  }
}

TEST_CASE("a string that is announced and never ends is given up at the limit") {
  const std::string endless = "$99999999999\r\n" + std::string(1000, 'x');
  CHECK(read(endless, 10, {.reply_size = 500}).error == "a reply of more than 500 bytes");
  CHECK(read(endless, 10).error == "");
}

TEST_CASE("elements count when they are announced, so an array of nothing takes no memory") {
  const RedisReader::Limits limits{.reply_elements = 5};
  CHECK(read("*5\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n*5\r\n", 3, limits).error == "");
  for (const std::string_view bytes : {"*6\r\n"sv, "*2\r\n*2\r\n:1\r\n:1\r\n*2\r\n"sv, "*2147483647\r\n"sv})
    CHECK(read(bytes, 3, limits).error == "a reply of more than 5 elements");
  CHECK(read("*2147483647\r\n").error == "a reply of more than 1048576 elements");
}

}  // namespace
}  // namespace sluice::proto
