#include "gateway/source/line_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/source/mapping.h"
#include "gateway/source/sanitise.h"

namespace sluice::source {

namespace {

// What a line of an event stream may have beside its value: "data: ".
constexpr std::size_t field_name_size = 16;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

config::Mapping pointers_of(const config::Mapping& map) {
  return {.topic = pointer_of(map.topic),
          .event = pointer_of(map.event),
          .data = pointer_of(map.data),
          .key = pointer_of(map.key)};
}

bool blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

// Whether a text that begins with this line is an event stream: a comment, or a field that the standard knows.
bool begins_event_stream(std::string_view line) {
  static constexpr std::array<std::string_view, 4> fields = {"data", "event", "id", "retry"};
  const std::size_t colon = line.find(':');
  return colon == 0 ||
         (colon != std::string_view::npos && std::ranges::find(fields, line.substr(0, colon)) != fields.end());
}

}  // namespace

LineReader::LineReader(const config::Source& source, const config::Limits& limits, LineVisitor& visitor)
    : format_(source.format),
      map_(pointers_of(source.map)),
      mapped_(!map_.topic.empty() || !map_.event.empty() || !map_.data.empty() || !map_.key.empty()),
      line_size_max_(limits.event_size + field_name_size),
      visitor_(visitor),
      parser_(*this, limits.event_size) {
  restart();
}

void LineReader::restart() {
  rest_.clear();
  parser_.restart();
  form_ = format_ == config::Source::Format::automatic ? Form::undecided
          : format_ == config::Source::Format::sse     ? Form::sse
                                                       : Form::lines;
  started_ = after_cr_ = skip_line_ = skip_event_ = inside_event_ = mended_ = false;
}

void LineReader::begin_after(std::string_view before) {
  restart();
  if (before.empty()) return;
  started_ = true;
  skip_line_ = !before.ends_with('\n');
  skip_event_ = form_ == Form::sse && !before.ends_with("\n\n") && !before.ends_with("\n\r\n");
}

void LineReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    // Only event streams may end their lines with CR alone (§9.2.5).
    const std::size_t end = form_ == Form::sse ? bytes.find_first_of("\r\n") : bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (!skip_line_ && rest_.size() + piece.size() > line_size_max_) {
      rest_.clear();
      skip_line_ = true;
      form_ == Form::sse ? drop_stream_event("a line is longer than limits.event_size: its event is dropped")
                         : visitor_.on_poison("a line is longer than limits.event_size: dropped");
    }
    if (end == std::string_view::npos) {
      if (!skip_line_) rest_ += piece;
      return;
    }
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    if (std::exchange(skip_line_, false)) continue;
    if (rest_.empty()) {
      take_line(piece);
    } else {
      rest_ += piece;
      take_line(std::exchange(rest_, {}));
    }
  }
}

bool LineReader::finish(bool whole) {
  if (whole && !rest_.empty()) take_line(std::exchange(rest_, {}));
  const bool complete = rest_.empty() && !skip_line_ && !skip_event_ && !inside_event_;
  restart();
  return complete;
}

void LineReader::take_line(std::string_view line) {
  if (!std::exchange(started_, true) && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  if (form_ == Form::undecided && !blank(line)) decide(line);
  if (form_ == Form::sse) return take_stream_line(line);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!blank(line)) take_text(line);
}

void LineReader::decide(std::string_view line) { form_ = begins_event_stream(line) ? Form::sse : Form::lines; }

// --- Event streams

void LineReader::take_stream_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) {
    inside_event_ = false;
    if (std::exchange(skip_event_, false)) return;
  } else if (line.front() != ':') {
    inside_event_ = true;
  }
  if (skip_event_) return;
  if (!parser_.feed(line) || !parser_.feed("\n"))
    drop_stream_event("an event is larger than limits.event_size: dropped");
}

void LineReader::drop_stream_event(const char* why) {
  parser_.restart();
  // One event is counted once, however many of its lines are too long.
  if (!std::exchange(skip_event_, true)) visitor_.on_poison(why);
}

void LineReader::on_event(const proto::sse::EventView& event) {
  send(event.data, {},
       {.type = std::string(event.type == "message" ? "" : event.type), .data = std::string(event.data)});
}

// --- Lines

void LineReader::take_text(std::string_view line) {
  std::string mended;
  mended_ = !proto::sse::valid_utf8(line) || line.find('\0') != std::string_view::npos;
  if (mended_) {
    mended = with_valid_utf8(line);
    std::erase(mended, '\0');
    line = mended;
  }
  const bool object = line[line.find_first_not_of(" \t")] == '{';
  const bool json =
      format_ == config::Source::Format::ndjson || (format_ == config::Source::Format::automatic && object);
  if (json && object && take_object(line)) return;
  if (format_ == config::Source::Format::ndjson && !valid_json(line))
    return visitor_.on_poison("a line is not JSON: dropped (format = \"lines\" would deliver it)");
  send(line, {}, {.data = std::string(line)});
}

// False: the line is no JSON object.
bool LineReader::take_object(std::string_view line) {
  const auto members = members_of(line);
  if (!members) return false;
  topic::Event event{.data = std::string(line)};
  std::string topic;
  const auto is = [](std::string_view name) { return [name](const Member& member) { return member.name == name; }; };
  const bool envelope =
      std::ranges::any_of(*members, is("data")) && std::ranges::all_of(*members, [](const Member& member) {
        return member.name == "data" || member.name == "event" || member.name == "topic" || member.name == "key" ||
               member.name == "id";
      });
  if (envelope)
    for (const Member& member : *members) {
      if (member.name == "data") {
        event.data = text_of(member.value);
      } else if (member.value != "null") {
        if (member.name == "event") event.type = text_of(member.value);
        if (member.name == "topic") topic = text_of(member.value);
        if (member.name == "key") event.key = text_of(member.value);
      }
    }
  send(line, std::move(topic), std::move(event));
  return true;
}

// What the map.* keys find in the payload wins; what they do not find is absent, but for the data.
void LineReader::send(std::string_view payload, std::string topic, topic::Event&& event) {
  if (mapped_) {
    const std::string source(payload);  // the payload may be the event's own data
    const auto mapped = [&](const std::string& pointer) { return by_pointer(source, pointer); };
    if (!map_.topic.empty()) topic = mapped(map_.topic).value_or("");
    if (!map_.event.empty()) event.type = mapped(map_.event).value_or("");
    if (!map_.key.empty()) event.key = mapped(map_.key);
    if (!map_.data.empty())
      if (auto data = mapped(map_.data)) event.data = std::move(*data);
  }
  if (event.key && event.key->empty()) event.key.reset();
  visitor_.on_event(topic, std::move(event), std::exchange(mended_, false));
}

}  // namespace sluice::source
