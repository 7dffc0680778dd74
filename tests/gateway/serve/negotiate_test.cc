#include "gateway/serve/negotiate.h"

#include <doctest/doctest.h>

using sluice::proto::Field;
using sluice::proto::Request;
using sluice::serve::accepts_event_stream;
using sluice::serve::refuse_accept;

TEST_CASE("an event stream is served to whoever accepts one") {
  struct Row {
    std::vector<const char*> accept;
    bool accepted;
  };
  const Row rows[] = {
      {{}, true},
      {{""}, true},
      {{"text/event-stream"}, true},
      {{"Text/Event-Stream;charset=utf-8"}, true},
      {{"text/*"}, true},
      {{"*/*"}, true},
      {{"text/html,application/xhtml+xml,*/*;q=0.8"}, true},
      {{"application/json", "text/event-stream"}, true},
      {{"application/json, , text/event-stream;q=0.1"}, true},
      {{"text/event-stream;q=0, */*"}, false},
      {{"*/*;q=0, text/event-stream"}, true},
      {{"text/*;q=0.000, */*"}, false},
      {{"*/*; Q=0"}, false},
      {{"text/event-stream;q=0.001"}, true},
      {{"application/json"}, false},
      {{"text/html, text/plain"}, false},
      {{"text/event-stream2"}, false},
      {{"nonsense"}, false},
  };
  for (const Row& row : rows) {
    Request request;
    for (const char* value : row.accept) {
      CAPTURE(value);
      request.fields.push_back({"accept", value});
    }
    CHECK(accepts_event_stream(request) == row.accepted);
    CHECK(refuse_accept(request).has_value() == !row.accepted);
    if (!row.accepted) CHECK(refuse_accept(request)->status == 406);
  }
}
