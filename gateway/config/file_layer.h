// The first layer of a configuration: the file, read against the table of keys. Called by load() only.
#pragma once

#include <filesystem>
#include <string_view>

#include "gateway/config/draft.h"
#include "gateway/config/expansion.h"

namespace sluice::config {

// `file` names the text in messages; relative paths in it begin in its folder. Throws ConfigError when it is not TOML;
// every other mistake becomes a problem of the draft.
void take_file(Draft& draft, std::string_view text, const std::filesystem::path& file, const Environment& environment);

}  // namespace sluice::config
