// A Config as a TOML file that loads to an equal Config: every key with its value. For tests and `sluice check
// --print`.
#pragma once

#include <string>

#include "gateway/config/config.h"

namespace sluice::config {

enum class Secrets : bool { hidden, shown };

[[nodiscard]] std::string print(const Config& config, Secrets secrets);

}  // namespace sluice::config
