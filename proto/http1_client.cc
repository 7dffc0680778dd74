#include "proto/http1_client.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "proto/check.h"

namespace sluice::proto {
namespace {

// Of a request, for one flush(): what a socket takes in a few turns. The rest waits here, not in its sender's buffer.
constexpr std::size_t piece_bytes_max = 256 * 1024;

// RFC 9112 §3.2: a request target and a host end at the first blank.
bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}
// RFC 9110 §5.5: "CR, LF, and NUL characters are invalid and dangerous".
bool is_value(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}
bool is_name(std::string_view text) { return is_word(text) && text.find(':') == text.npos; }

bool writable(const Request& head) {
  return is_word(head.method) && is_word(head.authority) && is_word(head.path) &&
         (head.query.empty() || is_word(head.query)) && std::ranges::all_of(head.fields, [](const Field& field) {
           return is_name(field.name) && is_value(field.value);
         });
}

// RFC 9110 §7.6.1 and the ones that we write: they speak of the connection or of where the message ends.
bool belongs_to_connection(std::string_view name) {
  constexpr std::string_view names[] = {"host",       "content-length", "transfer-encoding", "connection",
                                        "keep-alive", "upgrade",        "proxy-connection",  "te",
                                        "trailer",    "expect"};
  return std::ranges::find(names, name) != std::end(names);
}

std::string write(const Request& head, const std::string& body) {
  std::string out;
  out.append(head.method).append(" ").append(head.path);
  if (!head.query.empty()) out.append("?").append(head.query);
  out.append(" HTTP/1.1\r\nhost: ").append(head.authority).append("\r\n");
  for (const Field& field : head.fields)
    if (!belongs_to_connection(field.name)) out.append(field.name).append(": ").append(field.value).append("\r\n");
  // RFC 9110 §8.6: a method that gives content a meaning says that there is none.
  if (!body.empty() || (head.method != "GET" && head.method != "HEAD"))
    out.append("content-length: ").append(std::to_string(body.size())).append("\r\n");
  return out.append("\r\n").append(body);
}

}  // namespace

Http1Client::Http1Client(const Http1Limits& limits) : limits_(limits) {}

Http1Client::~Http1Client() {
  if (response_ != nullptr) close(error_ ? ErrorCode::protocol_error : ErrorCode::cancel);
}

void Http1Client::request(StreamId id, const Request& head, ResponseVisitor& response, const std::string& body) {
  check(idle(), "one request at a time");
  response_ = &response;
  id_ = id;
  to_head_ = head.method == "HEAD";
  abandoned_ = paused_ = false;
  unwritable_ = !writable(head);
  if (!unwritable_) unsent_ = write(head, body);
}

void Http1Client::abandon() { abandoned_ = true; }

void Http1Client::receive(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty() && !finished_ && !error_ && !(busy() && abandoned_)) {
    // Bytes that no request asked for: the end of an idle connection, said (408) or not. They could not be told from
    // the next response.
    if (!reader_) {
      finished_ = true;
      return;
    }
    const auto taken = reader_->feed(bytes);
    if (abandoned_) return;
    if (!taken) return fail(taken.error());
    bytes = bytes.subspan(*taken);
    if (reader_->complete()) finish();
  }
}

void Http1Client::receive_end() {
  if (finished_ || error_ || (busy() && abandoned_)) return;
  if (!busy()) {
    finished_ = true;
    return;
  }
  if (!reader_) return fail(Http1Error::no_answer);
  if (const auto ended = reader_->end(); !ended) return fail(ended.error());
  finish();
}

void Http1Client::flush(ByteBuffer& out) {
  if (!busy() || error_) return;
  if (unwritable_) return close(ErrorCode::protocol_error);
  if (abandoned_) {
    finished_ = reader_.has_value();  // what was never sent leaves the connection as it was
    return close(ErrorCode::cancel);
  }
  if (!wants_flush()) return;
  const std::string_view piece = std::string_view(unsent_).substr(unsent_offset_, piece_bytes_max);
  out.append(piece);
  unsent_offset_ += piece.size();
  if (!wants_flush()) {
    unsent_ = {};
    unsent_offset_ = 0;
  }
  if (reader_) return;
  Http1Response::Visitor& visitor = *this;
  reader_.emplace(visitor, limits_, to_head_);
}

void Http1Client::on_head(ResponseHead&& head, bool end) { response_->on_head(id_, std::move(head), end); }

void Http1Client::on_body(std::span<const std::uint8_t> bytes) {
  if (!abandoned_) response_->on_body(id_, bytes);
}

void Http1Client::finish() {
  // RFC 9112 §9.3: an answer that came before the end of its request leaves a connection on which nothing can follow.
  if (!reader_->keep_alive() || wants_flush()) finished_ = true;
  close(ErrorCode::no_error);
}

void Http1Client::close(ErrorCode code) {
  reader_.reset();
  unsent_ = {};
  unsent_offset_ = 0;
  std::exchange(response_, nullptr)->on_close(id_, static_cast<std::uint32_t>(code));
}

// The request is told when this is destroyed, by an owner who can say why.
void Http1Client::fail(const boost::system::error_code& error) {
  error_ = ConnectionError{static_cast<std::uint32_t>(ErrorCode::protocol_error), error.message()};
}

}  // namespace sluice::proto
