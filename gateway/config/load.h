// load(): from file, environment and command line to a Config, or every problem at once.
// Flow: parse_document → ${VAR} → the table of keys → SLUICE_* → --set and flags → what only the whole can show.
// Called once at start, by main. Reads the file and access.publish_secret_file, nothing else.
// Invariant: of one key, the command line wins over the environment, that over the file, that over the default.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/config/expansion.h"
#include "gateway/config/problem.h"

namespace sluice::config {

struct Overrides {
  std::optional<std::filesystem::path> file;               // none: the zero configuration
  std::vector<std::string> set;                            // "limits.streams=100", "source.demo.rate=50"
  std::vector<std::pair<std::string, std::string>> flags;  // key and value, stronger than `set`: {"listen", ":8443"}
};

// Both throw ConfigError.
[[nodiscard]] Config load(const Overrides& overrides, const Environment& environment);
// The same from text in memory; `overrides.file` names it in messages, and its folder is where relative paths begin.
[[nodiscard]] Config load_text(std::string_view text, const Overrides& overrides, const Environment& environment);

}  // namespace sluice::config
