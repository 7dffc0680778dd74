#include "gateway/source/line_reader.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::source {
namespace {

using namespace std::string_literals;
using Format = config::Source::Format;

struct Read {
  std::string topic, type, data;
  std::optional<std::string> key = {};
  friend bool operator==(const Read&, const Read&) = default;
};

struct Collected final : LineVisitor {
  void on_event(const std::string& topic, topic::Event&& event, bool mended) override {
    events.push_back({topic, event.type, event.data, event.key});
    poison += mended;
  }
  void on_poison(const char*) override { ++poison; }
  std::vector<Read> events;
  int poison = 0;
};

struct Row {
  const char* name;
  Format format;
  config::Mapping map;
  std::string text;
  std::vector<Read> events;
  int poison = 0;
};

config::Limits small() {
  config::Limits limits;
  limits.event_size = 1024;
  return limits;
}

const std::string long_text(1100, 'x');

const Row rows[] = {
    {"lines are data as they stand, blank ones are none",
     Format::lines,
     {},
     "one\r\n\n \ntwo \ndata: three\n{\"data\":1}\n",
     {{"", "", "one"}, {"", "", "two "}, {"", "", "data: three"}, {"", "", "{\"data\":1}"}}},
    {"a line that is too long is dropped, and the next one is read",
     Format::lines,
     {},
     "a\n" + long_text + "\nb\n" + long_text,
     {{"", "", "a"}, {"", "", "b"}},
     2},
    {"bytes that are not UTF-8 and NUL are mended", Format::lines, {}, "a\xff\0b\n"s, {{"", "", "a\ufffdb"}}, 1},
    {"a byte order mark is none of the first line's",
     Format::lines,
     {},
     "\xEF\xBB\xBF"
     "a\n",
     {{"", "", "a"}}},
    {"an envelope gives event, topic and key",
     Format::ndjson,
     {},
     R"( {"event":"price","topic":"eu/de","key":"k","id":"7","data":"a\nb"})"
     "\n"
     R"({"data":{"n" : 1.50}})"
     "\n"
     R"({"data":null,"event":null,"topic":5,"key":""})"
     "\n",
     {{"eu/de", "price", "a\nb", "k"}, {"", "", "{\"n\":1.50}"}, {"5", "", "null"}}},
    {"any other JSON is data as it stands",
     Format::ndjson,
     {},
     R"({"data":1,"time": 2})"
     "\n[1, 2]\n\"text\"\n"
     R"({"event":"x"})"
     "\n",
     {{"", "", R"({"data":1,"time": 2})"}, {"", "", "[1, 2]"}, {"", "", "\"text\""}, {"", "", R"({"event":"x"})"}}},
    {"what is not JSON is dropped, and the next line is read",
     Format::ndjson,
     {},
     "{\"a\":\n\n{\"data\":\"b\"}\nplain\n",
     {{"", "", "b"}},
     2},
    {"JSON with bytes that are not UTF-8 is mended first",
     Format::ndjson,
     {},
     "{\"data\":\"\xff\0\"}\n"s,
     {{"", "", "\ufffd"}},
     1},
    {"a line that is not UTF-8, and no JSON even without that, is counted once",
     Format::ndjson,
     {},
     "\xff{\n{\"data\":\"a\"}\n",
     {{"", "", "a"}},
     1},
    {"map.* keys look into the object and win",
     Format::ndjson,
     {.topic = "region", .event = "/meta/kind", .data = "body", .key = "/id"},
     R"({"region":"eu","meta":{"kind":"sold"},"body":[1, 2],"id":7})"
     "\n"
     R"({"data":"x","topic":"kept?","event":"kept?"})"
     "\n",
     {{"eu", "sold", "[1,2]", "7"}, {"", "", "x"}}},
    {"an event stream has events, data and nothing of id and retry",
     Format::sse,
     {},
     ": hello\nid: 1\nretry: 5\nevent: price\ndata: a\ndata: b\n\ndata\n\nid: 2\n\ndata: cut",
     {{"", "price", "a\nb"}, {"", "", ""}}},
    {"an event stream may end its lines with CR, LF or both",
     Format::sse,
     {},
     "data: a\r\rdata: b\r\n\r\ndata: c\n\n",
     {{"", "", "a"}, {"", "", "b"}, {"", "", "c"}}},
    {"an event with a line that is too long is dropped whole, and the next one is read",
     Format::sse,
     {},
     "data: a\ndata: " + long_text + "\ndata: " + long_text + "\ndata: c\n\ndata: d\n\n",
     {{"", "", "d"}},
     1},
    {"an event that is too large is dropped whole, and the next one is read",
     Format::sse,
     {},
     "data: " + long_text.substr(200) + "\ndata: " + long_text.substr(200) + "\ndata: c\n\ndata: d\n\n",
     {{"", "", "d"}},
     1},
    {"map.* keys look into the data of an event stream",
     Format::sse,
     {.topic = "/region", .key = "id"},
     "event: sold\ndata: {\"region\":\"eu\",\ndata: \"id\":7}\n\ndata: plain\n\n",
     {{"eu", "sold", "{\"region\":\"eu\",\n\"id\":7}", "7"}, {"", "", "plain"}}},
    {"auto reads an event stream where the first line is one's",
     Format::automatic,
     {},
     "\n: comment\ndata: {\"data\":1}\n\n",
     {{"", "", "{\"data\":1}"}}},
    {"auto reads NDJSON and lines, line by line",
     Format::automatic,
     {},
     "\xEF\xBB\xBF"
     "{\"data\":\"a\",\"topic\":\"t\"}\nplain: text\n{not json}\ndata: x\n[1]\n",
     {{"t", "", "a"}, {"", "", "plain: text"}, {"", "", "{not json}"}, {"", "", "data: x"}, {"", "", "[1]"}}},
};

config::Source source(Format format, const config::Mapping& map = {}) {
  config::Source source;
  source.format = format;
  source.map = map;
  return source;
}

}  // namespace

