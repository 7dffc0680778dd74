#include "gateway/serve/publish_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "proto/sse.h"

namespace sluice::serve {
namespace {

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// "application/json; charset=UTF-8" → "application/json" and "utf-8".
struct ContentType {
  std::string media_type, charset;
};

ContentType parse_content_type(std::string_view text) {
  ContentType type;
  for (bool first = true; !text.empty(); first = false) {
    const std::size_t end = text.find(';');
    const std::string part = lower(trim(text.substr(0, end)));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (first) {
      type.media_type = part;
    } else if (part.starts_with("charset=")) {
      type.charset = part.substr(8);
      std::erase(type.charset, '"');
    }
  }
  return type;
}

// The first byte of the first sequence that is not UTF-8.
std::size_t invalid_utf8_offset(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (!proto::sse::valid_utf8(text.substr(i, size))) return i;
    i += size;
  }
  return text.size();
}

PublishBody parse_data_body(const QueryParameters& query, std::string_view body, const PublishLimits& limits) {
  if (body.empty())
    return Problem{.error = "empty-body",
                   .detail =
                       "the body is the event's data; for an event with empty data send {\"data\":\"\"} "
                       "as application/json"};
  topic::Event event;
  event.type = query.first("event").value_or("");
  event.idempotency_key = query.first("id").value_or("");
  if (const auto key = query.first("key"); key && !key->empty()) event.key = std::string(*key);
  event.data = body;
  if (auto problem = refuse(event, limits)) return std::move(*problem);
  std::vector<topic::Event> events;
  events.push_back(std::move(event));
  return events;
}

std::optional<Problem> refuse_field(std::string_view name, std::string_view value, std::size_t size_max,
                                    std::string_view limit) {
  if (value.size() > size_max)
    return Problem{.error = std::string(name) + "-too-long",
                   .detail = fmt::format("{} has {} bytes, limits.{} is {}", name, value.size(), limit, size_max),
                   .pointer = "/" + std::string(name),
                   .limit = std::string(limit)};
  if (!proto::sse::valid_field(value))
    return Problem{.error = "bad-" + std::string(name),
                   .detail = std::string(name) + " must not contain CR, LF or NUL",
                   .pointer = "/" + std::string(name)};
  // Only the query can bring such bytes: bodies are checked whole.
  if (!proto::sse::valid_utf8(value))
    return Problem{.error = "bad-" + std::string(name), .detail = std::string(name) + " is not UTF-8"};
  return std::nullopt;
}

}  // namespace

std::optional<Problem> refuse(const topic::Event& event, const PublishLimits& limits) {
  if (auto problem = refuse_field("event", event.type, limits.event_name, "event_name")) return problem;
  if (event.type.starts_with("sluice."))
    return Problem{.error = "reserved-event",
                   .detail = "event names that begin with \"sluice.\" are the gateway's own",
                   .pointer = "/event"};
  if (auto problem = refuse_field("id", event.idempotency_key, limits.event_id, "event_id")) return problem;
  if (event.key)
    if (auto problem = refuse_field("key", *event.key, limits.key, "event_key")) return problem;
  if (event.data.size() > limits.event_size)
    return Problem{.status = 413,
                   .error = "event-too-large",
                   .detail = "data has " + std::to_string(event.data.size()) + " bytes, limits.event_size is " +
                             std::to_string(limits.event_size),
                   .pointer = "/data",
                   .limit = "event_size"};
  // A line needs a byte, so short data cannot have too many.
  if (event.data.size() >= limits.lines_per_event && proto::sse::line_count(event.data) > limits.lines_per_event)
    return Problem{.status = 413,
                   .error = "too-many-lines",
                   .detail = "data has " + std::to_string(proto::sse::line_count(event.data)) +
                             " lines, limits.lines_per_event is " + std::to_string(limits.lines_per_event),
                   .pointer = "/data",
                   .limit = "lines_per_event"};
  return std::nullopt;
}

Problem too_many_events(const PublishLimits& limits) {
  return {.status = 413,
          .error = "too-many-events",
          .detail = "one request publishes at most " + std::to_string(limits.events) +
                    " events (limits.events_per_body); send several requests",
          .limit = "events_per_body"};
}

std::string place(std::string_view body, std::size_t offset) {
  const std::string_view before = body.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::string_view row = before.substr(before.rfind('\n') + 1);  // npos + 1 == 0
  const auto column = std::count_if(row.begin(), row.end(), [](char c) { return (c & 0xc0) != 0x80; }) + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

PublishBody parse_publish_body(std::string_view content_type, const QueryParameters& query, std::string_view body,
                               const PublishLimits& limits) {
  const ContentType type = parse_content_type(content_type);
  if (!type.charset.empty() && type.charset != "utf-8" && type.charset != "utf8" && type.charset != "us-ascii")
    return Problem{.status = 415,
                   .error = "unsupported-charset",
                   .detail = "charset " + type.charset + " is not accepted: events are UTF-8"};
  if (!proto::sse::valid_utf8(body)) {
    const std::size_t offset = invalid_utf8_offset(body);
    return Problem{.error = "not-utf-8",
                   .detail = "the body is not UTF-8 at byte " + std::to_string(offset) + " (counted from 0)",
                   .where = "byte " + std::to_string(offset)};
  }
  if (type.media_type == "text/event-stream") return parse_event_stream_body(body, limits);
  if (type.media_type == "application/json") return parse_json_body(body, limits);
  if (type.media_type == "application/x-ndjson" || type.media_type == "application/jsonl")
    return parse_ndjson_body(body, limits);
  return parse_data_body(query, body, limits);
}

}  // namespace sluice::serve
