#include "gateway/serve/path.h"

#include <algorithm>
#include <optional>

#include "gateway/serve/query.h"
#include "proto/sse.h"

namespace sluice::serve {
namespace {

struct Category final : boost::system::error_category {
  [[nodiscard]] const char* name() const noexcept override { return "sluice.path"; }
  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<PathError>(code)) {
      case PathError::not_absolute:
        return "the path does not begin with '/'";
      case PathError::bad_escape:
        return "'%' is not followed by two hexadecimal digits";
      case PathError::encoded_slash:
        return "a segment holds an encoded '/'";
      case PathError::dot_segment:
        return "\".\" and \"..\" are not followed";
      case PathError::empty_segment:
        return "an empty segment (\"//\")";
      case PathError::control_character:
        return "a control character";
      case PathError::not_utf8:
        return "the path is not UTF-8 once decoded";
    }
    return "unknown";
  }
};

// C0, DEL and, in their UTF-8 form, C1.
bool has_control(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) return true;
  }
  return false;
}

// What a decoded segment may not be, wherever it came from.
std::optional<PathError> fault(std::string_view segment) {
  if (segment == "." || segment == "..") return PathError::dot_segment;
  if (!proto::sse::valid_utf8(segment)) return PathError::not_utf8;
  if (has_control(segment)) return PathError::control_character;
  return std::nullopt;
}

}  // namespace

boost::system::error_code make_error_code(PathError error) {
  static const Category category;
  return {static_cast<int>(error), category};
}

boost::system::result<std::vector<std::string>> split_path(std::string_view path) {
  if (!path.starts_with('/')) return make_error_code(PathError::not_absolute);
  std::vector<std::string> segments;
  for (;;) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    const bool last = end == path.size();
    auto segment = percent_decode(path.substr(0, end));
    if (!segment) return make_error_code(PathError::bad_escape);
    if (segment->empty() && !last) return make_error_code(PathError::empty_segment);
    if (segment->find('/') != std::string::npos) return make_error_code(PathError::encoded_slash);
    if (const auto error = fault(*segment)) return make_error_code(*error);
    segments.push_back(std::move(*segment));
    if (last) return segments;
    path.remove_prefix(end);
  }
}

bool valid_topic_name(std::string_view topic) {
  for (;;) {
    const std::size_t end = std::min(topic.find('/'), topic.size());
    const std::string_view segment = topic.substr(0, end);
    if (segment.empty() || segment == "**" || fault(segment)) return false;
    if (end == topic.size()) return true;
    topic.remove_prefix(end + 1);
  }
}

bool valid_capture(std::string_view segment) {
  // 128 bytes: the key of the engine behind holds several of them.
  return !segment.empty() && segment.size() <= 128 && std::ranges::all_of(segment, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  });
}

}  // namespace sluice::serve