TEST_CASE("programs' output becomes events, however it is cut into chunks") {
  for (const Row& row : rows)
    for (const std::size_t chunk :
         {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{64}, row.text.size()}) {
      CAPTURE(row.name);
      CAPTURE(chunk);
      Collected collected;
      LineReader reader(source(row.format, row.map), small(), collected);
      for (std::size_t at = 0; at < row.text.size(); at += chunk) reader.feed(row.text.substr(at, chunk));
      CHECK(collected.poison == row.poison);
      REQUIRE(collected.events.size() == row.events.size());
      for (std::size_t index = 0; index != row.events.size(); ++index) {
        CHECK(collected.events[index].topic == row.events[index].topic);
        CHECK(collected.events[index].type == row.events[index].type);
        CHECK(collected.events[index].data == row.events[index].data);
        CHECK(collected.events[index].key == row.events[index].key);
      }
    }
}

TEST_CASE("a last line without its end counts where the program ended well, and is lost where it did not") {
  for (const bool whole : {true, false}) {
    Collected collected;
    LineReader reader(source(Format::lines), small(), collected);
    reader.feed("one\ntwo");
    CHECK(reader.finish(whole) == whole);
    CHECK(collected.events.size() == (whole ? 2 : 1));
    reader.feed("three\n");
    CHECK(collected.events.back().data == "three");  // nothing of the run before sticks to it
  }
}

TEST_CASE("an event stream that ends inside an event has lost it") {
  for (const auto& [text, complete] :
       {std::pair("data: a\n\n", true), std::pair("data: a\n", false), std::pair("data: a\n\n: comment\n", true),
        std::pair("data: a\n\ndata", false)}) {
    Collected collected;
    LineReader reader(source(Format::sse), small(), collected);
    reader.feed(text);
    CHECK(reader.finish(true) == complete);
    reader.feed("\ndata: b\n\n");
    CHECK(collected.events.back().data == "b");
  }
}

TEST_CASE("what began before the place where reading begins is passed over") {
  const auto read = [](Format format, std::string_view before, std::string_view text) {
    Collected collected;
    LineReader reader(source(format), small(), collected);
    reader.begin_after(before);
    reader.feed(text);
    CHECK(collected.poison == 0);
    return collected.events;
  };
  using Events = std::vector<Read>;
  CHECK(read(Format::lines, "", "a\nb\n") == Events{{"", "", "a"}, {"", "", "b"}});
  CHECK(read(Format::lines, "x\n", "a\nb\n") == Events{{"", "", "a"}, {"", "", "b"}});
  CHECK(read(Format::lines, "x", "a\nb\n") == Events{{"", "", "b"}});
  CHECK(read(Format::sse, "x\n\n", "data: a\n\ndata: b\n\n") == Events{{"", "", "a"}, {"", "", "b"}});
  CHECK(read(Format::sse, "\r\n\r\n", "data: a\n\n") == Events{{"", "", "a"}});
  CHECK(read(Format::sse, "x\n", "data: a\n\ndata: b\n\n") == Events{{"", "", "b"}});
  CHECK(read(Format::sse, "x", "y\ndata: a\n\ndata: b\n\n") == Events{{"", "", "b"}});
}

}  // namespace sluice::source
