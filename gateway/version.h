// What this build is: its version, the libraries that it runs with, and what was built in.
#pragma once

#include <string>

namespace sluice {

// Four lines for `sluice version`.
[[nodiscard]] std::string version_text();

}  // namespace sluice
