#include "proto/sse.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include <boost/locale/utf.hpp>

#include "proto/check.h"

namespace sluice::proto::sse {
namespace {

// The line ends of a text (HTML §9.2.5: CRLF, LF or CR). CR and LF are each looked for with memchr and remembered until
// passed, so a text is scanned once for each of them, however many lines it has.
class LineEnds {
 public:
  explicit LineEnds(std::string_view text)
      : end_(text.data() + text.size()), cr_(find(text.data(), '\r')), lf_(find(text.data(), '\n')) {}

  // The first CR or LF at or after `from`, or the end of the text. `from` never goes back.
  const char* next(const char* from) {
    if (cr_ < from) cr_ = find(from, '\r');
    if (lf_ < from) lf_ = find(from, '\n');
    return std::min(cr_, lf_);
  }
  // Where the line after the one that ends at `stop` begins.
  [[nodiscard]] const char* after(const char* stop) const {
    return *stop == '\r' && stop + 1 != end_ && stop[1] == '\n' ? stop + 2 : stop + 1;
  }

 private:
  const char* find(const char* from, char byte) const {
    if (from == end_) return end_;
    const void* found = std::memchr(from, byte, static_cast<std::size_t>(end_ - from));
    return found == nullptr ? end_ : static_cast<const char*>(found);
  }

  const char* end_;
  const char* cr_;
  const char* lf_;
};

std::size_t ascii_prefix_size(std::string_view text) {
  std::size_t size = 0;
  for (std::uint64_t word; text.size() - size >= sizeof word; size += sizeof word) {
    std::memcpy(&word, text.data() + size, sizeof word);
    if ((word & 0x8080808080808080U) != 0) break;
  }
  while (size < text.size() && static_cast<unsigned char>(text[size]) < 0x80) ++size;
  return size;
}

void append_field(std::string& out, std::string_view name_and_space, std::string_view value) {
  out.append(name_and_space).append(value).push_back('\n');
}

class ParseErrorCategory final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "sse"; }
  std::string message(int value) const override {
    switch (static_cast<ParseError>(value)) {
      case ParseError::line_too_long:
        return "a line of the event stream is too long";
      case ParseError::event_too_large:
        return "an event of the event stream is too large";
    }
    return "unknown error of the event stream";
  }
};

// What a line may have beside its value: "data: " and whatever else a name may be.
constexpr std::size_t field_name_size_max = 16;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

}  // namespace

// --- Writing -------------------------------------------------------------------------------------------------------

bool valid_field(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char byte) { return byte == '\r' || byte == '\n' || byte == '\0'; });
}

bool valid_utf8(std::string_view text) {
  using Utf8 = boost::locale::utf::utf_traits<char>;
  while (true) {
    text.remove_prefix(ascii_prefix_size(text));
    if (text.empty()) return true;
    const char* next = text.data();
    const char* const end = next + text.size();
    if (!boost::locale::utf::is_valid_codepoint(Utf8::decode(next, end))) return false;
    text.remove_prefix(static_cast<std::size_t>(next - text.data()));
  }
}

std::size_t line_count(std::string_view data) {
  LineEnds ends(data);
  const char* const end = data.data() + data.size();
  std::size_t count = 1;
  for (const char* stop = ends.next(data.data()); stop != end; stop = ends.next(ends.after(stop))) ++count;
  return count;
}

void append_id(std::string& out, std::string_view id) {
  check(valid_field(id), "an id with CR, LF or NUL");
  append_field(out, "id: ", id);
}

void append_event(std::string& out, std::string_view type, std::string_view data) {
  check(valid_field(type), "an event type with CR, LF or NUL");
  const char* from = data.data();
  const char* const end = from + data.size();
  LineEnds ends(data);
  const char* stop = ends.next(from);

  const std::size_t lines = stop == end ? 1 : line_count(data);
  const std::size_t type_size = type.empty() ? 0 : std::string_view("event: \n").size() + type.size();
  const std::size_t text_size = data.size() - (lines - 1);  // one more than needed for each CRLF
  out.reserve(out.size() + type_size + lines * std::string_view("data: \n").size() + text_size + 1);

  if (!type.empty()) append_field(out, "event: ", type);
  while (stop != end) {
    append_field(out, "data: ", {from, stop});
    from = ends.after(stop);
    stop = ends.next(from);
  }
  append_field(out, "data: ", {from, stop});
  out.push_back('\n');
}

