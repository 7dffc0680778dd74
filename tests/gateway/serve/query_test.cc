#include "gateway/serve/query.h"

#include <doctest/doctest.h>

using sluice::serve::percent_decode;
using sluice::serve::QueryError;
using sluice::serve::QueryParameters;
using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST_CASE("a query is read pair by pair, in order, with repeated names") {
  struct Row {
    std::string name, query;
    Pairs pairs;
  };
  const Row rows[] = {
      {"nothing", "", {}},
      {"one", "topic=demo/clock", {{"topic", "demo/clock"}}},
      {"repeated", "topic=a&x=1&topic=b", {{"topic", "a"}, {"x", "1"}, {"topic", "b"}}},
      {"escapes in names and values", "a%3Db=c%26d%C3%A9", {{"a=b", "c&d\xc3\xa9"}}},
      {"plus is a space", "a=b+c%2B", {{"a", "b c+"}}},
      {"no value, empty value, empty pair, empty name", "a&b=&&=c", {{"a", ""}, {"b", ""}, {"", "c"}}},
      {"only the first '=' splits", "a=b=c", {{"a", "b=c"}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto parameters = QueryParameters::parse(row.query);
    REQUIRE(parameters.has_value());
    CHECK(parameters->pairs() == row.pairs);
  }
  const auto parameters = *QueryParameters::parse("topic=a&x=1&topic=b");
  CHECK(parameters.first("topic") == "a");
  CHECK(parameters.all("topic") == std::vector<std::string_view>{"a", "b"});
  CHECK_FALSE(parameters.first("y"));
}

TEST_CASE("a bad escape is an error, never text") {
  for (const char* text : {"%", "%4", "a%", "%zz", "%4g", "%%41", "% 41"}) {
    CAPTURE(text);
    CHECK(percent_decode(text).error() == QueryError::bad_escape);
    CHECK(QueryParameters::parse(std::string("x=") + text).error() == QueryError::bad_escape);
  }
  CHECK(*percent_decode("a+b%2b%2B") == "a+b++");
}

TEST_CASE("a query with too many parameters is refused") {
  std::string query = "t=0";
  for (std::size_t i = 1; i < QueryParameters::count_max; ++i) query += "&t=" + std::to_string(i);
  CHECK(QueryParameters::parse(query).has_value());
  CHECK(QueryParameters::parse(query + "&t=x").error() == QueryError::too_many_parameters);
}
