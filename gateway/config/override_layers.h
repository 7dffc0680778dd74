// The layers above the file: SLUICE_* from the environment, then --set and the flags. Called by load() only.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/config/draft.h"
#include "gateway/config/expansion.h"

namespace sluice::config {

// The variable that sets a key: "limits.streams" → "SLUICE_LIMITS__STREAMS".
[[nodiscard]] std::string environment_name(std::string_view key);

void take_environment(Draft& draft, const Environment& environment);
// `set`: "limits.streams=100"; `flags`: key and value, stronger than `set`.
void take_command_line(Draft& draft, const std::vector<std::string>& set,
                       const std::vector<std::pair<std::string, std::string>>& flags);

}  // namespace sluice::config
