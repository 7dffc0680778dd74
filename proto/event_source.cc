#include "proto/event_source.h"

#include <algorithm>
#include <charconv>

namespace sluice::proto {
namespace {

// An event that is too large and says its id last, or none, comes again after each reconnect, and what follows it
// cannot be had from there. So many streams may end inside it, each with twice the time of the one before.
constexpr unsigned inside_count_max = 4;

bool equal_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char byte, char expected) {
    return (byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte) == expected;
  });
}

// The essence of a MIME type: `Text/Event-Stream ; charset=utf-8` is an event stream.
bool is_event_stream(std::string_view content_type) {
  constexpr std::string_view space = " \t";
  content_type = content_type.substr(0, content_type.find(';'));
  content_type.remove_prefix(std::min(content_type.find_first_not_of(space), content_type.size()));
  content_type = content_type.substr(0, content_type.find_last_not_of(space) + 1);
  return equal_ignoring_case(content_type, "text/event-stream");
}

// Retry-After as seconds (RFC 9110 §10.2.3); a date counts as none, because a pure machine has no clock.
std::chrono::milliseconds retry_after(const ResponseHead& head) {
  const std::string_view value = find_field(head.fields, "retry-after");
  std::uint32_t seconds = 0;
  const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error != std::errc() || stop != value.data() + value.size()) return std::chrono::milliseconds(0);
  return std::min<std::chrono::milliseconds>(std::chrono::seconds(seconds), sse::retry_max);
}

}  // namespace

std::string event_stream_refusal(const ResponseHead& head) {
  // §9.2.2, processResponse: "if res's status is not 200, or if res's `Content-Type` is not `text/event-stream`, then
  // fail the connection".
  if (head.status != 200) return "status " + std::to_string(head.status);
  const std::string_view content_type = find_field(head.fields, "content-type");
  return is_event_stream(content_type) ? std::string() : "content-type '" + std::string(content_type) + "'";
}

EventSource::EventSource(sse::ParserVisitor& visitor, Options options)
    : visitor_(visitor),
      parser_(*this, options.event_size_max, options.skip_too_large),
      reconnection_time_(options.reconnection_time),
      reconnection_time_min_(options.reconnection_time_min),
      retry_statuses_(options.retry_statuses) {
  parser_.set_last_event_id(std::move(options.last_event_id));
}

std::vector<Field> EventSource::request_fields() const {
  // §9.2.2, constructor: "Set (`Accept`, `text/event-stream`)"; "Set request's cache mode to "no-store"."
  std::vector<Field> fields{{"accept", "text/event-stream"}, {"cache-control", "no-store"}};
  // §9.2.3, reestablish, 5.3: "If the EventSource object's last event ID string is not the empty string".
  if (!last_event_id().empty()) fields.push_back({"last-event-id", last_event_id()});
  return fields;
}

EventSource::State EventSource::on_head(const ResponseHead& head) {
  if (state_ == State::closed) return state_;
  const int status = head.status;
  if (retry_statuses_ && (status == 429 || status == 502 || status == 503)) {
    retry_after_ = retry_after(head);
    return on_end();
  }
  if (std::string refusal = event_stream_refusal(head); !refusal.empty()) return fail(std::move(refusal));
  // "Otherwise, announce the connection and interpret res's body line by line."
  parser_.restart();
  retry_after_ = std::chrono::milliseconds(0);
  return state_ = State::open;
}

EventSource::State EventSource::on_body(std::string_view bytes) {
  if (state_ != State::open) return state_;
  // The same event would come again after a reconnect: give up instead.
  if (const auto fed = parser_.feed(bytes); !fed && state_ == State::open) return fail(fed.error().message());
  return state_;
}

EventSource::State EventSource::on_end() {
  // §9.2.3, reestablish the connection, 1.1: "If the readyState attribute is set to CLOSED, abort the task."
  if (state_ == State::closed) return state_;
  end_stream();
  // 1.2: "Set the readyState attribute to CONNECTING." Waiting (2.) and asking again (5.) are the owner's.
  return state_ = State::connecting;
}

void EventSource::end_stream() {
  const bool inside = parser_.passing_over();
  const std::string at = last_event_id();
  parser_.restart();
  if (!inside || last_event_id() != at) return;
  if (inside_at_ != at) inside_count_ = 0;
  inside_at_ = at;
  if (++inside_count_ != inside_count_max) return;
  inside_count_ = 0;
  parser_.set_last_event_id({});
  on_too_large({});
}

void EventSource::close() { state_ = State::closed; }

std::chrono::milliseconds EventSource::reconnection_delay() const {
  return std::max({reconnection_time_, reconnection_time_min_, retry_after_});
}

// §9.2.3: "fail the connection": "Once the user agent has failed the connection, it does not attempt to reconnect."
EventSource::State EventSource::fail(std::string reason) {
  close_reason_ = std::move(reason);
  return state_ = State::closed;
}

void EventSource::on_event(const sse::EventView& event) {
  inside_count_ = 0;
  if (state_ == State::open) visitor_.on_event(event);
}

void EventSource::on_retry(std::chrono::milliseconds time) {
  reconnection_time_ = time;
  if (state_ == State::open) visitor_.on_retry(time);
}

void EventSource::on_comment(std::string_view text) {
  if (state_ == State::open) visitor_.on_comment(text);
}

void EventSource::on_too_large(std::string_view last_event_id) {
  inside_count_ = 0;
  if (state_ == State::open) visitor_.on_too_large(last_event_id);
}

}  // namespace sluice::proto