void append_retry(std::string& out, std::chrono::milliseconds time) {
  char digits[20];
  const auto count = std::max<std::chrono::milliseconds::rep>(time.count(), 0);
  const char* const end = std::to_chars(digits, digits + sizeof digits, count).ptr;
  append_field(out, "retry: ", {digits, end});
}

void append_comment(std::string& out, std::string_view text) {
  out.append(": ");
  const std::size_t from = out.size();
  out.append(text);
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(from), out.end(),
      [](char byte) { return byte == '\r' || byte == '\n' || byte == '\0'; }, ' ');
  out.append("\n\n");
}

// --- Reading -------------------------------------------------------------------------------------------------------

boost::system::error_code make_error_code(ParseError error) {
  static const ParseErrorCategory category;
  return {static_cast<int>(error), category};
}

Parser::Parser(ParserVisitor& visitor, std::size_t event_size_max, bool skip_too_large)
    : visitor_(visitor), event_size_max_(event_size_max), skip_too_large_(skip_too_large) {}

void Parser::set_last_event_id(std::string id) {
  id_buffer_ = id;
  last_event_id_ = std::move(id);
}

void Parser::restart() {
  if (too_large_ && has_id_) {
    last_event_id_ = id_buffer_;
    visitor_.on_too_large(last_event_id_);
  }
  // §9.2.6: "Once the end of the file is reached, any pending data must be discarded."
  line_.clear();
  data_.clear();
  type_.clear();
  // §9.2.6 would begin a stream with an empty last event ID buffer, so that its first event without an id wiped the id
  // of the stream before. Browsers keep it, and so do we: a wiped id is a lost place.
  id_buffer_ = last_event_id_;
  error_.reset();
  mark_size_ = 0;
  started_ = after_cr_ = too_large_ = in_long_line_ = long_comment_ = has_id_ = false;
}

void Parser::go_on(std::string last_event_id) {
  set_last_event_id(std::move(last_event_id));
  restart();
  started_ = true;
}

bool Parser::between_events() const {
  return started_ && line_.empty() && data_.empty() && type_.empty() && id_buffer_ == last_event_id_ && !has_id_ &&
         !after_cr_ && !passing_over() && !error_;
}

// §9.2.5: stream = [ bom ] *event. "UTF-8 decode" strips one leading byte order mark and no other.
std::string_view Parser::skip_byte_order_mark(std::string_view bytes) {
  while (!started_ && !bytes.empty()) {
    if (bytes.front() == byte_order_mark[mark_size_]) {
      bytes.remove_prefix(1);
      started_ = ++mark_size_ == byte_order_mark.size();
    } else {
      line_.assign(byte_order_mark.substr(0, mark_size_));
      started_ = true;
    }
  }
  return bytes;
}

boost::system::result<void> Parser::feed(std::string_view bytes) {
  if (error_) return *error_;
  if (!started_) bytes = skip_byte_order_mark(bytes);
  if (bytes.empty()) return {};
  if (std::exchange(after_cr_, false) && bytes.front() == '\n') bytes.remove_prefix(1);

  const char* from = bytes.data();
  const char* const end = from + bytes.size();
  LineEnds ends(bytes);
  while (from != end) {
    const char* const stop = ends.next(from);
    const std::string_view piece(from, stop);
    const bool too_long = in_long_line_ || line_.size() + piece.size() > event_size_max_ + field_name_size_max;
    if (too_long) {
      if (!in_long_line_) long_comment_ = (line_.empty() ? piece : std::string_view(line_)).starts_with(':');
      if (!pass_over(ParseError::line_too_long)) return *error_;
      if (!long_comment_) drop_event();
      line_.clear();
      in_long_line_ = stop == end;
    }
    if (stop == end) {
      if (!too_long) line_.append(piece);
      break;
    }
    if (too_long) {
      // It ends here, and is none.
    } else if (line_.empty()) {
      take_line(piece);
    } else {
      take_line(line_.append(piece));
      line_.clear();
    }
    if (error_) return *error_;
    from = ends.after(stop);
    after_cr_ = from == end && *stop == '\r' && stop + 1 == end;
  }
  return {};
}

