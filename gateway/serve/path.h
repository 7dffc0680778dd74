// The segments of a request path or a topic name, decoded and checked. Pure; the route table's first step.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/system/result.hpp>

namespace sluice::serve {

enum class PathError : std::uint8_t {
  not_absolute = 1,
  bad_escape,
  encoded_slash,
  dot_segment,
  empty_segment,
  control_character,
  not_utf8,
};
[[nodiscard]] boost::system::error_code make_error_code(PathError error);

// "/a/b%20c" → {"a", "b c"}; "/" → {""}; "/a/" → {"a", ""}: only the last may be empty.
[[nodiscard]] boost::system::result<std::vector<std::string>> split_path(std::string_view path);

// Whether every segment of a decoded name ("demo/clock") can be part of a topic: not empty, not ".", ".." or a pattern
// ("**"), no control characters, UTF-8.
[[nodiscard]] bool valid_topic_name(std::string_view topic);
// What templates capture, and what a topic's segments are unless publishers name them: [A-Za-z0-9_.-]{1,128}. Never a
// glob or a separator of the engine behind.
[[nodiscard]] bool valid_capture(std::string_view segment);

}  // namespace sluice::serve

template <>
struct boost::system::is_error_code_enum<sluice::serve::PathError> : std::true_type {};
