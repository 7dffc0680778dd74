#include "gateway/source/sse_backend_position.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "proto/event_id.h"

namespace sluice::source {
namespace {

using namespace std::literals;
using Kind = topic::PositionFormat::Kind;

const proto::Epoch here = proto::Epoch::from_random(1), elsewhere = proto::Epoch::from_random(2);

TEST_CASE("a backend's id becomes a position that passes every header and comes back as it was") {
  struct Row {
    std::string_view id, text;
  };
  const Row rows[] = {
      {"18", "18"},
      {"k3fa9x.1234", "k3fa9x.1234"},
      {"0.18812,1.18790", "0.18812,1.18790"},
      {"a b", "a!20b"},
      {"orders=1-0;fleet=k.9", "orders!3D1-0!3Bfleet!3Dk.9"},
      {"100%", "100!25"},
      {"!~", "!21!7E"},
      {"\xc3\xa9", "!C3!A9"},
      {"earliest", "!65arliest"},
      {"Earliest", "Earliest"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.id);
    CHECK(encode_backend_id(row.id) == std::string(row.text));
    const auto position = parse_backend_position(row.text);
    REQUIRE(position);
    CHECK(position->id == row.id);
    CHECK_FALSE(position->own);
    // As an event id of one source it stands for itself, both ways.
    std::string id;
    const proto::IdPartView part{"", row.text};
    proto::append_event_id(id, {&part, 1});
    CHECK(id == row.text);
    const auto parsed = proto::parse_event_id(row.text);
    REQUIRE(parsed.has_value());
    CHECK(parsed->front().position == row.text);
  }
}

TEST_CASE("an id that cannot be sent on is none") {
  for (const std::string_view id : {""sv, " 1"sv, "1 "sv, "a\tb"sv, "a\x7f"sv, "a\0b"sv})
    CHECK_FALSE(encode_backend_id(id));
  CHECK(encode_backend_id(std::string(1024, 'a')));
  CHECK_FALSE(encode_backend_id(std::string(1025, 'a')));
  CHECK_FALSE(encode_backend_id(std::string(342, ' ')));
}

TEST_CASE("a position has one text, and what nobody wrote is malformed") {
  const SseBackendFormat format(here);
  for (const std::string_view text : {"", "a b", "a!2", "a!2g", "a!61", "a!0Ab", "earliest", "~", "~x", "5~", "5~k.1",
                                      "5~abcdef.01", "5~abcdef.1~abcdef.1", "a%20b", "a=b"}) {
    CAPTURE(text);
    CHECK(format.classify(text) == Kind::malformed);
  }
  CHECK(format.classify("5") == Kind::known);
}

TEST_CASE("an event without an id has a position of this opening, after the id before it") {
  const SseBackendFormat format(here), other(elsewhere);
  const std::string after = format.own_position("a!20b", 7), bare = format.own_position("", 8);
  CHECK(after.starts_with("a!20b~"));
  CHECK(parse_backend_position(after)->id == "a b");
  CHECK(parse_backend_position(after)->own->sequence == 7);
  CHECK(parse_backend_position(bare)->id.empty());
  CHECK(format.classify(after) == Kind::known);
  CHECK(format.classify(bare) == Kind::known);
  CHECK(other.classify(after) == Kind::known);  // its backend can be asked for what follows the id
  CHECK(other.classify(bare) == Kind::foreign);
}

TEST_CASE("positions have no order, only equality") {
  const SseBackendFormat format(here);
  CHECK(format.compare("1", "1") == std::partial_ordering::equivalent);
  CHECK(format.compare("1", "2") == std::partial_ordering::unordered);
  CHECK(format.per_topic());
  CHECK_FALSE(format.text_of(1));
}

}  // namespace
}  // namespace sluice::source
