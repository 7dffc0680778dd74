#include "gateway/config/route_path.h"

#include <doctest/doctest.h>

#include "gateway/config/config.h"

using namespace sluice::config;

TEST_CASE("a path is literal segments, whole captures, and a rest at the end") {
  for (const char* path :
       {"/", "/orders", "/a/{name}/b", "/{a}/{b}", "/**", "/files/**", "/a/{x}/**", "/é", "/a.b~c-d_e"})
    CHECK_MESSAGE(route_path_problem(path) == "", path);
}

TEST_CASE("a path that is none says why") {
  struct Row {
    const char* path;
    const char* problem;
  };
  const Row rows[] = {
      {"", "must begin with `/`"},
      {"orders", "must begin with `/`"},
      {"/a/", "has an empty segment; write one `/` between segments and none at the end"},
      {"//", "has an empty segment; write one `/` between segments and none at the end"},
      {"/**/a", "has `**` before the end; it takes the whole rest of the path"},
      {"/a*", "has `a*`; the only wildcard is `/**` at the end"},
      {"/*", "has `*`; the only wildcard is `/**` at the end"},
      {"/{}", "has the capture `{}`; a name is [A-Za-z0-9_-]+"},
      {"/{a b}", "has the capture `{a b}`; a name is [A-Za-z0-9_-]+"},
      {"/a{b}", "has `a{b}`; a capture is a whole segment: `/{name}`"},
      {"/{b", "has `{b`; a capture is a whole segment: `/{name}`"},
      {"/{x}/{x}", "captures `x` twice; give each its own name"},
      {"/a/../b", "has a `.` or `..` segment, which no request keeps"},
      {"/a?topic=b", "has `a?topic=b`; write the decoded path, without a query"},
      {"/a b", "has `a b`; write the decoded path, without a query"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.path);
    CHECK(route_path_problem(row.path) == row.problem);
  }
}

TEST_CASE("captures of any name make the same shape") {
  CHECK(route_path_shape("/a/{x}") == route_path_shape("/a/{y}"));
  CHECK(route_path_shape("/a/{x}") != route_path_shape("/a/x"));
  CHECK(route_path_shape("/a/{x}") != route_path_shape("/a/**"));
  CHECK(route_path_shape("/") != route_path_shape("/a"));
}

TEST_CASE("a topic is a source, or a name or everything below it") {
  for (const char* topic : {"audit", "fleet/eu", "fleet/eu/1", "fleet/**", "fleet/eu/**"})
    CHECK_MESSAGE(topic_pattern_problem(topic) == "", topic);
  for (const char* topic : {"", "/", "fleet/", "/fleet", "**", "fleet/*", "fleet/**/a", "fleet/a b", "a\n"})
    CHECK_MESSAGE(topic_pattern_problem(topic) != "", topic);
}

TEST_CASE("a route serves the source that it names, and those of its topics") {
  for (const char* topic : {"fleet", "fleet/eu/1", "fleet/**"}) CHECK_MESSAGE(source_of_topic(topic) == "fleet", topic);
  const Route own{.path = "/fleet/{car}", .source = "fleet"};
  const Route several{.path = "/all", .topics = {"audit", "fleet/**"}};
  for (const Route& route : {own, several}) {
    CHECK(serves(route, "fleet"));
    CHECK_FALSE(serves(route, "flee"));
  }
  CHECK(serves(several, "audit"));
}
