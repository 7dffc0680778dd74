// text/event-stream: the encoder that makes an entry's bytes and the WHATWG parser that reads them (HTML §9.2.5,
// §9.2.6). Pure; used by topic/entry (once per event), by serve/event_stream (retry, comments, gaps) and by every
// client of ours. Invariant: one encoded event is one event to a parser, with equal data after newline normalisation,
// whatever the data.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
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

// `id` and `type` must be a valid_field(): anything else is a bug of the caller and ends the process.
void append_id(std::string& out, std::string_view id);  // "id: 7\n"
// The rest of an event: "event: price\n" (omitted when empty), one "data: …\n" per line, "\n". Seven bytes more per
// line; a string that was empty gets the capacity it needs and no more.
void append_event(std::string& out, std::string_view type, std::string_view data);
void append_retry(std::string& out, std::chrono::milliseconds time);  // "retry: 2000\n"; below 0 is 0
void append_comment(std::string& out, std::string_view text);         // ": text\n\n"; CR, LF and NUL become spaces

// --- Reading -------------------------------------------------------------------------------------------------------

enum class ParseError : std::uint8_t { line_too_long = 1, event_too_large };
[[nodiscard]] boost::system::error_code make_error_code(ParseError error);

// The largest reconnection time that is reported; a longer one means this one. Adding it to a clock cannot overflow.
inline constexpr std::chrono::milliseconds retry_max{2'147'483'647};

// A dispatched event (HTML §9.2.6). The bytes as they came: text that is not UTF-8 is not replaced. The views live
// until the callback returns.
struct EventView {
  std::string_view type;  // "message" when the stream named none
  std::string_view data;
  std::string_view last_event_id;  // the stream's, after this event
  bool has_id = false;             // it had an `id:` of its own
};

// A callback must not call its parser.
class ParserVisitor {
 public:
  virtual void on_event(const EventView& event) = 0;
  virtual void on_retry(std::chrono::milliseconds) {}
  virtual void on_comment(std::string_view) {}
  // In the place of an event that is too large, where such are passed over. `last_event_id`: after it.
  virtual void on_too_large(std::string_view /*last_event_id*/) {}

 protected:
  ~ParserVisitor() = default;
};

// Incremental: any chunking of the bytes gives the same calls. Allocates only to grow a buffer.
class Parser {
 public:
  // `event_size_max`: bytes of one event's data; a line may be 16 bytes longer, for its field name. Above it feed()
  // fails, and goes on failing until restart(): the stream must be dropped. With `skip_too_large` the event is passed
  // over instead, however long it is, at no cost in memory.
  explicit Parser(ParserVisitor& visitor, std::size_t event_size_max = 16 * 1024 * 1024, bool skip_too_large = false);

  [[nodiscard]] boost::system::result<void> feed(std::string_view bytes);
  // A new stream begins (reconnect): pending data is discarded, the last event id stays. An event that was being passed
  // over is behind it if it had begun with its id: asked for again it would come again.
  void restart();
  // What comes belongs to an event or a comment that is too large, and whose end has not come.
  [[nodiscard]] bool passing_over() const { return too_large_ || in_long_line_; }
  // Goes on where another parser left the same stream between_events(): many streams can share a few parsers.
  void go_on(std::string last_event_id);
  // Nothing of the stream but its last event id is kept here: the next bytes begin a line of the next event.
  [[nodiscard]] bool between_events() const;
  [[nodiscard]] const std::string& last_event_id() const { return last_event_id_; }
  void set_last_event_id(std::string id);

 private:
  std::string_view skip_byte_order_mark(std::string_view bytes);
  void take_line(std::string_view line);
  void take_field(std::string_view name, std::string_view value);
  void take_retry(std::string_view value);
  void dispatch();
  [[nodiscard]] bool pass_over(ParseError error);
  void drop_event();

  ParserVisitor& visitor_;
  std::size_t event_size_max_;
  std::string line_;  // the beginning of a line whose end has not come yet
  std::string data_, type_, id_buffer_, last_event_id_;
  std::optional<ParseError> error_;
  unsigned mark_size_ = 0;  // bytes of a byte order mark seen at the beginning of the stream
  const bool skip_too_large_;
  bool too_large_ = false;                            // the event that has begun
  bool in_long_line_ = false, long_comment_ = false;  // whose beginning was dropped
  bool has_id_ = false;
  bool started_ = false;   // the byte order mark is decided
  bool after_cr_ = false;  // the last byte was CR: an LF now belongs to it
};

}  // namespace sluice::proto::sse

template <>
struct boost::system::is_error_code_enum<sluice::proto::sse::ParseError> : std::true_type {};
