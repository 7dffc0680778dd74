#include "gateway/serve/route_table.h"

#include <algorithm>
#include <random>
#include <stdexcept>

#include <doctest/doctest.h>

using namespace sluice;
using serve::Problem;
using serve::QueryParameters;
using serve::RouteMatch;
using serve::RouteTable;

namespace {

config::Route stream(std::string path, std::string source) {
  return {.path = std::move(path), .source = std::move(source)};
}

const std::vector<config::Source> sources = {{.name = "demo", .url = "demo:"},
                                             {.name = "topics", .url = "publish:"},
                                             {.name = "orders", .url = "redis://localhost"}};

std::vector<config::Route> house() {
  return {
      stream("/demo/{name}", "demo"),
      stream("/topics/**", "topics"),
      stream("/orders", "orders"),
      stream("/orders/{region}/live", "orders"),
      stream("/orders/{region}/{kind}", "orders"),
      stream("/orders/eu/live", "demo"),
      {.path = "/stream", .topics = {"demo/**", "orders", "topics/a"}},
      {.path = "/all", .topics = {"demo/clock", "demo/walk"}},
      {.path = "/**", .files = "embedded:"},
      {.path = "/docs/**", .files = "docs"},
  };
}

// What a request gets, in one line: "stream demo/clock", "file page.css", "404 not-found".
std::string answer(const RouteTable& table, std::string_view method, std::string_view path,
                   std::string_view query = {}) {
  auto found = table.find(method, path, *QueryParameters::parse(query));
  if (const Problem* problem = std::get_if<Problem>(&found)) {
    const auto allow = proto::find_field(problem->fields, "allow");
    return std::to_string(problem->status) + " " + problem->error +
           (allow.empty() ? "" : " (" + std::string(allow) + ")");
  }
  const RouteMatch& match = std::get<RouteMatch>(found);
  static constexpr const char* actions[] = {"stream", "publish", "file", "options"};
  std::string text = actions[static_cast<int>(match.action)];
  if (match.action == RouteMatch::Action::options) return text + " " + match.allow;
  if (match.action == RouteMatch::Action::file) return text + " " + match.route->files->string() + " " + match.file;
  for (const std::string& topic : match.topics) text += " " + topic;
  return text;
}

struct Row {
  std::string method, path, query, answer;
};

const Row rows[] = {
    // Captures and the rest make the topic.
    {"GET", "/demo/clock", "", "stream demo/clock"},
    {"GET", "/demo/cl%6Fck", "", "stream demo/clock"},
    {"GET", "/orders", "", "stream orders"},
    {"GET", "/topics/a/b", "", "stream topics/a/b"},
    {"GET", "/topics/gr%C3%BC%C3%9Fe%20%2B", "",
     "stream topics/gr\xc3\xbc\xc3\x9f"
     "e +"},
    // The most specific route wins.
    {"GET", "/orders/eu/live", "", "stream demo"},
    {"GET", "/orders/us/live", "", "stream orders/us"},
    {"GET", "/orders/us/new", "", "stream orders/us/new"},
    {"GET", "/docs/a/b.html", "", "file docs a/b.html"},
    {"GET", "/docs", "", "file docs "},
    {"GET", "/docs/", "", "file docs "},
    {"GET", "/", "", "file embedded: "},
    {"HEAD", "/page.css", "", "file embedded: page.css"},
    // A path that no stream route can mean falls to the files.
    {"GET", "/demo/", "", "file embedded: demo/"},
    {"GET", "/demo/a/b", "", "file embedded: demo/a/b"},
    {"GET", "/demo/a*", "", "file embedded: demo/a*"},
    {"GET", "/topics", "", "file embedded: topics"},
    {"GET", "/topics/**", "", "file embedded: topics/**"},
    // Methods.
    {"POST", "/topics/a", "", "publish topics/a"},
    {"POST", "/demo/clock", "", "405 method-not-allowed (GET, OPTIONS)"},
    {"POST", "/stream", "topic=topics/a", "405 method-not-allowed (GET, OPTIONS)"},
    {"PUT", "/topics/a", "", "405 method-not-allowed (GET, POST, OPTIONS)"},
    {"HEAD", "/topics/a", "", "405 method-not-allowed (GET, POST, OPTIONS)"},
    {"DELETE", "/page.css", "", "405 method-not-allowed (GET, HEAD, OPTIONS)"},
    {"get", "/topics/a", "", "405 method-not-allowed (GET, POST, OPTIONS)"},
    {"OPTIONS", "/topics/a", "", "options GET, POST, OPTIONS"},
    {"OPTIONS", "/stream", "topic=nonsense", "options GET, OPTIONS"},
    // Several topics on one stream.
    {"GET", "/all", "", "stream demo/clock demo/walk"},
    {"GET", "/stream", "", "stream demo/** orders topics/a"},
    {"GET", "/stream", "topic=orders&topic=demo/walk&topic=orders", "stream orders demo/walk"},
    {"GET", "/stream", "topic=demo/**", "stream demo/**"},
    {"GET", "/stream", "topic=topics/b", "404 no-such-topic"},
    {"GET", "/stream", "topic=orders/eu", "404 no-such-topic"},
    {"GET", "/stream", "topic=demo", "404 no-such-topic"},
    {"GET", "/stream", "topic=demo/a*", "404 no-such-topic"},
    {"GET", "/stream", "topic=demo/", "400 bad-topic"},
    {"GET", "/stream", "topic=", "400 bad-topic"},
    {"GET", "/stream", "topic=demo/../orders", "400 bad-topic"},
    {"GET", "/stream", "topic=demo/x/**", "400 bad-topic"},
    {"GET", "/stream", "topic=demo/%FF", "400 bad-topic"},
    {"GET", "/stream", "topic=demo/%00", "400 bad-topic"},
    // Nothing is normalised into another topic.
    {"GET", "/topics//a", "", "400 bad-path"},
    {"GET", "//topics/a", "", "400 bad-path"},
    {"GET", "/topics/./a", "", "400 bad-path"},
    {"GET", "/topics/b/../a", "", "400 bad-path"},
    {"GET", "/topics/%2e%2e/a", "", "400 bad-path"},
    {"GET", "/topics/a%2Fb", "", "400 bad-path"},
    {"GET", "/topics/a%2", "", "400 bad-path"},
    {"GET", "/topics/%00", "", "400 bad-path"},
    {"GET", "/topics/a%0Ab", "", "400 bad-path"},
    {"GET", "/topics/%7F", "", "400 bad-path"},
    {"GET", "/topics/%C2%85", "", "400 bad-path"},
    {"GET", "/topics/%C0%AF", "", "400 bad-path"},
    {"GET", "*", "", "400 bad-path"},
    {"GET", "", "", "400 bad-path"},
};

}  // namespace