// False: an error.
bool Parser::pass_over(ParseError error) {
  if (!skip_too_large_) error_ = error;
  return skip_too_large_;
}

void Parser::drop_event() {
  too_large_ = true;
  std::string().swap(data_);
}

// §9.2.6: "Lines must be processed, in the order they are received, as follows".
void Parser::take_line(std::string_view line) {
  // "If the line is empty (a blank line): Dispatch the event, as defined below."
  if (line.empty()) return dispatch();
  const std::size_t colon = line.find(':');
  // "If the line starts with a U+003A COLON character (:): Ignore the line." It is reported, nothing more.
  if (colon == 0) return visitor_.on_comment(line.substr(line.starts_with(": ") ? 2 : 1));
  // "Otherwise, the string is not empty but does not contain a U+003A COLON character (:)": no value.
  if (colon == std::string_view::npos) return take_field(line, {});
  // "Collect the characters after the first U+003A COLON character; if value starts with a U+0020 SPACE, remove it."
  std::string_view value = line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  take_field(line.substr(0, colon), value);
}

// §9.2.6: "The steps to process the field given a field name and a field value". Names are compared exactly.
void Parser::take_field(std::string_view name, std::string_view value) {
  if (name == "event") {
    type_.assign(value);
  } else if (name == "data") {
    // Every line but the last keeps its LF in the data.
    if (too_large_ || data_.size() + value.size() > event_size_max_) {
      if (pass_over(ParseError::event_too_large)) drop_event();
      return;
    }
    data_.append(value).push_back('\n');
  } else if (name == "id") {
    if (value.find('\0') != std::string_view::npos) return;
    id_buffer_.assign(value);
    has_id_ = true;
  } else if (name == "retry") {
    take_retry(value);
  }
  // "Otherwise: The field is ignored."
}

// "If the field value consists of only ASCII digits, then interpret the field value as an integer in base ten."
void Parser::take_retry(std::string_view value) {
  const auto digit = [](char byte) { return byte >= '0' && byte <= '9'; };
  if (value.empty() || !std::all_of(value.begin(), value.end(), digit)) return;
  std::chrono::milliseconds::rep count = 0;
  for (const char byte : value) count = std::min<decltype(count)>(count * 10 + (byte - '0'), retry_max.count());
  visitor_.on_retry(std::chrono::milliseconds(count));
}

// §9.2.6: "When the user agent is required to dispatch the event".
void Parser::dispatch() {
  // 1. "Set the last event ID string of the event source to the value of the last event ID buffer." So an id sticks
  //    although its event has no data.
  last_event_id_ = id_buffer_;
  const bool has_id = std::exchange(has_id_, false);
  if (std::exchange(too_large_, false)) {
    data_.clear();
    type_.clear();
    return visitor_.on_too_large(last_event_id_);
  }
  // 2. "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string and
  //    return."
  if (data_.empty()) {
    type_.clear();
    return;
  }
  // 3. "If the data buffer's last character is a U+000A LINE FEED (LF) character, then remove it": it always is.
  data_.pop_back();
  // 4.-6. "Let event be the result of creating an event ..."
  visitor_.on_event({.type = type_.empty() ? std::string_view("message") : std::string_view(type_),
                     .data = data_,
                     .last_event_id = last_event_id_,
                     .has_id = has_id});
  // 7. "Set the data buffer and the event type buffer to the empty string."
  data_.clear();
  type_.clear();
}

}  // namespace sluice::proto::sse
