#include "proto/http1_response.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "proto/check.h"

namespace sluice::proto {
namespace {

namespace beast = boost::beast;
using boost::system::error_code;

class Http1ErrorCategory final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "http1"; }
  std::string message(int value) const override {
    switch (static_cast<Http1Error>(value)) {
      case Http1Error::not_http1:
        return "the answer does not begin with HTTP/1";
      case Http1Error::header_too_large:
        return "the header of the response is too large";
      case Http1Error::too_many_fields:
        return "the response has too many header fields";
      case Http1Error::bare_line_feed:
        return "a header line ends with LF alone";
      case Http1Error::folded_line:
        return "a header line is folded";
      case Http1Error::ambiguous_length:
        return "the response has both a content-length and a transfer-encoding, or one that HTTP/1.0 does not know";
      case Http1Error::unknown_coding:
        return "the response has a transfer-encoding that is not chunked";
      case Http1Error::unasked_upgrade:
        return "the server switches to a protocol that nobody asked for";
      case Http1Error::too_many_interim:
        return "too many interim responses (1xx)";
      case Http1Error::chunk_line_too_long:
        return "the line of a chunk, or what follows the last one, is too long";
      case Http1Error::no_answer:
        return "no answer came";
      case Http1Error::cut:
        return "the response is cut";
    }
    return "unknown error of HTTP/1.1";
  }
};

std::string_view text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

char lower(char byte) { return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte; }

std::string lower(std::string_view name) {
  std::string out(name);
  std::transform(out.begin(), out.end(), out.begin(), [](char byte) { return lower(byte); });
  return out;
}

// Finds the end of a head, byte by byte, and what makes looking further useless.
class HeadScanner {
 public:
  explicit HeadScanner(const Http1Limits& limits) : limits_(limits) {}

  [[nodiscard]] error_code take(char byte) {
    constexpr std::string_view beginning = "HTTP/1.";
    if (size_ < beginning.size() && byte != beginning[size_]) return Http1Error::not_http1;
    if (++size_ > limits_.header_bytes_max) return Http1Error::header_too_large;
    const bool line_begins = last_ == '\n';
    // RFC 9112 §5.2: a user agent may replace obs-fold or refuse it.
    if (line_begins && (byte == ' ' || byte == '\t')) return Http1Error::folded_line;
    if (line_begins && byte != '\r' && ++fields_ > limits_.fields_max) return Http1Error::too_many_fields;
    // §2.2: a recipient may take a bare LF for a line end; then it and its neighbour may disagree on what is a field.
    if (byte == '\n' && last_ != '\r') return Http1Error::bare_line_feed;
    done_ = byte == '\n' && empty_line_;
    empty_line_ = line_begins && byte == '\r';
    last_ = byte;
    return {};
  }
  [[nodiscard]] bool done() const { return done_; }

 private:
  const Http1Limits& limits_;
  std::size_t size_ = 0, fields_ = 0;
  char last_ = '\0';
  bool empty_line_ = false, done_ = false;
};

// Beast's parser with its callbacks: each stores or hands on. One per head, as Beast wants it.
class Parser final : public beast::http::basic_parser<false> {
 public:
  Parser(Http1Response::Visitor& visitor, bool to_head) : visitor_(visitor) {
    header_limit(std::numeric_limits<std::uint32_t>::max());  // the scanner has counted
    body_limit(boost::none);                                  // 8 MiB otherwise: an event stream has no end
    skip(to_head);
  }

  [[nodiscard]] std::size_t put_text(std::string_view bytes, error_code& error) {
    return put(beast::net::const_buffer(bytes.data(), bytes.size()), error);
  }
  // The next bytes are the line of a chunk or the trailers.
  [[nodiscard]] bool in_framing() const { return chunked() && chunk_left_ == 0; }

  ResponseHead head;

 private:
  using Text = beast::string_view;

  void on_request_impl(beast::http::verb, Text, Text, int, error_code&) override {}
  void on_response_impl(int code, Text, int version, error_code& error) override {
    head.status = code;
    version_ = version;
    if (code < 100) error = beast::http::error::bad_status;
  }
  void on_field_impl(beast::http::field, Text name, Text value, error_code& error) override {
    if (is_header_done()) return;  // trailers: RFC 9110 §6.5.1 lets a recipient drop them
    Field& field = head.fields.emplace_back(Field{lower({name.data(), name.size()}), {value.data(), value.size()}});
    has_length_ |= field.name == "content-length";
    if (field.name != "transfer-encoding") return;
    // RFC 9112 §6.1: we sent no TE, so nothing but chunked may be applied, once, and not by HTTP/1.0.
    if (has_coding_ || version_ < 11) error = Http1Error::ambiguous_length;
    if (lower(field.value) != "chunked") error = Http1Error::unknown_coding;
    has_coding_ = true;
  }
  void on_header_impl(error_code& error) override {
    // RFC 9112 §6.3, 3: "ought to be handled as an error". Beast lets the coding before the length through.
    if (has_coding_ && has_length_) error = Http1Error::ambiguous_length;
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(Text body, error_code&) override { return hand_on(body); }
  void on_chunk_header_impl(std::uint64_t size, Text, error_code&) override { chunk_left_ = size; }
  std::size_t on_chunk_body_impl(std::uint64_t left, Text body, error_code&) override {
    chunk_left_ = left - body.size();
    return hand_on(body);
  }
  void on_finish_impl(error_code&) override {}

  std::size_t hand_on(Text body) {
    visitor_.on_body({reinterpret_cast<const std::uint8_t*>(body.data()), body.size()});
    return body.size();
  }

  Http1Response::Visitor& visitor_;
  std::uint64_t chunk_left_ = 0;
  int version_ = 0;
  bool has_length_ = false, has_coding_ = false;
};

}  // namespace