TEST_CASE("a path finds its route, its topics or a reason") {
  const RouteTable table(house(), sources, {});
  for (const Row& row : rows) {
    CAPTURE(row.method);
    CAPTURE(row.path);
    CAPTURE(row.query);
    CHECK(answer(table, row.method, row.path, row.query) == row.answer);
  }
}

TEST_CASE("the order of the file does not matter") {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    auto routes = house();
    std::ranges::shuffle(routes, random);
    const RouteTable table(std::move(routes), sources, {});
    for (const Row& row : rows) {
      CAPTURE(row.path);
      CHECK(answer(table, row.method, row.path, row.query) == row.answer);
    }
  }
}

TEST_CASE("without a route over everything, an unknown path is 404") {
  const RouteTable table({stream("/demo/{name}", "demo")}, sources, {});
  CHECK(answer(table, "GET", "/") == "404 not-found");
  CHECK(answer(table, "POST", "/nothing") == "404 not-found");
  CHECK(answer(table, "GET", "/demo/" + std::string(128, 'a')) == "stream demo/" + std::string(128, 'a'));
  CHECK(answer(table, "GET", "/demo/" + std::string(129, 'a')) == "404 not-found");
}

TEST_CASE("a topic name and the topics of a stream have their limits") {
  config::Limits limits;
  limits.topic_name = 20;
  limits.topics_per_stream = 2;
  const RouteTable table(house(), sources, limits);
  CHECK(answer(table, "POST", "/topics/" + std::string(13, 'x')) == "publish topics/" + std::string(13, 'x'));
  CHECK(answer(table, "POST", "/topics/" + std::string(14, 'x')) == "400 bad-topic");
  CHECK(answer(table, "GET", "/topics/" + std::string(14, 'x')) == "400 bad-topic");
  CHECK(answer(table, "GET", "/stream", "topic=demo/a&topic=demo/b") == "stream demo/a demo/b");
  CHECK(answer(table, "GET", "/stream", "topic=demo/a&topic=demo/b&topic=demo/c") == "400 too-many-topics");
}

TEST_CASE("a table that was moved still answers") {
  RouteTable first(house(), sources, {});
  RouteTable second = std::move(first);
  CHECK(answer(second, "GET", "/demo/clock") == "stream demo/clock");
}

TEST_CASE("a pattern that cannot be is refused with its name") {
  for (const char* path : {"demo", "/a/**/b", "/{", "/a{b}", "/{a}{b}", "/{}", "/a//b", "/../a", "/%zz"}) {
    CAPTURE(path);
    CHECK_THROWS_WITH_AS(RouteTable({stream(path, "demo")}, sources, {}), doctest::Contains(path),
                         std::invalid_argument);
  }
  CHECK_THROWS_WITH_AS(RouteTable({stream("/a/{x}", "demo"), stream("/a/{y}", "topics")}, sources, {}),
                       doctest::Contains("matches exactly"), std::invalid_argument);
}
