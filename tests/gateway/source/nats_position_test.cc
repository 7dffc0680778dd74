#include "gateway/source/nats_position.h"

#include <doctest/doctest.h>

namespace sluice::source {
namespace {

using Kind = topic::PositionFormat::Kind;

TEST_CASE("a JetStream position is the stream's incarnation and a sequence") {
  const StreamPosition position{0b00000'00001'11111'01010, 901234};
  CHECK(position.text() == "01za.901234");
  CHECK(StreamPosition::parse("01za.901234") == position);
  CHECK(StreamPosition::parse("01za.0") == StreamPosition{position.incarnation, 0});
  CHECK(StreamPosition::parse("zzzz.18446744073709551615"));
  for (const char* text : {"", "01za", "01za.", "01za.-1", "01za.01", "01za.1 ", "01zA.1", "01zu.1", "1za.1", "001za.1",
                           "01za-1", "1", "01za.18446744073709551616", "01za.1.2"}) {
    CAPTURE(text);
    CHECK_FALSE(StreamPosition::parse(text));
  }
}

TEST_CASE("streams made at different times have different incarnations") {
  const std::int64_t created = 1'795'561'016'835'494'307;
  CHECK(incarnation_of(created) == incarnation_of(created));
  CHECK(incarnation_of(created) < 1U << 20);
  for (const std::int64_t later : {1, 2, 1'000, 1'000'000, 1'000'000'000})
    CHECK(incarnation_of(created) != incarnation_of(created + later));
}

TEST_CASE("positions of another incarnation are foreign once ours is known") {
  const StreamPositionFormat format;
  CHECK(format.classify("01za.7") == Kind::known);
  format.set_current(StreamPosition::parse("01za.7")->incarnation);
  CHECK(format.classify("01za.7") == Kind::known);
  CHECK(format.classify("01zb.7") == Kind::foreign);
  CHECK(format.classify("7-0") == Kind::malformed);
  CHECK(format.compare("01za.7", "01za.10") == std::partial_ordering::less);
  CHECK(format.compare("01za.7", "01za.7") == std::partial_ordering::equivalent);
  CHECK(format.compare("01za.7", "01zb.7") == std::partial_ordering::unordered);
  CHECK(format.compare("01za.7", "7-0") == std::partial_ordering::unordered);
}

}  // namespace
}  // namespace sluice::source
