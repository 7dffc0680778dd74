#include "proto/event_source.h"

#include <doctest/doctest.h>

#include "tests/support/event_transcript.h"

namespace sluice::proto {
namespace {

using namespace std::literals;
using State = EventSource::State;
using Fields = std::vector<Field>;
using Lines = std::vector<std::string>;

const ResponseHead event_stream{.status = 200, .fields = {{"content-type", "text/event-stream"}}};

ResponseHead refusal(int status, Fields fields = {}) { return {.status = status, .fields = std::move(fields)}; }

TEST_CASE("a stream opens, ends, and goes on after the last event that came whole") {
  test::EventTranscript transcript;
  EventSource source(transcript, {});
  CHECK(source.state() == State::connecting);
  CHECK(source.request_fields() == Fields{{"accept", "text/event-stream"}, {"cache-control", "no-store"}});

  CHECK(source.on_head(event_stream) == State::open);
  CHECK(source.on_body("retry: 1500\nid: 1\ndata: a\n\nid: 2\ndata: cut") == State::open);
  CHECK(source.on_end() == State::connecting);
  CHECK(source.reconnection_delay() == 1500ms);
  CHECK(source.request_fields() ==
        Fields{{"accept", "text/event-stream"}, {"cache-control", "no-store"}, {"last-event-id", "1"}});

  CHECK(source.on_head(event_stream) == State::open);
  CHECK(source.on_body("id: 2\nda") == State::open);
  CHECK(source.on_body("ta: b\n\n: still here\n") == State::open);
  CHECK(transcript.lines ==
        Lines{"retry 1500", "event message [a] id [1]", "event message [b] id [2]", "comment [still here]"});
  CHECK(source.last_event_id() == "2");
  CHECK(source.reconnection_delay() == 1500ms);
}

TEST_CASE("a source that is given an id begins there, and an empty id makes it forget") {
  test::EventTranscript transcript;
  EventSource source(transcript, {.last_event_id = "k3fa9x.12"});
  CHECK(source.request_fields().back() == Field{"last-event-id", "k3fa9x.12"});
  source.on_head(event_stream);
  source.on_body("data: a\n\n");
  CHECK(transcript.lines == Lines{"event message [a] id [k3fa9x.12]"});
  source.on_body("id\n\n");
  CHECK(source.request_fields().back() == Field{"cache-control", "no-store"});
}

TEST_CASE("only 200 with an event stream opens; everything else closes for good") {
  const struct {
    std::string_view name;
    ResponseHead head;
    State state;
    std::string_view reason;
  } rows[] = {
      {"an event stream", event_stream, State::open, ""},
      {"parameters, spaces and case do not matter",
       refusal(200, {{"content-type", " Text/EVENT-stream ; charset=latin1"}}), State::open, ""},
      {"another type", refusal(200, {{"content-type", "text/html"}}), State::closed, "content-type 'text/html'"},
      {"a longer type", refusal(200, {{"content-type", "text/event-streams"}}), State::closed,
       "content-type 'text/event-streams'"},
      {"no type", refusal(200), State::closed, "content-type ''"},
      {"only spaces", refusal(200, {{"content-type", " ;"}}), State::closed, "content-type ' ;'"},
      {"no content", refusal(204), State::closed, "status 204"},
      {"a redirect", refusal(301, {{"location", "/"}}), State::closed, "status 301"},
      {"a temporary redirect", refusal(307, {{"location", "/"}}), State::closed, "status 307"},
      {"not allowed", refusal(401), State::closed, "status 401"},
      {"not found, with the right type", refusal(404, event_stream.fields), State::closed, "status 404"},
      {"too many", refusal(429), State::closed, "status 429"},
      {"broken", refusal(500), State::closed, "status 500"},
      {"overloaded", refusal(503, {{"retry-after", "1"}}), State::closed, "status 503"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    test::EventTranscript transcript;
    EventSource source(transcript, {});
    CHECK(source.on_head(row.head) == row.state);
    CHECK(source.close_reason() == row.reason);
    source.on_body("data: a\n\n");
    CHECK(transcript.lines.size() == (row.state == State::open ? 1 : 0));
    CHECK(source.on_end() == (row.state == State::open ? State::connecting : State::closed));
    // The same answer to a reconnect.
    EventSource returning(transcript, {});
    returning.on_head(event_stream);
    returning.on_end();
    CHECK(returning.on_head(row.head) == row.state);
  }
}

TEST_CASE("a closed source stays closed") {
  test::EventTranscript transcript;
  EventSource source(transcript, {});
  source.close();
  CHECK(source.on_head(event_stream) == State::closed);
  CHECK(source.on_body("data: a\n\n") == State::closed);
  CHECK(source.on_end() == State::closed);
  CHECK(source.close_reason().empty());
  CHECK(transcript.lines.empty());
}

TEST_CASE("a connection that fails before an answer is tried again after the reconnection time") {
  test::EventTranscript transcript;
  EventSource source(transcript, {});
  CHECK(source.on_end() == State::connecting);
  CHECK(source.on_end() == State::connecting);
  CHECK(source.reconnection_delay() == 3s);
  CHECK(source.on_head(event_stream) == State::open);
}

TEST_CASE("retry: 0 makes no storm") {
  test::EventTranscript transcript;
  EventSource source(transcript, {});
  source.on_head(event_stream);
  source.on_body("retry: 0\n");
  CHECK(source.reconnection_delay() == 500ms);
  source.on_body("retry: 700\n");
  CHECK(source.reconnection_delay() == 700ms);

  EventSource chromium(transcript, {.reconnection_time_min = 0ms});
  chromium.on_head(event_stream);
  chromium.on_body("retry: 0\n");
  CHECK(chromium.reconnection_delay() == 0ms);
}

TEST_CASE("a sturdy source comes back after 429, 502 and 503, when the server asks it to") {
  for (const int status : {429, 502, 503}) {
    CAPTURE(status);
    test::EventTranscript transcript;
    EventSource source(transcript, {.retry_statuses = true});
    CHECK(source.on_head(refusal(status, {{"retry-after", "20"}})) == State::connecting);
    CHECK(source.on_body("data: not an event\n\n") == State::connecting);
    CHECK(source.on_end() == State::connecting);
    CHECK(source.reconnection_delay() == 20s);
    CHECK(source.on_head(refusal(status, {{"retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"}})) == State::connecting);
    CHECK(source.reconnection_delay() == 3s);
    CHECK(source.on_head(refusal(status, {{"retry-after", "4294967295"}})) == State::connecting);
    CHECK(source.reconnection_delay() == sse::retry_max);
    CHECK(source.on_head(event_stream) == State::open);
    CHECK(source.reconnection_delay() == 3s);
    CHECK(transcript.lines.empty());
    CHECK(source.on_head(refusal(404)) == State::closed);
  }
}

TEST_CASE("an event over the limit closes the source: it would come again for ever") {
  struct Transcript : test::EventTranscript {
    void on_too_large(std::string_view) override { ++too_large; }
    int too_large = 0;
  } transcript;
  EventSource source(transcript, {.event_size_max = 100});
  source.on_head(event_stream);
  CHECK(source.on_body("data: a\n\ndata: " + std::string(200, 'x')) == State::closed);
  CHECK(source.close_reason() == "a line of the event stream is too long");
  CHECK(transcript.lines.size() == 1);
}

TEST_CASE("an event that is too large and never says its id is given more time, and given up after four streams") {
  struct Transcript : test::EventTranscript {
    void on_too_large(std::string_view) override { ++too_large; }
    int too_large = 0;
  } transcript;
  EventSource source(transcript, {.event_size_max = 10, .skip_too_large = true, .last_event_id = "1"});
  const auto cut_inside = [&](std::string_view bytes) {
    source.on_head(event_stream);
    source.on_body(bytes);
    source.on_end();
  };
  const std::string endless = "data: " + std::string(100, 'x');
  for (const unsigned patience : {1U, 2U, 4U, 8U}) {
    CHECK(source.patience() == patience);
    CHECK(source.request_fields().back() == Field{"last-event-id", "1"});
    CHECK(transcript.too_large == 0);
    cut_inside(endless);
  }
  CHECK(source.request_fields().back() == Field{"cache-control", "no-store"});
  CHECK(source.patience() == 1);
  CHECK(transcript.too_large == 1);  // however often it came

  // Somewhere else the count begins again, and one that has said its id is behind it.
  cut_inside("id: 2\ndata: b\n\n" + endless);
  CHECK(source.patience() == 2);
  cut_inside("id: 3\ndata: c\n\n" + endless);
  CHECK(source.patience() == 2);
  cut_inside("id: 4\n" + endless);
  CHECK(source.patience() == 1);
  CHECK(source.request_fields().back() == Field{"last-event-id", "4"});
}

TEST_CASE("a source closed from inside an event gets nothing more") {
  struct CloseAtFirst : test::EventTranscript {
    void on_event(const sse::EventView& event) override {
      EventTranscript::on_event(event);
      source->close();
    }
    EventSource* source = nullptr;
  } visitor;
  EventSource source(visitor, {});
  visitor.source = &source;
  source.on_head(event_stream);
  CHECK(source.on_body("data: a\n\n: b\n\nretry: 9\ndata: c\n\n") == State::closed);
  CHECK(visitor.lines == Lines{"event message [a] id []"});
}

}  // namespace
}  // namespace sluice::proto
