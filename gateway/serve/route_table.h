// RouteTable: which route answers a path, and which topics it means. Compiled once from the configuration; immutable,
// so every worker may read it. Pure; asked by serve/router for each request.
//
// A pattern is segments: a literal ("demo"), a capture of one segment ("{name}"), or, last, the rest ("**"). The most
// specific pattern wins whatever the order of the file: patterns are compared segment by segment from the left,
// literal before capture before rest; the first difference decides. Two patterns that differ in nothing but the names
// of their captures are an error.
// A topic is `<source>` for a literal pattern, `<source>/<captures and rest, joined by '/'>` otherwise.
// Invariant: nothing is ever normalised into another topic: "//", ".", "..", an encoded '/', control characters and
// bad UTF-8 are refused with 400 before any pattern is looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/serve/answer.h"
#include "gateway/serve/query.h"

namespace sluice::serve {

struct RouteMatch {
  enum class Action : std::uint8_t { stream, publish, file, options };
  const config::Route* route = nullptr;  // lives as long as the table
  Action action = Action::stream;
  // stream: one or more, each once, in the order asked; a name that ends in "/**" is a view of all that begin so, and
  // stands only where the route's own list has it. publish: exactly one, no view.
  std::vector<std::string> topics;
  std::string file;   // file: the decoded rest of the path, without a leading '/': "", "page.css", "docs/"
  std::string allow;  // the methods that this path has: "GET, POST, OPTIONS"
};

class RouteTable {
 public:
  // Throws std::invalid_argument that names the pattern and what is wrong with it.
  RouteTable(std::vector<config::Route> routes, const std::vector<config::Source>& sources,
             const config::Limits& limits);
  RouteTable(RouteTable&&) noexcept;
  RouteTable& operator=(RouteTable&&) noexcept;
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;
  ~RouteTable();

  // `path` as it came, percent-encoded; the query only matters to routes over several topics. Problems: 400 for a path
  // or a topic that cannot be, 404, 405 with `allow`.
  [[nodiscard]] std::variant<RouteMatch, Problem> find(std::string_view method, std::string_view path,
                                                       const QueryParameters& query) const;

 private:
  struct Pattern;
  std::vector<config::Route> routes_;
  std::vector<Pattern> patterns_;  // most specific first
  std::size_t topic_size_max_, topics_max_;
  std::vector<std::string> publish_sources_;      // whose topics a POST may append to
  std::vector<std::string> named_by_publishers_;  // of them: whose topics are called what publishers call them

  [[nodiscard]] bool named_by_publishers(std::string_view source) const;
  [[nodiscard]] bool takes_publishes(std::string_view source) const;
  [[nodiscard]] bool match(const Pattern& pattern, const std::vector<std::string>& segments, RouteMatch& found) const;
  [[nodiscard]] std::optional<Problem> select_topics(const QueryParameters& query, RouteMatch& found) const;
  [[nodiscard]] std::optional<Problem> refuse_topic(std::string_view topic) const;
};

}  // namespace sluice::serve
