// The table of keys as Markdown: the part of docs/configuration.md between its two markers. A test keeps them equal.
#pragma once

#include <string>

namespace sluice::config {

[[nodiscard]] std::string reference();

}  // namespace sluice::config
