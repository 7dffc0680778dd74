#include "gateway/config/route_path.h"

#include <algorithm>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "gateway/config/config.h"

namespace sluice::config {
namespace {

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (true) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool capture(std::string_view segment) {
  return segment.size() >= 2 && segment.front() == '{' && segment.back() == '}';
}

bool has_control(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return true;
  return false;
}

}  // namespace

std::string route_path_problem(std::string_view path) {
  if (!path.starts_with('/')) return "must begin with `/`";
  if (path == "/") return {};
  const auto segments = segments_of(path.substr(1));
  std::set<std::string_view> captures;
  for (std::size_t index = 0; index < segments.size(); ++index) {
    const std::string_view segment = segments[index];
    if (segment.empty()) return "has an empty segment; write one `/` between segments and none at the end";
    if (segment == "**") {
      if (index + 1 != segments.size()) return "has `**` before the end; it takes the whole rest of the path";
    } else if (capture(segment)) {
      const std::string_view name = segment.substr(1, segment.size() - 2);
      if (!valid_name(name)) return fmt::format("has the capture `{}`; a name is [A-Za-z0-9_-]+", segment);
      if (!captures.insert(name).second) return fmt::format("captures `{}` twice; give each its own name", name);
    } else if (segment == "." || segment == "..") {
      return "has a `.` or `..` segment, which no request keeps";
    } else if (segment.find_first_of("{}") != std::string_view::npos) {
      return fmt::format("has `{}`; a capture is a whole segment: `/{{name}}`", segment);
    } else if (segment.find('*') != std::string_view::npos) {
      return fmt::format("has `{}`; the only wildcard is `/**` at the end", segment);
    } else if (has_control(segment) || segment.find_first_of("?#%\\\"<>") != std::string_view::npos) {
      return fmt::format("has `{}`; write the decoded path, without a query", segment);
    }
  }
  return {};
}

std::string route_path_shape(std::string_view path) {
  std::string shape;
  for (const std::string_view segment : segments_of(path)) {
    shape += capture(segment) ? std::string_view("{}") : segment;
    shape += '/';
  }
  shape.pop_back();
  return shape;
}

bool valid_name(std::string_view name) {
  return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
                              std::string_view::npos;
}

std::string topic_pattern_problem(std::string_view topic) {
  const auto segments = segments_of(topic);
  for (std::size_t index = 0; index < segments.size(); ++index) {
    const std::string_view segment = segments[index];
    if (segment.empty()) return "has an empty segment; write `source`, `source/name` or `source/**`";
    if (segment == "**" && index != 0 && index + 1 == segments.size()) continue;
    if (segment.find('*') != std::string_view::npos)
      return "has a misplaced `*`; the only wildcard is `/**` at the end";
    if (has_control(segment)) return "has a space or a control character";
  }
  return {};
}

std::string_view source_of_topic(std::string_view topic) { return topic.substr(0, topic.find('/')); }

bool serves(const Route& route, std::string_view source) {
  return route.source == source || std::ranges::any_of(route.topics, [source](const std::string& topic) {
           return source_of_topic(topic) == source;
         });
}

}  // namespace sluice::config
