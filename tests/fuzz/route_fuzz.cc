// Any path and query against a table with every kind of pattern. Oracles: a topic that is found is a topic name within
// the limit, belongs to the route's source or list, and its canonical spelling finds the same topic: no two spellings
// lead a path into another topic. A file never leaves its directory.
#include <cstdint>
#include <string>

#include "gateway/serve/path.h"
#include "gateway/serve/route_table.h"
#include "proto/check.h"

using namespace sluice;

namespace {

const serve::RouteTable& table() {
  static const serve::RouteTable table({{.path = "/demo/{name}", .source = "demo"},
                                        {.path = "/topics/**", .source = "topics"},
                                        {.path = "/stream", .topics = {"demo/**", "topics/**"}},
                                        {.path = "/files/**", .files = "embedded:"}},
                                       {{.name = "demo", .url = "demo:"}, {.name = "topics", .url = "publish:"}}, {});
  return table;
}

std::string escape(std::string_view text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '/') {
      out += c;
      continue;
    }
    out += '%';
    out += hex[byte >> 4];
    out += hex[byte & 15];
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view target(reinterpret_cast<const char*>(data), size);
  const std::size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  const auto query = serve::QueryParameters::parse(mark == std::string_view::npos ? "" : target.substr(mark + 1));
  if (!query) return 0;
  const auto found = table().find("GET", path, *query);
  if (std::holds_alternative<serve::Problem>(found)) return 0;
  const auto& match = std::get<serve::RouteMatch>(found);
  if (match.action == serve::RouteMatch::Action::file) {
    check(("/" + match.file + "/").find("/../") == std::string::npos, "no way up");
    check(match.file.find('\0') == std::string::npos, "no NUL");
    return 0;
  }
  check(!match.topics.empty(), "a stream has a topic");
  for (const std::string& topic : match.topics) {
    if (topic == "demo/**" || topic == "topics/**") {
      check(match.route->source.empty(), "a view only where the route lists it");
      continue;
    }
    check(topic.size() <= 512 && serve::valid_topic_name(topic), "a topic name");
    check(topic.starts_with("demo/") || topic.starts_with("topics/"), "a topic of ours");
    const std::string canonical = "/" + escape(topic);
    const auto again = table().find("GET", canonical, {});
    check(std::holds_alternative<serve::RouteMatch>(again) || !match.route->source.size(), "its own route knows it");
    if (const auto* same = std::get_if<serve::RouteMatch>(&again))
      check(same->topics == std::vector<std::string>{topic}, "one spelling, one topic");
  }
  return 0;
}
