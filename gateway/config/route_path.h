// The path pattern of a route: "/orders", "/topics/{topic}", "/a/{name}/b", "/files/**" (the rest of the path). A
// capture is a whole segment; "**" is the whole last segment. And the topics that a route names. Pure.
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

// "fleet" of "fleet", "fleet/eu/1" and "fleet/**".
[[nodiscard]] std::string_view source_of_topic(std::string_view topic);

struct Route;
// Whether the route is the source's own, or names a topic of it.
[[nodiscard]] bool serves(const Route& route, std::string_view source);

}  // namespace sluice::config
