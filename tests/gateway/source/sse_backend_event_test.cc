#include "gateway/source/sse_backend_event.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace sluice::source {
namespace {

using Kind = SseBackendEvent::Kind;

struct Given {
  // Bytes of one event, after what came before.
  SseBackendEvent take(std::string_view bytes) {
    struct One final : proto::sse::ParserVisitor {
      void on_event(const proto::sse::EventView& view) override { taken = reader->take(view); }
      SseBackendReader* reader = nullptr;
      SseBackendEvent taken;
    } one;
    one.reader = &reader;
    proto::sse::Parser parser(one);
    parser.set_last_event_id(last_id);
    CHECK(parser.feed(bytes).has_value());
    last_id = parser.last_event_id();
    return one.taken;
  }

  config::Limits limits;
  observe::SourceMetrics metrics{"s"};
  Poison poison{limits, metrics};
  SseBackendFormat format{proto::Epoch::from_random(1)};
  std::uint64_t own_count = 0;
  SseBackendReader reader{format, poison, own_count, "s"};
  std::string last_id;
};

TEST_CASE("an event's position is the backend's id, and without one of its own a place after the last") {
  Given given;
  const auto first = given.take("data: a\n\n"), second = given.take("id: 7\nevent: moved\ndata: b\n\n"),
             third = given.take("data: c\n\n"), fourth = given.take("id: 7\ndata: d\n\n");
  CHECK(first.position.starts_with("~"));
  CHECK_FALSE(first.has_id);
  CHECK(second.position == "7");
  CHECK(second.has_id);
  CHECK(second.event.type == "moved");
  CHECK(third.position.starts_with("7~"));
  CHECK(fourth.position.starts_with("7~"));  // an id that does not move names no place
  CHECK(third.position != fourth.position);
  CHECK(first.event.type.empty());
  CHECK_FALSE(given.reader.saw_event_without_id());  // who takes the event says so: it may come once more
  given.reader.note_event_without_id();
  CHECK(given.reader.saw_event_without_id());
}

TEST_CASE("an id in a block without an event names the place before the next") {
  Given given;
  CHECK(given.take("id: 7\n\ndata: a\n\n").position.starts_with("7~"));
}

TEST_CASE("an id that cannot be sent on counts as poison, and its event is delivered") {
  Given given;
  const auto taken = given.take("id: a\tb\ndata: a\n\n");
  CHECK(taken.kind == Kind::event);
  CHECK(taken.position.starts_with("~"));
  CHECK(given.metrics.poison.value() == 1);
}

TEST_CASE("notices of another sluice are no events, but a loss that it announces is one here") {
  Given given;
  const auto open = given.take("id: 5\nevent: sluice.open\ndata: {}\n\n");
  CHECK(open.kind == Kind::open);
  CHECK(open.position == "5");
  CHECK(given.take("event: sluice.busy\ndata: {}\n\n").kind == Kind::ignored);
  CHECK(given.take("event: sluice.error\ndata: {}\n\n").kind == Kind::error);
  const auto gap = given.take("id: 9\nevent: sluice.gap\ndata: {\"reason\":\"trimmed\"}\n\n");
  CHECK(gap.kind == Kind::gap);
  CHECK(gap.reason == topic::GapReason::trimmed);
  CHECK(gap.position == "9");
  const auto other = given.take("event: sluice.gap\ndata: {\"reason\":\"of another time\"}\n\n");
  CHECK(other.reason == topic::GapReason::source_lost);
  CHECK(other.position.starts_with("9~"));
  CHECK_FALSE(given.reader.saw_event_without_id());
}

TEST_CASE("poison is dropped, and its id is passed") {
  Given given;
  given.limits.event_size = 4;
  CHECK(given.take("id: 1\ndata: too large\n\n").kind == Kind::ignored);
  given.reader.on_too_large("2");
  given.last_id = "2";
  CHECK(given.take("data: c\n\n").position.starts_with("2~"));
  CHECK(given.metrics.poison.value() == 2);
}

}  // namespace
}  // namespace sluice::source
