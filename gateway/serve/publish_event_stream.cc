// A publish body in text/event-stream (HTML §9.2.6), read strictly. proto::sse::Parser is the standard's forgiving
// reader: it drops an unfinished or empty event, lets an id stick to the events after it and ignores one with NUL. A
// publisher must be told instead, so this reads the lines itself; the fuzz target holds both to the same events.
#include <algorithm>
#include <string>

#include "gateway/serve/publish_body.h"
#include "proto/sse.h"

namespace sluice::serve {
namespace {

class Reader {
 public:
  explicit Reader(const PublishLimits& limits) : limits_(limits) {}

  PublishBody read(std::string_view body) {
    if (body.starts_with("\xef\xbb\xbf")) body.remove_prefix(3);
    std::size_t begin = 0;
    std::size_t cr = 0, lf = 0;  // the next of each at or after `begin`: each is searched once, by memchr
    while (begin < body.size()) {
      if (cr != std::string_view::npos && cr <= begin) cr = body.find('\r', begin);
      if (lf != std::string_view::npos && lf <= begin) lf = body.find('\n', begin);
      const std::size_t end = std::min(cr, lf);
      if (end == std::string_view::npos) break;
      ++line_;
      if (!take_line(body.substr(begin, end - begin))) return std::move(problem_);
      begin = body.substr(end).starts_with("\r\n") ? end + 2 : end + 1;
    }
    if (begin < body.size() || started_)
      return fail("unfinished-event", "the last event is not complete: end it with an empty line");
    if (events_.empty()) return Problem{.error = "no-events", .detail = "the body holds no event"};
    return std::move(events_);
  }

 private:
  bool take_line(std::string_view line) {
    if (line.empty()) return take_end();
    if (line.front() == ':') return true;
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (name == "retry") {
      problem_ = fail("reserved-field", "retry: is the gateway's own: it gives each subscriber its reconnection time");
      return false;
    }
    if (name == "data") {
      if (has_data_) event_.data += '\n';
      event_.data += value;
      has_data_ = true;
    } else if (name == "event") {
      event_.type = value;
    } else if (name == "id") {
      event_.idempotency_key = value;
    } else {
      return true;  // §9.2.6: "Otherwise, the field is ignored."
    }
    if (!started_) first_line_ = line_;
    started_ = true;
    return true;
  }

  bool take_end() {
    if (!started_) return true;
    if (!has_data_) {
      problem_ = fail("no-data", "the event has no data: line, so no subscriber would ever see it");
      return false;
    }
    if (auto problem = refuse(event_, limits_)) {
      problem_ = std::move(*problem);
      problem_.pointer.clear();
      problem_.where = "event " + std::to_string(events_.size() + 1) + ", line " + std::to_string(first_line_);
      return false;
    }
    if (events_.size() == limits_.events) {
      problem_ = too_many_events(limits_);
      return false;
    }
    events_.push_back(std::move(event_));
    event_ = {};
    started_ = has_data_ = false;
    return true;
  }

  [[nodiscard]] Problem fail(std::string error, std::string detail) const {
    return {.error = std::move(error),
            .detail = std::move(detail),
            .where = "event " + std::to_string(events_.size() + 1) + ", line " +
                     std::to_string(started_     ? first_line_
                                    : line_ == 0 ? 1
                                                 : line_)};
  }

  const PublishLimits& limits_;
  std::vector<topic::Event> events_;
  topic::Event event_;
  Problem problem_;
  std::size_t line_ = 0, first_line_ = 1;    // counted from 1
  bool started_ = false, has_data_ = false;  // a field, or data, since the last empty line
};

}  // namespace

PublishBody parse_event_stream_body(std::string_view body, const PublishLimits& limits) {
  return Reader(limits).read(body);
}

}  // namespace sluice::serve
