// The path pattern of a route: "/orders", "/topics/{topic}", "/a/{name}/b", "/files/**" (the rest of the path). Pure.
// A capture is a whole segment; "**" is the whole last segment.
#pragma once

#include <string>
#include <string_view>

namespace sluice::config {

// What is wrong with the pattern, with its remedy; empty: nothing.
[[nodiscard]] std::string route_path_problem(std::string_view path);

// Two patterns match the same paths when their shapes are equal: "/a/{x}" and "/a/{y}" are both "/a/{}".
[[nodiscard]] std::string route_path_shape(std::string_view path);

// Sources, captures: [A-Za-z0-9_-]+.
[[nodiscard]] bool valid_name(std::string_view name);

// A topic or a pattern of topics: "<source>", "<source>/a/b", "<source>/**". What is wrong with it, or empty.
[[nodiscard]] std::string topic_pattern_problem(std::string_view topic);

}  // namespace sluice::config
