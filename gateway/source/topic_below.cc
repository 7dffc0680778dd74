#include "gateway/source/topic_below.h"

#include <algorithm>

#include "proto/sse.h"

namespace sluice::source {

namespace {

// C0, DEL and, in their UTF-8 form, C1: no request path may hold them.
bool has_control(std::string_view text) {
  for (std::size_t at = 0; at != text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && at + 1 != text.size() && static_cast<unsigned char>(text[at + 1]) < 0xa0) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> topic_below(std::string_view source, std::string_view text, const config::Limits& limits) {
  std::string name(source);
  if (text.empty()) return name;
  name.append("/").append(text);
  if (name.size() > limits.topic_name || !proto::sse::valid_utf8(text) || has_control(text)) return std::nullopt;
  for (;;) {
    const std::size_t end = std::min(text.find('/'), text.size());
    const std::string_view segment = text.substr(0, end);
    if (segment.empty() || segment == "." || segment == ".." || segment == "**") return std::nullopt;
    if (end == text.size()) return name;
    text.remove_prefix(end + 1);
  }
}

}  // namespace sluice::source
