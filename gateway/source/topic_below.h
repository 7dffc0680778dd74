// The full name of a topic from what a foreign system calls it: the source's name, and below it segments. Pure.
// Invariant: what it returns can be subscribed to: segments that are not empty, "." or ".." and no pattern, UTF-8
// without controls, within limits.topic_name (serve/path holds requests to the same).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proto/sse.h"

namespace sluice::source {

// `below` empty: the source's own topic. nullopt: no topic can be called so.
[[nodiscard]] inline std::optional<std::string> topic_below(std::string_view source, std::string_view below,
                                                            std::size_t size_max) {
  std::string name(source);
  if (below.empty()) return name;
  name.append("/").append(below);
  if (name.size() > size_max || !proto::sse::valid_utf8(below)) return std::nullopt;
  for (std::size_t at = 0; at != below.size(); ++at) {
    const auto byte = static_cast<unsigned char>(below[at]);
    if (byte < 0x20 || byte == 0x7f) return std::nullopt;
    if (byte == 0xc2 && static_cast<unsigned char>(below[at + 1]) < 0xa0) return std::nullopt;  // C1
  }
  while (true) {
    const std::size_t slash = below.find('/');
    const std::string_view segment = below.substr(0, slash);
    if (segment.empty() || segment == "." || segment == ".." || segment == "**") return std::nullopt;
    if (slash == std::string_view::npos) return name;
    below.remove_prefix(slash + 1);
  }
}

}  // namespace sluice::source
