// Any body under each of the four content types. Oracles: whatever is accepted keeps the invariant of publish_body.h;
// events written again as NDJSON are the same events; an accepted event stream is to proto::sse::Parser the same events
// as to us.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "gateway/serve/publish_body.h"
#include "proto/check.h"
#include "proto/json.h"
#include "proto/sse.h"

using namespace sluice;
using Events = std::vector<topic::Event>;

namespace {

std::string as_ndjson(const Events& events) {
  std::string out;
  for (const topic::Event& event : events) {
    out += "{\"data\":";
    proto::append_json_string(out, event.data);
    out += ",\"event\":";
    proto::append_json_string(out, event.type);
    out += ",\"id\":";
    proto::append_json_string(out, event.idempotency_key);
    if (event.key) {
      out += ",\"key\":";
      proto::append_json_string(out, *event.key);
    }
    out += "}\n";
  }
  return out;
}

struct Subscriber final : proto::sse::ParserVisitor {
  Events events;
  void on_event(const proto::sse::EventView& event) override {
    events.push_back({.type = std::string(event.type), .data = std::string(event.data)});
  }
};

void check_like_a_subscriber(std::string_view body, const Events& events) {
  Subscriber subscriber;
  proto::sse::Parser parser(subscriber);
  if (!parser.feed(body)) return;  // a line longer than the parser takes
  check(subscriber.events.size() == events.size(), "as many events as the standard's parser reads");
  for (std::size_t i = 0; i < events.size(); ++i) {
    check(subscriber.events[i].data == events[i].data, "the same data");
    check(subscriber.events[i].type == (events[i].type.empty() ? "message" : events[i].type), "the same type");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static constexpr const char* types[] = {"text/event-stream", "application/json", "application/x-ndjson",
                                          "text/plain"};
  const std::string_view type = types[data[0] % 4];
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  serve::PublishLimits limits;
  limits.event_size = 4096;
  limits.lines_per_event = 64;
  limits.events = 100;
  const auto query = serve::QueryParameters::parse("event=e&id=i&key=k");
  const auto result = serve::parse_publish_body(type, *query, body, limits);
  if (const auto* problem = std::get_if<serve::Problem>(&result)) {
    check(problem->status == 400 || problem->status == 413, "a problem of the body");
    check(proto::sse::valid_utf8(serve::to_json(*problem)), "a problem is UTF-8");
    return 0;
  }
  const Events& events = std::get<Events>(result);
  check(!events.empty() && events.size() <= limits.events, "some events");
  for (const topic::Event& event : events) {
    check(!serve::refuse(event, limits), "an accepted event is within the limits");
    check(proto::sse::valid_field(event.type) && proto::sse::valid_field(event.idempotency_key), "names are one line");
    check(proto::sse::valid_utf8(event.data), "data is UTF-8");
  }
  const auto again = serve::parse_ndjson_body(as_ndjson(events), limits);
  check(std::holds_alternative<Events>(again) && std::get<Events>(again) == events, "the same events again");
  if (type == "text/event-stream") check_like_a_subscriber(body, events);
  return 0;
}
