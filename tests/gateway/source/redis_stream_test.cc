#include "gateway/source/redis_stream.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;
using proto::RedisReply;
using source::RedisStreamInfo;
using topic::NumberPair;

namespace {

RedisReply text(std::string value) { return {.kind = RedisReply::Kind::string, .text = std::move(value)}; }
RedisReply number(std::int64_t value) { return {.kind = RedisReply::Kind::integer, .integer = value}; }
RedisReply array(std::vector<RedisReply> elements) {
  return {.kind = RedisReply::Kind::array, .elements = std::move(elements)};
}
RedisReply entry(const std::string& id, std::vector<RedisReply> fields) {
  return array({text(id), array(std::move(fields))});
}

topic::Event event_of(std::vector<RedisReply> fields, const config::Mapping& map = {}) {
  const RedisReply entries = array({entry("1-0", std::move(fields))});
  return to_event(source::parse_entries(entries).front(), map);
}

}  // namespace

TEST_CASE("what XINFO says of a stream is how many entries ever went") {
  const auto info = source::parse_stream_info(
      array({text("length"), number(3), text("last-generated-id"), text("9-1"), text("entries-added"), number(10),
             text("first-entry"), entry("7-0", {text("data"), text("x")})}));
  REQUIRE(info);
  CHECK(info->exists);
  CHECK(info->last == NumberPair{9, 1});
  CHECK(info->first == NumberPair{7, 0});
  CHECK(info->removed() == 7);
}

TEST_CASE("a stream that is not there is an empty one, any other error is none") {
  const auto absent = source::parse_stream_info({.kind = RedisReply::Kind::error, .text = "ERR no such key"});
  REQUIRE(absent);
  CHECK_FALSE(absent->exists);
  CHECK(absent->last == NumberPair{0, 0});
  CHECK_FALSE(source::parse_stream_info({.kind = RedisReply::Kind::error, .text = "WRONGTYPE Operation against"}));
}

TEST_CASE("a server that does not count entries is taken to have lost some") {
  const auto info =
      source::parse_stream_info(array({text("length"), number(3), text("last-generated-id"), text("9-1")}));
  REQUIRE(info);
  CHECK(info->removed() == 1);
}

TEST_CASE("the id before an id is the greatest below it") {
  CHECK(source::redis_id_before({5, 3}) == NumberPair{5, 2});
  CHECK(source::redis_id_before({5, 0}) == NumberPair{4, 18'446'744'073'709'551'615U});
  CHECK(source::redis_id_before({0, 0}) == NumberPair{0, 0});
  CHECK(source::redis_id({5, 3}) == "5-3");
}

TEST_CASE("an entry becomes an event by its fields, by the mapping, or as a whole") {
  const topic::Event plain = event_of({text("data"), text("d"), text("event"), text("e"), text("key"), text("k")});
  CHECK(plain.data == "d");
  CHECK(plain.type == "e");
  CHECK(plain.key == "k");
  CHECK(event_of({text("user"), text("ann"), text("n"), text("1")}).data == R"({"user":"ann","n":"1"})");
  config::Mapping map;
  map.data = "/order";
  map.event = "type";
  const topic::Event mapped = event_of({text("data"), text(R"({"order":{"n":1}})"), text("type"), text("t")}, map);
  CHECK(mapped.data == R"({"n":1})");
  CHECK(mapped.type == "t");
}
