// The table of keys as Markdown: the part of docs/configuration.md between its two markers. A test keeps them equal.
#pragma once

#include <string>

namespace sluice::config {

[[nodiscard]] std::string reference();

// For `sluice sources`: every scheme of this build, the keys that not all sources take, and the smallest example; then
// what other builds have.
[[nodiscard]] std::string sources_text();

}  // namespace sluice::config
