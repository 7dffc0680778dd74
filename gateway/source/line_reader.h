// LineReader: a program's output or a file's text → events, whatever the chunks: plain lines, NDJSON or an event stream
// (HTML §9.2.6). Pure; owned by LineFeed, on the home worker's thread.
//   lines    a line is an event's data; blank ones are none
//   ndjson   an object with `data`, and no members but event, data, topic, key, id, is an envelope; any other JSON is
//            itself the data, as it stands
//   sse      event and data as the standard has them; id and retry are the program's own affair
//   auto     an event stream when the first line that is not blank begins with one of its fields or a colon;
//            else lines, of which those that are JSON objects are read as NDJSON
// `map.*` keys look into the JSON of the line (sse: of the data) and win over all of that.
// Invariant: it holds at most one line of limits.event_size; a longer one is dropped and reading goes on behind it.
#pragma once

#include <string>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/topic/event.h"
#include "proto/sse.h"

namespace sluice::source {

// A callback must not call its reader.
class LineVisitor {
 public:
  // `topic`: below the source's name; empty: the source's own topic. Neither is sanitised yet. `mended`: its line was
  // no good as it stood.
  virtual void on_event(const std::string& topic, topic::Event&& event, bool mended) = 0;
  // A line, or an event, of which nothing can be made.
  virtual void on_poison(const char* why) = 0;

 protected:
  ~LineVisitor() = default;
};

class LineReader final : private proto::sse::ParserVisitor {
 public:
  LineReader(const config::Source& source, const config::Limits& limits, LineVisitor& visitor);

  void feed(std::string_view bytes);
  // The stream has ended. `whole`: in good order, so that a last line without its end counts. False: it broke off
  // inside a line or an event.
  [[nodiscard]] bool finish(bool whole);
  // A stream begins.
  void restart();
  // A stream begins inside a text, behind these bytes (the last four are enough): what is not there from its beginning
  // is passed over.
  void begin_after(std::string_view before);

 private:
  enum class Form : std::uint8_t { undecided, lines, sse };

  void take_line(std::string_view line);
  void take_stream_line(std::string_view line);
  void take_text(std::string_view line);
  [[nodiscard]] bool take_object(std::string_view line);
  void decide(std::string_view line);
  void drop_stream_event(const char* why);
  void send(std::string_view payload, std::string topic, topic::Event&& event);
  void on_event(const proto::sse::EventView& event) override;

  const config::Source::Format format_;
  const config::Mapping map_;  // JSON pointers
  const bool mapped_;
  const std::size_t line_size_max_;
  LineVisitor& visitor_;
  proto::sse::Parser parser_;
  std::string rest_;  // the beginning of a line whose end has not come yet
  Form form_ = Form::undecided;
  bool mended_ = false;        // the line that is being taken was no good as it stood
  bool started_ = false;       // a line came: a byte order mark is decided
  bool after_cr_ = false;      // the last byte was CR: an LF now belongs to it
  bool skip_line_ = false;     // until its end: it is too long, or began before us
  bool skip_event_ = false;    // until the blank line
  bool inside_event_ = false;  // fields of an event came, the blank line did not
};

}  // namespace sluice::source
