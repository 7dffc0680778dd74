// Presets: how other servers of event streams are subscribed to and published to, so that nobody has to write the
// templates by hand. A table; each row as the server's own documentation has it.
// Invariant: names are unique; the templates are those of Publishing in plan.h.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::bench {

struct Preset {
  std::string_view name;
  std::string_view subscribe_path, subscribe_query;  // where the URL names none
  std::uint16_t publish_port;                        // 0: the subscribers' own server
  bool publish_tls;                                  // with a port of its own only
  std::string_view publish_path, publish_query;
  std::string_view content_type, body;
  std::string_view about;  // for --help
};

[[nodiscard]] std::span<const Preset> presets();
[[nodiscard]] const Preset* find_preset(std::string_view name);  // null: there is none

}  // namespace sluice::bench
