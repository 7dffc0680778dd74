#include "gateway/source/sanitise.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "gateway/source/poison.h"
#include "proto/sse.h"

namespace sluice::source {
namespace {

using namespace std::string_literals;

topic::Event event(std::string data, std::string type = {}, std::optional<std::string> key = {}) {
  return {.type = std::move(type), .data = std::move(data), .key = std::move(key)};
}

TEST_CASE("bytes that are not UTF-8 are replaced as browsers replace them, the rest stays") {
  const std::pair<std::string, std::string> rows[] = {
      {"", ""},
      {"plain", "plain"},
      {"\u00e9\u20ac\U0001F600", "\u00e9\u20ac\U0001F600"},
      {"a\xff"s + "b", "a\ufffdb"},
      {"\xc0\xaf", "\ufffd\ufffd"},    // never a lead byte
      {"\xe2\x82"s + "x", "\ufffdx"},  // a beginning is one part
      {"\xf0\x9f\x98", "\ufffd"},
      {"\xe0\x80\x80", "\ufffd\ufffd\ufffd"},            // overlong
      {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},            // a surrogate
      {"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"},  // above U+10FFFF
      {"\xf5", "\ufffd"},
      {"\x80\x80", "\ufffd\ufffd"},
      {"\xe2", "\ufffd"},
  };
  for (const auto& row : rows) {
    const std::string expected(std::get<1>(row));
    CAPTURE(expected);
    CHECK(with_valid_utf8(std::get<0>(row)) == expected);
  }
  // Whatever the bytes: valid afterwards, and the same when done again.
  std::uint64_t seed = 1;
  for (int round = 0; round != 2000; ++round) {
    std::string text;
    for (int size = 0; size != 12; ++size) {
      seed = seed * 6364136223846793005U + 1442695040888963407U;
      static constexpr unsigned char bytes[] = {0x41, 0x80, 0xbf, 0xc2, 0xe0, 0xa0, 0xed,
                                                0x9f, 0xef, 0xf0, 0x90, 0xf4, 0x8f, 0xff};
      text += static_cast<char>(bytes[(seed >> 33) % sizeof bytes]);
    }
    const std::string valid = with_valid_utf8(text);
    CHECK(proto::sse::valid_utf8(valid));
    CHECK(with_valid_utf8(valid) == valid);
  }
}

TEST_CASE("an event that is good stays as it is") {
  const topic::Event good = event("line\r\nline", "price", "a");
  topic::Event given = good;
  CHECK(sanitise(given, {}) == Sanity::good);
  CHECK(given == good);
}

TEST_CASE("what no event may have is left out, and the data is delivered") {
  const config::Limits limits;
  const auto becomes = [&](topic::Event given, const topic::Event& expected) {
    CHECK(sanitise(given, limits) == Sanity::mended);
    CHECK(given == expected);
  };
  becomes(event("a\0b\xff"s), event("ab\ufffd"));
  for (const std::string& name : {"a\rb"s, "a\nb"s, "a\0b"s, "\xff"s, "sluice.gap"s, std::string(257, 'x')})
    becomes(event("data", name, "k"), event("data", "", "k"));
  for (const std::string& key : {"a\nb"s, "\xff"s, std::string(513, 'x')})
    becomes(event("data", "t", key), event("data", "t"));
  topic::Event with_id = event("data");
  with_id.idempotency_key = std::string(129, 'x');
  becomes(with_id, event("data"));
}

TEST_CASE("an event that is too large, or would be once mended, is dropped") {
  config::Limits limits;
  limits.event_size = 1024;
  const auto fits = [&limits](topic::Event given) { return sanitise(given, limits) != Sanity::too_large; };
  CHECK(fits(event(std::string(1024, 'x'))));
  CHECK_FALSE(fits(event(std::string(1025, 'x'))));
  CHECK_FALSE(fits(event(std::string(400, '\xff'))));
  limits.lines_per_event = 10;
  CHECK(fits(event("1\n2\n3\n4\n5\n6\n7\n8\n9\n10")));
  CHECK_FALSE(fits(event("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11")));
}

TEST_CASE("poison is counted, whether it was dropped or mended, and nothing else is") {
  const config::Limits limits;
  observe::SourceMetrics metrics("s");
  Poison poison(limits, metrics);
  const auto passes = [&poison](topic::Event given) { return poison.pass(given); };
  CHECK(passes(event("good", "price")));
  CHECK(metrics.poison.value() == 0);
  CHECK(passes(event("\xff")));
  CHECK_FALSE(passes(event(std::string(limits.event_size + 1, 'x'))));
  poison.count("no object");
  CHECK(metrics.poison.value() == 3);
}

}  // namespace
}  // namespace sluice::source
