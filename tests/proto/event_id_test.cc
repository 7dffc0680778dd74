#include "proto/event_id.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace sluice::proto {
namespace {

using namespace std::literals;
using Parts = std::vector<IdPart>;

std::string text_of(const Parts& parts) {
  std::vector<IdPartView> views;
  for (const IdPart& part : parts) views.push_back({part.name, part.position});
  std::string text;
  append_event_id(text, views);
  return text;
}

struct IdRow {
  std::string_view name;
  Parts parts;
  std::string_view text;
};

const IdRow id_rows[] = {
    {"no id", {}, ""},
    {"one source: the position itself", {{"", "k3fa9x.1234"}}, "k3fa9x.1234"},
    {"a Redis stream", {{"", "1795332250205-0"}}, "1795332250205-0"},
    {"a Kafka vector", {{"", "0.18812,1.18790"}}, "0.18812,1.18790"},
    {"one named part", {{"orders", "1-0"}}, "orders=1-0"},
    {"several sources",
     {{"orders", "1795332250205-0"}, {"fleet", "k3fa.901234"}},
     "orders=1795332250205-0;fleet=k3fa.901234"},
    {"topics with a slash", {{"fleet/eu", "a.1"}, {"fleet/us", "a.2"}}, "fleet/eu=a.1;fleet/us=a.2"},
    {"a backend's own id with our separators", {{"", "a=b;c%d"}}, "a%3Db%3Bc%25d"},
    {"a name with our separators", {{"a=b", "1"}, {"c;d", "2"}}, "a%3Db=1;c%3Bd=2"},
    {"bytes that would cost a preflight", {{"", "\"():<>?@[\\]{}\x7F"}}, "%22%28%29%3A%3C%3E%3F%40%5B%5C%5D%7B%7D%7F"},
    {"bytes that a hand-copied query would lose", {{"", "a&b#c+d e"}}, "a%26b%23c%2Bd%20e"},
    {"controls and other alphabets", {{"日", "\t\x1F"}}, "%E6%97%A5=%09%1F"},
};

TEST_CASE("an id brings every part back as it was sent") {
  for (const IdRow& row : id_rows) {
    CAPTURE(row.name);
    CHECK(text_of(row.parts) == row.text);
    const auto parsed = parse_event_id(row.text);
    REQUIRE(parsed.has_value());
    CHECK(*parsed == row.parts);
  }
}

TEST_CASE("no byte of an id makes a browser ask before it reconnects") {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte.push_back(static_cast<char>(byte));
  const std::string text = text_of({{every_byte, every_byte}});
  CHECK(text.find_first_of("\"():<>?@[\\]{} \t\r\n") == std::string::npos);
  CHECK(std::all_of(text.begin(), text.end(), [](char byte) { return byte > 0x20 && byte < 0x7F; }));
}

TEST_CASE("of repeated parts the first counts") {
  const auto parsed = parse_event_id("a=1;b=2;a=3;%C3%A9=4;%C3%A9=5");
  REQUIRE(parsed.has_value());
  CHECK(*parsed == Parts{{"a", "1"}, {"b", "2"}, {"é", "4"}});
}

TEST_CASE("text that we never wrote is an error, not a position") {
  const struct {
    std::string_view name, text;
  } rows[] = {
      {"an empty position", "a="},
      {"an empty name", "=1"},
      {"only separators", ";"},
      {"only an equals sign", "="},
      {"an empty part at the end", "a=1;"},
      {"an empty part at the start", ";a=1"},
      {"an empty part inside", "a=1;;b=2"},
      {"a part without a name", "a=1;2"},
      {"two positions without names", "1;2"},
      {"two equals signs", "a=1=2"},
      {"a space", "a b"},
      {"a space around", " 1-0"},
      {"a colon", "12:30"},
      {"a byte above ASCII", "a=\xC3\xA9"},
      {"NUL", "a\0b"sv},
      {"CR", "a\rb"},
      {"LF", "a\nb"},
      {"an encoded NUL", "a%00b"},
      {"an encoded CR", "a%0Db"},
      {"an encoded LF", "a=1%0A"},
      {"an encoded LF in a name", "a%0A=1"},
      {"a cut escape", "a%3"},
      {"a lone percent sign", "%"},
      {"an escape that is no hexadecimal", "%G0"},
      {"an escape in lower case", "a%3db"},
      {"an escape of a byte that needs none", "%41"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(parse_event_id(row.text).error() == IdError::malformed);
  }
}

TEST_CASE("an id that is too long or has too many parts is refused") {
  CHECK(parse_event_id(std::string(4096, 'a')).has_value());
  CHECK(parse_event_id(std::string(4097, 'a')).error() == IdError::too_long);
  CHECK(parse_event_id("abc", {.bytes = 2}).error() == IdError::too_long);

  std::string many = "a=1";
  for (int part = 1; part < 64; ++part) many += ";b" + std::to_string(part) + "=2";
  CHECK(parse_event_id(many)->size() == 64);
  CHECK(parse_event_id(many + ";c=3").error() == IdError::too_many_parts);
  CHECK(parse_event_id(many + ";a=1").error() == IdError::too_many_parts);

  std::string million;
  for (int part = 0; part < 1'000'000; ++part) million += "a=1;";
  CHECK(parse_event_id(million).error() == IdError::too_long);
  CHECK(parse_event_id(million, {.bytes = million.size()}).error() == IdError::too_many_parts);

  CHECK(make_error_code(IdError::too_long).message() == "the event id is too long");
}

TEST_CASE("an epoch is six characters made of thirty random bits") {
  CHECK(Epoch::from_random(0).text() == "000000");
  CHECK(Epoch::from_random(0x3FFFFFFF).text() == "zzzzzz");
  CHECK(Epoch::from_random(0xFFFFFFFF) == Epoch::from_random(0x3FFFFFFF));
  CHECK_FALSE(Epoch::from_random(1) == Epoch::from_random(1 << 29));
  CHECK(Epoch::parse("k3fa9x")->text() == "k3fa9x");
  for (const std::string_view text : {""sv, "k3fa9"sv, "k3fa9xx"sv, "K3FA9X"sv, "k3fa9i"sv, "k3fa9."sv, "k3fa9\0"sv})
    CHECK_FALSE(Epoch::parse(text).has_value());
}

TEST_CASE("a position of our own log comes back as epoch and sequence") {
  const Epoch epoch = *Epoch::parse("k3fa9x");
  for (const auto& [sequence, text] :
       {std::pair{std::uint64_t{0}, "k3fa9x.0"sv}, {12, "k3fa9x.12"}, {UINT64_MAX, "k3fa9x.18446744073709551615"}}) {
    std::string written = "id ";
    append_epoch_sequence(written, epoch, sequence);
    CHECK(written == "id " + std::string(text));
    CHECK(parse_epoch_sequence(text) == EpochSequence{epoch, sequence});
  }
}

TEST_CASE("what is not exactly an epoch and a sequence is no position of ours") {
  for (const std::string_view text : {""sv,
                                      "k3fa9x"sv,
                                      "k3fa9x."sv,
                                      ".12"sv,
                                      "12"sv,
                                      "1795332250205-0"sv,
                                      "k3fa.901234"sv,
                                      "K3fa9x.1"sv,
                                      "k3fa9x.01"sv,
                                      "k3fa9x.00"sv,
                                      "k3fa9x.-1"sv,
                                      "k3fa9x.+1"sv,
                                      "k3fa9x. 1"sv,
                                      "k3fa9x.1 "sv,
                                      "k3fa9x.1\0"sv,
                                      "k3fa9x.1.2"sv,
                                      "k3fa9x.0x1"sv,
                                      "k3fa9x.18446744073709551616"sv,
                                      "k3fa9x.99999999999999999999999"sv,
                                      "k3fa9xx.1"sv,
                                      " k3fa9x.1"sv})
    CHECK_FALSE(parse_epoch_sequence(text).has_value());
}

}  // namespace
}  // namespace sluice::proto
