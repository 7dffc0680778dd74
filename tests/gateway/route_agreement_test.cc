// The configuration says which patterns are valid, the route table compiles and matches them: one grammar.
// What `sluice check` accepts must start, and must answer the path that a reader of the pattern expects.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gateway/config/route_path.h"
#include "gateway/serve/query.h"
#include "gateway/serve/route_table.h"

using namespace sluice;

namespace {

serve::RouteTable table_of(std::vector<std::string> paths) {
  std::vector<config::Route> routes;
  for (std::string& path : paths) routes.push_back({.path = std::move(path), .source = "orders"});
  return {std::move(routes), {{.name = "orders", .url = "publish:"}}, {}};
}

bool compiles(std::vector<std::string> paths) {
  try {
    static_cast<void>(table_of(std::move(paths)));
    return true;
  } catch (const std::invalid_argument&) {
    return false;
  }
}

// The topic of a path, or "" when the table has none for it.
std::string topic_at(const serve::RouteTable& table, std::string_view path) {
  const auto found = table.find("GET", path, serve::QueryParameters{});
  const auto* match = std::get_if<serve::RouteMatch>(&found);
  return match == nullptr ? "" : match->topics.at(0);
}

}  // namespace

TEST_CASE("a pattern that check accepts starts, and matches what it says") {
  struct Row {
    const char* pattern;
    const char* path;   // one that it matches
    const char* topic;  // what it then means
    const char* other;  // one that it does not
  };
  const Row rows[] = {
      {"/", "/", "orders", "/a"},
      {"/orders", "/orders", "orders", "/orders/a"},
      {"/orders", "/%6Frders", "orders", "/order"},
      {"/a/b/c", "/a/b/c", "orders", "/a/b"},
      {"/a/{name}", "/a/x", "orders/x", "/a"},
      {"/a/{name}/b", "/a/x/b", "orders/x", "/a/x/c"},
      {"/{a}/{b}", "/x/y", "orders/x/y", "/x"},
      {"/{under_score-9}", "/x", "orders/x", "/x/y"},
      {"/**", "/x/y/z", "orders/x/y/z", "/x//y"},
      {"/files/**", "/files/x", "orders/x", "/files"},
      {"/a/{x}/**", "/a/b/c/d", "orders/b/c/d", "/a/b"},
      {"/\xc3\xa9", "/%C3%A9", "orders", "/e"},
      {"/a.b~c-d_e", "/a.b~c-d_e", "orders", "/a.b"},
      {"/a+b&c=d;e@f!g$h'i(j)k,l:m", "/a+b&c=d;e@f!g$h'i(j)k,l:m", "orders", "/a"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.pattern));
    CHECK(config::route_path_problem(row.pattern) == "");
    REQUIRE(compiles({row.pattern}));
    const serve::RouteTable table = table_of({row.pattern});
    CHECK(topic_at(table, row.path) == row.topic);
    CHECK(topic_at(table, row.other) == "");
  }
}

TEST_CASE("a pattern that check refuses does not start either") {
  const char* const rows[] = {
      "",       "orders",  "/a/",   "//",       "/a//b",   "/**/a",       "/a/**/b", "/a*",  "/*",
      "/**a",   "/***",    "/{}",   "/{a b}",   "/{a.b}",  "/{\xc3\xa9}", "/a{b}",   "/{b",  "/b}",
      "/{{a}}", "/{a}{b}", "/{a}b", "/{x}/{x}", "/a/../b", "/.",          "/a/.",    "/a?b", "/a#b",
      "/a%2Fb", "/%41",    "/a b",  "/a\tb",    "/a\x7f",  "/a\\b",       "/a\"b",   "/<a>",
  };
  for (const char* pattern : rows) {
    CAPTURE(std::string(pattern));
    CHECK(config::route_path_problem(pattern) != "");
    CHECK_FALSE(compiles({pattern}));
  }
}

TEST_CASE("two patterns that check takes for one do not start together, and others do") {
  struct Row {
    const char* a;
    const char* b;
  };
  const Row rows[] = {
      {"/a", "/a"},        {"/a/{x}", "/a/{y}"}, {"/{x}/**", "/{y}/**"}, {"/**", "/**"},  {"/a/{x}", "/a/x"},
      {"/a/{x}", "/a/**"}, {"/a", "/b"},         {"/", "/**"},           {"/a", "/a/**"}, {"/{x}/b", "/a/{x}"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.a));
    CAPTURE(std::string(row.b));
    CHECK((config::route_path_shape(row.a) != config::route_path_shape(row.b)) == compiles({row.a, row.b}));
  }
}
