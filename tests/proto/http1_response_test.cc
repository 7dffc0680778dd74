#include "proto/http1_response.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/http1_reading.h"

namespace sluice::proto {
namespace {

using namespace std::literals;
using test::Http1Reading;
using test::read_http1;

Http1Reading read(std::string_view bytes, bool ended = false, bool to_head = false, const Http1Limits& limits = {}) {
  const auto at_once = [&](std::size_t) { return bytes.size(); };
  Http1Reading whole = read_http1(bytes, at_once, ended, to_head, limits);
  for (const std::size_t size : {1, 2, 3, 7, 10, 64}) {
    CAPTURE(size);
    const auto in_pieces = [&](std::size_t) { return size; };
    CHECK(read_http1(bytes, in_pieces, ended, to_head, limits) == whole);
  }
  return whole;
}

std::string repeated(std::size_t count, std::string_view text) {
  std::string out;
  for (; count != 0; --count) out += text;
  return out;
}

struct Row {
  std::string_view name, bytes, head, body;
  bool keep_alive = true;
};

const Row complete_rows[] = {
    {"a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 content-length=5", "hello"},
    {"the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
     "200 content-length=5 content-length=5", "hello"},
    {"no body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 content-length=0\n", ""},
    {"no reason", "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", "404 content-length=0\n", ""},
    {"204 has no body", "HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n", "204 server=x\n", ""},
    {"304 has no body, whatever its length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
     "304 content-length=9\n", ""},
    {"blanks around a value, names in any case", "HTTP/1.1 200 OK\r\nX-A:  \tb c\t \r\ncontent-LENGTH:1\r\n\r\n!",
     "200 x-a=b c content-length=1", "!"},
    {"an empty value and one that is not ASCII", "HTTP/1.1 200 OK\r\na:\r\nb: \xc3\xa9\r\nContent-Length: 0\r\n\r\n",
     "200 a= b=\xc3\xa9 content-length=0\n", ""},
    {"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
     "200 transfer-encoding=chunked", "hello world"},
    {"chunks that hold line ends and NUL",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n6\r\n\r\n\r\n\0\n\r\n0\r\n\r\n"sv,
     "200 transfer-encoding=Chunked", "\r\n\r\n\0\n"sv},
    {"a chunk's extensions, leading zeros, upper case",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00A;a=b;c=\"d e\"\r\n0123456789\r\n0;x\r\n\r\n",
     "200 transfer-encoding=chunked", "0123456789"},
    {"trailers, which are dropped",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n",
     "200 transfer-encoding=chunked", "a"},
    {"no chunk but the last", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "200 transfer-encoding=chunked", ""},
    {"interim responses first",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
     "200 content-length=1", "a"},
    {"the server will close", "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\na",
     "200 connection=Close content-length=1", "a", false},
    {"HTTP/1.0 closes", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", "200 content-length=1", "a", false},
    {"HTTP/1.0 that does not", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na",
     "200 connection=keep-alive content-length=1", "a"},
};

TEST_CASE("a response is read to its end and no further, however its bytes were cut") {
  for (const Row& row : complete_rows) {
    CAPTURE(row.name);
    const Http1Reading expected{std::string(row.head), std::string(row.body), true, row.keep_alive, 0, ""};
    CHECK(read(row.bytes) == expected);
    CHECK(read(row.bytes, true) == expected);
    Http1Reading followed = expected;
    followed.rest = 12;
    CHECK(read_http1(std::string(row.bytes) + "HTTP/1.1 500", [](std::size_t) { return 4096; }) == followed);
  }
}

TEST_CASE("a response that ends early is not complete: the end of the connection is an error, never its end") {
  for (const Row& row : complete_rows) {
    CAPTURE(row.name);
    for (std::size_t size = 1; size < row.bytes.size(); ++size) {
      CAPTURE(size);
      const auto at_once = [&](std::size_t) { return row.bytes.size(); };
      const Http1Reading open = read_http1(row.bytes.substr(0, size), at_once);
      CHECK_FALSE(open.complete);
      CHECK(open.error.empty());
      const Http1Reading cut = read_http1(row.bytes.substr(0, size), at_once, true);
      CHECK_FALSE(cut.complete);
      const bool interim_only = size == 25 && row.bytes.starts_with("HTTP/1.1 100");
      CHECK_MESSAGE((cut.error == "the response is cut" || interim_only || cut.error == "no answer came"), cut.error);
    }
  }
  CHECK(read("", true).error == "no answer came");
}

TEST_CASE("without a length the connection's end is the response's") {
  const Http1Reading open = read("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a\n\n");
  CHECK(open.head == "200 content-type=text/event-stream");
  CHECK(open.body == "data: a\n\n");
  CHECK_FALSE(open.complete);
  const Http1Reading ended = read("HTTP/1.1 200 OK\r\n\r\ndata: a\n\n", true);
  CHECK(ended.complete);
  CHECK_FALSE(ended.keep_alive);
  CHECK(read("HTTP/1.0 200 OK\r\n\r\n", true).complete);
}

TEST_CASE("the answer to a HEAD has no body, whatever it says") {
  for (const char* field : {"Content-Length: 5", "Transfer-Encoding: chunked", "X: y"}) {
    CAPTURE(field);
    const Http1Reading reading = read("HTTP/1.1 200 OK\r\n" + std::string(field) + "\r\n\r\n", false, true);
    CHECK(reading.complete);
    CHECK(reading.keep_alive);
  }
}

TEST_CASE("what two readers could understand differently is refused") {
  const std::string ok = "HTTP/1.1 200 OK\r\n", chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
  const struct {
    const char* name;
    std::string bytes, error, body = {};
  } rows[] = {
      {"another protocol", "SSH-2.0-OpenSSH\r\n", "the answer does not begin with HTTP/1"},
      {"HTTP/2", std::string("\0\0\x12\x04", 4), "the answer does not begin with HTTP/1"},
      {"a TLS alert", "\x15\x03\x01", "the answer does not begin with HTTP/1"},
      {"an empty line first", "\r\n" + ok, "the answer does not begin with HTTP/1"},
      {"HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n", "bad version"},
      {"a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", "bad status"},
      {"a status below 100", "HTTP/1.1 099 OK\r\n\r\n", "bad status"},
      {"LF alone after the status", "HTTP/1.1 200 OK\nX: y\r\n\r\n", "a header line ends with LF alone"},
      {"LF alone after a field", ok + "X: y\nContent-Length: 5\r\n\r\n", "a header line ends with LF alone"},
      {"CR alone", ok + "X: y\rContent-Length: 5\r\n\r\n", "bad line ending"},
      {"a folded line", ok + "X: y\r\n z\r\n\r\n", "a header line is folded"},
      {"a folded first line", ok + "\tX: y\r\n\r\n", "a header line is folded"},
      {"NUL in a value", std::string(ok + "X: y") + '\0' + "z\r\n\r\n", "bad value"},
      {"NUL in a name", std::string(ok + "X") + '\0' + ": y\r\n\r\n", "bad field"},
      {"a blank before the colon", ok + "Content-Length : 5\r\n\r\nhello", "bad field"},
      {"a line without a colon", ok + "Content-Length\r\n\r\n", "bad field"},
      {"several lengths", ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "multiple Content-Length"},
      {"several lengths in one line", ok + "Content-Length: 5, 6\r\n\r\nhello!", "multiple Content-Length"},
      {"a length that is no number", ok + "Content-Length: 5x\r\n\r\nhello", "bad Content-Length"},
      {"a negative length", ok + "Content-Length: -5\r\n\r\nhello", "bad Content-Length"},
      {"a length over 64 bits", ok + "Content-Length: 18446744073709551616\r\n\r\n", "bad Content-Length"},
      {"an empty length", ok + "Content-Length:\r\n\r\n", "bad Content-Length"},
      {"a length, then chunks", ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
       "bad Transfer-Encoding"},
      {"chunks, then a length", ok + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
       "bad Content-Length"},
      {"a coding, then a length", ok + "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
       "the response has a transfer-encoding that is not chunked"},
      {"another coding", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n",
       "the response has a transfer-encoding that is not chunked"},
      {"a coding that looks like chunked", ok + "Transfer-Encoding: xchunked\r\n\r\n",
       "the response has a transfer-encoding that is not chunked"},
      {"chunked twice", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
       "bad Transfer-Encoding"},
      {"chunks of HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "the response has both a content-length and a transfer-encoding, or one that HTTP/1.0 does not know"},
      {"a switch of protocols", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
       "the server switches to a protocol that nobody asked for"},
      {"interim responses without end", repeated(17, "HTTP/1.1 103 Early Hints\r\n\r\n"),
       "too many interim responses (1xx)"},
      {"a chunk size that is no number", chunked + "zz\r\nhello\r\n", "bad chunk"},
      {"a chunk size with a prefix", chunked + "0x5\r\nhello\r\n0\r\n\r\n", "bad chunk extension"},
      {"a negative chunk size", chunked + "-5\r\nhello\r\n", "bad chunk"},
      {"a blank before a chunk size", chunked + " 5\r\nhello\r\n", "bad chunk"},
      {"a chunk size over 64 bits", chunked + "10000000000000000\r\nhello\r\n", "bad chunk"},
      {"a chunk line that ends with LF alone", chunked + "5\nhello\r\n0\r\n\r\n", "bad chunk extension"},
      {"a chunk longer than its size", chunked + "5\r\nhello!\r\n0\r\n\r\n", "bad chunk", "hello"},
      {"a chunk's extension without a name", chunked + "5;\r\nhello\r\n", "bad chunk extension"},
      {"a folded trailer", chunked + "0\r\nX: y\r\n z\r\n\r\n", "a header line is folded"},
      {"a length as a trailer", chunked + "0\r\nContent-Length: 5\r\n\r\n", "bad Content-Length"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    const Http1Reading reading = read(row.bytes);
    CHECK(reading.error == row.error);
    CHECK(reading.body == row.body);
    CHECK_FALSE(reading.complete);
  }
}

TEST_CASE("each limit of a head lets through what is at it, and nothing above") {
  const Http1Limits limits{.header_bytes_max = 200, .fields_max = 3, .interim_max = 1};
  const std::string begin = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ", end = "\r\n\r\n";
  const std::string filling(200 - begin.size() - end.size(), 'x');
  CHECK(read(begin + filling + end, false, false, limits).complete);
  CHECK(read(begin + filling + "x" + end, false, false, limits).error == "the header of the response is too large");
  const std::string fields = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: 1\r\nB: 2\r\n";
  CHECK(read(fields + "\r\n", false, false, limits).complete);
  CHECK(read(fields + "C: 3\r\n\r\n", false, false, limits).error == "the response has too many header fields");
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n", final = "HTTP/1.1 204 OK\r\n\r\n";
  CHECK(read(interim + final, false, false, limits).complete);
  CHECK(read(interim + interim + final, false, false, limits).error == "too many interim responses (1xx)");
}

TEST_CASE("a chunk's line and the trailers have a limit, its data has none") {
  const Http1Limits limits{.header_bytes_max = 100};
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", large(1000, 'x');
  CHECK(read(head + "3e8\r\n" + large + "\r\n0\r\n\r\n", false, false, limits).body == large);
  for (const std::string& bytes : {"5;" + large + "\r\nhello\r\n0\r\n\r\n", "0\r\nX: " + large + "\r\n\r\n",
                                   "0\r\n" + repeated(40, "X: 1\r\n") + "\r\n", std::string(200, '0')})
    CHECK(read(head + bytes, false, false, limits).error ==
          "the line of a chunk, or what follows the last one, is too long");
}

}  // namespace
}  // namespace sluice::proto
