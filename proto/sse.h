// text/event-stream: the encoder that makes an entry's bytes and the WHATWG parser that reads them (HTML §9.2.5,
// §9.2.6). Pure; used by topic/entry (once per event), by serve/event_stream (retry, comments, gaps) and by every
// client of ours. Invariant: one encoded event is one event to a parser, with equal data after newline normalisation,
// whatever the data.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/system/result.hpp>

namespace sluice::proto::sse {

// --- Writing -------------------------------------------------------------------------------------------------------

// Whether text may stand in an `id:` or `event:` field: no CR, LF or NUL. The one place where that is checked.
[[nodiscard]] bool valid_field(std::string_view text);
[[nodiscard]] bool valid_utf8(std::string_view text);
// The number of lines that `data` becomes: CR, LF and CRLF each end one.
[[nodiscard]] std::size_t line_count(std::string_view data);

void append_id(std::string& out, std::string_view id);  // "id: 7\n"
// The rest of an event: "event: price\n" (omitted when empty), one "data: …\n" per line, "\n".
void append_event(std::string& out, std::string_view type, std::string_view data);
void append_retry(std::string& out, std::chrono::milliseconds time);  // "retry: 2000\n"
void append_comment(std::string& out, std::string_view text);         // ": text\n\n"; line ends become spaces

// --- Reading -------------------------------------------------------------------------------------------------------

enum class ParseError : std::uint8_t { line_too_long = 1, event_too_large };
[[nodiscard]] boost::system::error_code make_error_code(ParseError error);

// A dispatched event (HTML §9.2.6). The views live until the callback returns.
struct EventView {
  std::string_view type;  // "message" when the stream named none
  std::string_view data;
  std::string_view last_event_id;  // the stream's, after this event
};

class ParserVisitor {
 public:
  virtual void on_event(const EventView& event) = 0;
  virtual void on_retry(std::chrono::milliseconds) {}
  virtual void on_comment(std::string_view) {}

 protected:
  ~ParserVisitor() = default;
};

// Incremental: any chunking of the bytes gives the same calls.
class Parser {
 public:
  // `event_size_max`: bytes of one line and of one event's data; above it feed() fails and the stream must be dropped.
  explicit Parser(ParserVisitor& visitor, std::size_t event_size_max = 16 * 1024 * 1024);

  [[nodiscard]] boost::system::result<void> feed(std::string_view bytes);
  // A new stream begins (reconnect): pending data is discarded, the last event id stays.
  void restart();
  [[nodiscard]] const std::string& last_event_id() const { return last_event_id_; }
  void set_last_event_id(std::string id) { last_event_id_ = std::move(id); }

 private:
  void take_line(std::string_view line);

  ParserVisitor& visitor_;
  std::size_t event_size_max_;
  std::string line_, type_, data_, id_buffer_, last_event_id_;
  bool started_ = false, after_cr_ = false, has_data_ = false;
};

}  // namespace sluice::proto::sse

template <>
struct boost::system::is_error_code_enum<sluice::proto::sse::ParseError> : std::true_type {};
