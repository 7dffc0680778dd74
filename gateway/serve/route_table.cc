#include "gateway/serve/route_table.h"

#include <algorithm>
#include <stdexcept>

#include "gateway/config/route_path.h"
#include "gateway/serve/path.h"

namespace sluice::serve {

struct RouteTable::Pattern {
  enum class Kind : std::uint8_t { literal, capture, rest };  // in order of specificity
  struct Segment {
    Kind kind;
    std::string literal;
    friend auto operator<=>(const Segment&, const Segment&) = default;
  };
  std::vector<Segment> segments;
  const config::Route* route;
};

namespace {

using Segments = std::vector<std::string>;

[[noreturn]] void reject(const config::Route& route, const std::string& why) {
  throw std::invalid_argument("route \"" + route.path + "\": " + why);
}

// Whether the list of a route holds `topic`, exactly or under "prefix/**".
bool listed(const std::vector<std::string>& names, std::string_view topic) {
  return std::ranges::any_of(names, [topic](std::string_view name) {
    if (name == topic) return true;
    if (!name.ends_with("/**")) return false;
    name.remove_suffix(2);  // keeps the '/'
    return topic.size() > name.size() && topic.starts_with(name);
  });
}

Problem no_such_topic(std::string_view topic) {
  return {.status = 404, .error = "no-such-topic", .detail = "this route has no topic \"" + std::string(topic) + '"'};
}

Problem bad_topic(std::string detail) { return {.error = "bad-topic", .detail = std::move(detail)}; }

}  // namespace

RouteTable::RouteTable(RouteTable&&) noexcept = default;
RouteTable& RouteTable::operator=(RouteTable&&) noexcept = default;
RouteTable::~RouteTable() = default;

RouteTable::RouteTable(std::vector<config::Route> routes, const std::vector<config::Source>& sources,
                       const config::Limits& limits)
    : routes_(std::move(routes)), topic_size_max_(limits.topic_name), topics_max_(limits.topics_per_stream) {
  for (const config::Source& source : sources) {
    const bool own = source.scheme() == "publish";
    if (own) named_by_publishers_.push_back(source.name);
    if (own || source.publish) publish_sources_.push_back(source.name);
  }
  for (const config::Route& route : routes_) {
    Pattern pattern{{}, &route};
    if (const std::string problem = config::route_path_problem(route.path); !problem.empty()) reject(route, problem);
    auto segments = split_path(route.path);
    if (!segments) reject(route, segments.error().message());
    for (std::string& segment : *segments) {
      if (segment == "**")
        pattern.segments.push_back({Pattern::Kind::rest, ""});
      else if (segment.starts_with('{'))
        pattern.segments.push_back({Pattern::Kind::capture, ""});
      else
        pattern.segments.push_back({Pattern::Kind::literal, std::move(segment)});
    }
    patterns_.push_back(std::move(pattern));
  }
  std::ranges::sort(patterns_, {}, &Pattern::segments);
  const auto twin = std::ranges::adjacent_find(patterns_, {}, &Pattern::segments);
  if (twin != patterns_.end())
    reject(*std::next(twin)->route, "matches exactly what route \"" + twin->route->path + "\" matches");
}

bool RouteTable::named_by_publishers(std::string_view source) const {
  return std::ranges::find(named_by_publishers_, source) != named_by_publishers_.end();
}

bool RouteTable::takes_publishes(std::string_view source) const {
  return std::ranges::find(publish_sources_, source) != publish_sources_.end();
}

bool RouteTable::match(const Pattern& pattern, const Segments& segments, RouteMatch& found) const {
  const config::Route& route = *pattern.route;
  const bool file = route.files.has_value();
  const bool any_name = named_by_publishers(route.source);
  std::string topic = route.source;
  const auto take = [&](const std::string& segment) {
    if (!file && (segment.empty() || segment == "**" || (!any_name && !valid_capture(segment)))) return false;
    topic += '/';
    topic += segment;
    return true;
  };
  std::size_t at = 0;
  for (const Pattern::Segment& part : pattern.segments) {
    if (part.kind == Pattern::Kind::rest) {
      // A directory answers for itself ("/docs" under "/docs/**"); a topic needs a name.
      if (at == segments.size() && !file) return false;
      for (std::size_t i = at; i < segments.size(); ++i) {
        if (!take(segments[i])) return false;
        if (i > at) found.file += '/';
        found.file += segments[i];
      }
      at = segments.size();
    } else {
      if (at == segments.size()) return false;
      if (part.kind == Pattern::Kind::literal ? part.literal != segments[at] : !take(segments[at])) return false;
      ++at;
    }
  }
  if (at != segments.size()) return false;
  found.route = &route;
  if (!file && !route.source.empty()) found.topics = {std::move(topic)};
  return true;
}

std::optional<Problem> RouteTable::refuse_topic(std::string_view topic) const {
  if (topic.size() > topic_size_max_)
    return Problem{.error = "bad-topic",
                   .detail = "a topic name has at most " + std::to_string(topic_size_max_) +
                             " bytes (limits.topic_name), this one has " + std::to_string(topic.size()),
                   .limit = "topic_name"};
  if (!valid_topic_name(topic))
    return bad_topic(
        "a topic name is segments joined by '/': UTF-8, not empty, not \".\", \"..\" or \"**\", without "
        "control characters");
  return std::nullopt;
}

std::optional<Problem> RouteTable::select_topics(const QueryParameters& query, RouteMatch& found) const {
  const std::vector<std::string>& offered = found.route->topics;
  const std::vector<std::string_view> asked = query.all("topic");
  if (asked.empty()) found.topics = offered;
  for (const std::string_view topic : asked) {
    const bool view = std::ranges::find(offered, topic) != offered.end();  // as the route writes it
    if (!view) {
      if (auto problem = refuse_topic(topic)) return problem;
      if (!listed(offered, topic)) return no_such_topic(topic);
      const std::string_view source = config::source_of_topic(topic);
      for (std::string_view rest = topic; !named_by_publishers(source) && !rest.empty();) {
        const std::size_t end = std::min(rest.find('/'), rest.size());
        if (!valid_capture(rest.substr(0, end))) return no_such_topic(topic);
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
    if (std::ranges::find(found.topics, topic) == found.topics.end()) found.topics.emplace_back(topic);
  }
  if (found.topics.size() > topics_max_)
    return Problem{
        .error = "too-many-topics",
        .detail = "one stream carries at most " + std::to_string(topics_max_) + " topics (limits.topics_per_stream)",
        .limit = "topics_per_stream"};
  return std::nullopt;
}

std::variant<RouteMatch, Problem> RouteTable::find(std::string_view method, std::string_view path,
                                                   const QueryParameters& query) const {
  const auto segments = split_path(path);
  if (!segments) return Problem{.error = "bad-path", .detail = "bad path: " + segments.error().message()};
  for (const Pattern& pattern : patterns_) {
    RouteMatch found;
    if (!match(pattern, *segments, found)) continue;
    const config::Route& route = *found.route;
    const bool publishes = takes_publishes(route.source);
    found.allow = route.files ? "GET, HEAD, OPTIONS" : publishes ? "GET, POST, OPTIONS" : "GET, OPTIONS";
    if (method == "OPTIONS") {
      found.action = RouteMatch::Action::options;
      return found;
    }
    if (route.files) {
      found.action = RouteMatch::Action::file;
      if (method == "GET" || method == "HEAD") return found;
    } else if (method == "GET") {
      found.action = RouteMatch::Action::stream;
      auto problem = route.source.empty() ? select_topics(query, found) : refuse_topic(found.topics.front());
      if (problem) return std::move(*problem);
      return found;
    } else if (method == "POST" && publishes) {
      found.action = RouteMatch::Action::publish;
      if (auto problem = refuse_topic(found.topics.front())) return std::move(*problem);
      return found;
    }
    std::string detail = "this path answers " + found.allow;
    if (method == "POST" && !route.files)
      detail += route.source.empty()
                    ? "; publish to the topic's own route"
                    : "; its source takes no events from publishers (`publish:`, or `publish = true` on an engine)";
    return Problem{.status = 405,
                   .error = "method-not-allowed",
                   .detail = std::move(detail),
                   .fields = {{"allow", std::move(found.allow)}}};
  }
  return Problem{.status = 404, .error = "not-found", .detail = "no route answers this path"};
}

}  // namespace sluice::serve
