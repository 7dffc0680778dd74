// The body of a publish request → events, all or nothing. Four forms by content type: text/event-stream,
// application/json, application/x-ndjson, and anything else as one event's data with `?event=…&id=…&key=…`.
// Pure; called by serve/publish on the connection's worker once the body is complete.
// Invariant: every event that it returns can be encoded as exactly one SSE event: its names and ids hold no CR, LF or
// NUL, its data is UTF-8, its size and its lines are within the limits, and its type is not one of ours (`sluice.`).
#pragma once

#include <cstddef>
#include <string_view>
#include <variant>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/serve/answer.h"
#include "gateway/serve/query.h"
#include "gateway/topic/event.h"

namespace sluice::serve {

struct PublishLimits {
  PublishLimits() = default;
  explicit PublishLimits(const config::Limits& limits)
      : event_size(limits.event_size),
        lines_per_event(limits.lines_per_event),
        event_name(limits.event_name),
        event_id(limits.event_id),
        key(limits.event_key),
        events(limits.events_per_body) {}

  std::size_t event_size = 1024 * 1024;  // bytes of data
  std::size_t lines_per_event = 65'536;
  std::size_t event_name = 256, event_id = 128, key = 512;  // bytes
  // An event takes 136 bytes beside its text, and the smallest envelope 11 in the body: without this limit 8 MiB of
  // body would become 100 MB of events.
  std::size_t events = 65'536;  // of one body
};

using PublishBody = std::variant<std::vector<topic::Event>, Problem>;

[[nodiscard]] PublishBody parse_publish_body(std::string_view content_type, const QueryParameters& query,
                                             std::string_view body, const PublishLimits& limits);

// The forms, each in a file of its own. `body` is UTF-8.
[[nodiscard]] PublishBody parse_event_stream_body(std::string_view body, const PublishLimits& limits);
[[nodiscard]] PublishBody parse_json_body(std::string_view body, const PublishLimits& limits);
[[nodiscard]] PublishBody parse_ndjson_body(std::string_view body, const PublishLimits& limits);

// What is wrong with `event`, in the names of the limits; nullopt: nothing. The one check behind all forms.
[[nodiscard]] std::optional<Problem> refuse(const topic::Event& event, const PublishLimits& limits);
[[nodiscard]] Problem too_many_events(const PublishLimits& limits);
// "line 3, column 17" of the byte at `offset`; columns count characters.
[[nodiscard]] std::string place(std::string_view body, std::size_t offset);

}  // namespace sluice::serve
