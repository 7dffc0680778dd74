// EventSource: the WHATWG client of one event stream as a pure machine (HTML §9.2.2, §9.2.3): it says what to request
// and what an answer means; whoever owns it has the connection and the clock (gateway/client, tests, the load client).
//
//   a stream         request_fields() → on_head(): open → on_body()… → on_end(): connecting
//   the next         wait reconnection_delay() → request_fields() → …
//   a refusal        on_head(): closed, close_reason() says why; nothing reopens it (204, 4xx, 5xx, wrong type)
//   a redirect       its owner asks again elsewhere, or lets it be a refusal
//   no answer        on_end(): connecting
// Events, comments and `retry:` go to the visitor from inside on_body(); it may call close(), after which nothing
// comes. Invariant: the visitor is called in state open only; the last event id outlives every reconnect, but for one
// behind which four streams in a row ended inside something too large.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/http.h"
#include "proto/sse.h"

namespace sluice::proto {

// Why a head does not begin an event stream (HTML §9.2.2, processResponse), for a person: "status 404"; empty: it does.
[[nodiscard]] std::string event_stream_refusal(const ResponseHead& head);

class EventSource final : private sse::ParserVisitor {
 public:
  // HTML §9.2.2, readyState. `connecting` is both waiting and asking.
  enum class State : std::uint8_t { connecting, open, closed };

  struct Options {
    std::chrono::milliseconds reconnection_time{3000};  // until the stream says `retry:`; 3 s as in Chromium
    // No reconnect is sooner, whatever `retry:` says. Firefox has 500 ms; Chromium has none and storms at `retry: 0`.
    std::chrono::milliseconds reconnection_time_min{500};
    // Beyond the standard: 429, 502 and 503 reconnect, not before Retry-After (in seconds).
    bool retry_statuses = false;
    std::size_t event_size_max = 16 * 1024 * 1024;  // above it the source closes for good, ...
    bool skip_too_large = false;                    // ... or passes that event over (sse::Parser)
    std::string last_event_id;                      // where to begin; empty: wherever the server begins
  };

  // `visitor` outlives the source.
  EventSource(sse::ParserVisitor& visitor, Options options);
  EventSource(const EventSource&) = delete;
  EventSource& operator=(const EventSource&) = delete;

  // What a GET of the stream must carry.
  [[nodiscard]] std::vector<Field> request_fields() const;
  // The head of the final response (no 1xx; a redirect is one that its owner did not follow).
  State on_head(const ResponseHead& head);
  // Bytes of the body; those of a response that was not accepted are ignored.
  State on_body(std::string_view bytes);
  // The body ended, was reset, or the connection failed before or after the head. A cut event is discarded.
  State on_end();
  // Ends it by the caller's wish.
  void close();

  [[nodiscard]] State state() const { return state_; }
  // How long to wait before the next request.
  [[nodiscard]] std::chrono::milliseconds reconnection_delay() const;
  [[nodiscard]] const std::string& last_event_id() const { return parser_.last_event_id(); }
  // The bytes that come are of something that is too large.
  [[nodiscard]] bool passing_over() const { return parser_.passing_over(); }
  // How many times as long as usual that may take here: twice as long each time after a stream ended inside.
  [[nodiscard]] unsigned patience() const { return last_event_id() == inside_at_ ? 1U << inside_count_ : 1U; }
  // Why it is closed, for a person: "status 404"; empty while it is not, or when the caller closed it.
  [[nodiscard]] const std::string& close_reason() const { return close_reason_; }

 private:
  void on_event(const sse::EventView& event) override;
  void on_retry(std::chrono::milliseconds time) override;
  void on_comment(std::string_view text) override;
  void on_too_large(std::string_view last_event_id) override;
  State fail(std::string reason);
  void end_stream();

  sse::ParserVisitor& visitor_;
  sse::Parser parser_;
  std::string close_reason_;
  std::chrono::milliseconds reconnection_time_, reconnection_time_min_;
  std::chrono::milliseconds retry_after_{0};  // of the last refusal, until a response is accepted
  std::string inside_at_;                     // the last event id of streams that ended inside something too large
  unsigned inside_count_ = 0;                 // how many in a row
  bool retry_statuses_;
  State state_ = State::connecting;
};

}  // namespace sluice::proto