error_code make_error_code(Http1Error error) {
  static const Http1ErrorCategory category;
  return {static_cast<int>(error), category};
}

class Http1Response::Machine {
 public:
  Machine(Visitor& visitor, const Http1Limits& limits, bool to_head)
      : visitor_(visitor), limits_(limits), to_head_(to_head) {
    begin_head();
  }

  boost::system::result<std::size_t> feed(std::span<const std::uint8_t> bytes) {
    std::size_t taken = 0;
    while (taken < bytes.size() && !complete()) {
      const std::string_view rest = text(bytes.subspan(taken));
      error_code error;
      if (!parser_->is_header_done())
        taken += take_head(rest, error);
      else if (parser_->in_framing())
        taken += take_framing(rest, error);
      else
        taken += parser_->put_text(rest, error);
      if (error) return error;
    }
    return taken;
  }

  boost::system::result<void> end() {
    if (complete()) return {};
    if (!parser_->got_some()) return make_error_code(held_.empty() ? Http1Error::no_answer : Http1Error::cut);
    error_code error;
    parser_->put_eof(error);
    if (error == beast::http::error::partial_message) error = Http1Error::cut;
    if (error) return error;
    return {};
  }

  [[nodiscard]] bool complete() const { return parser_->is_done(); }
  [[nodiscard]] bool keep_alive() const { return parser_->keep_alive(); }

 private:
  void begin_head() {
    held_.clear();
    scanner_.emplace(limits_);
    parser_.emplace(visitor_, to_head_);
  }

  std::size_t take_head(std::string_view rest, error_code& error) {
    for (std::size_t size = 1; size <= rest.size(); ++size) {
      error = scanner_->take(rest[size - 1]);
      if (error) return size;
      if (!scanner_->done()) continue;
      held_.append(rest.substr(0, size));
      parse_head(error);
      return size;
    }
    held_.append(rest);
    return rest.size();
  }

  void parse_head(error_code& error) {
    const std::size_t parsed = parser_->put_text(held_, error);
    if (error) return;
    check(parsed == held_.size() && parser_->is_header_done(), "a whole head is parsed at once");
    held_ = {};  // an event stream lives for days: its head need not
    ResponseHead& head = parser_->head;
    if (head.status >= 200) return visitor_.on_head(std::move(head), parser_->is_done());
    // RFC 9110 §15.2: "A client MUST be able to parse one or more 1xx responses"; §15.2.2: 101 answers an Upgrade.
    if (head.status == 101) error = Http1Error::unasked_upgrade;
    if (++interim_ > limits_.interim_max) error = Http1Error::too_many_interim;
    if (!error) begin_head();
  }

  // Most lines are there whole, and are parsed where they lie; the others are held until they are.
  std::size_t take_framing(std::string_view rest, error_code& error) {
    const std::size_t held = held_.size();
    const std::string_view offered = rest.substr(0, limits_.header_bytes_max - held);
    if (held != 0) held_.append(offered);
    const std::string_view lines = held != 0 ? held_ : offered;
    // Beast 1.81 asserts five bytes where it looks at a last chunk again: "0\r\n" and one more are four.
    if (held == 3 && lines.size() == 4 && lines.starts_with("0\r\n")) return offered.size();
    const std::size_t parsed = parser_->put_text(lines, error);
    if (error == beast::http::error::need_more) {
      error =
          lines.size() == limits_.header_bytes_max ? make_error_code(Http1Error::chunk_line_too_long) : error_code();
      if (held == 0) held_.assign(offered);
      return offered.size();
    }
    if (error) return 0;
    check(parsed > held, "a line that was not there whole ends in what was added");
    const std::string_view framing = lines.substr(0, parsed);
    if (framing.find("\r\n ") != framing.npos || framing.find("\r\n\t") != framing.npos)
      error = Http1Error::folded_line;  // in the trailers
    held_.clear();
    return parsed - held;
  }

  Visitor& visitor_;
  const Http1Limits limits_;
  const bool to_head_;
  std::string held_;  // the beginning of a head, of a chunk's line or of the trailers
  std::optional<HeadScanner> scanner_;
  std::optional<Parser> parser_;
  unsigned interim_ = 0;
};

Http1Response::Http1Response(Visitor& visitor, const Http1Limits& limits, bool to_head)
    : machine_(std::make_unique<Machine>(visitor, limits, to_head)) {}
Http1Response::~Http1Response() = default;

boost::system::result<std::size_t> Http1Response::feed(std::span<const std::uint8_t> bytes) {
  return machine_->feed(bytes);
}
boost::system::result<void> Http1Response::end() { return machine_->end(); }
bool Http1Response::complete() const { return machine_->complete(); }
bool Http1Response::keep_alive() const { return machine_->keep_alive(); }

}  // namespace sluice::proto
