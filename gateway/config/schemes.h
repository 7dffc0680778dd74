// The schemes of source URLs: which adapters there are, what each is for and needs, and whether this build has it. One
// table for the checks of a file, `sluice sources`, `sluice version` and the documentation. Immutable.
#pragma once

#include <string_view>
#include <vector>

namespace sluice::config {

struct Scheme {
  std::string_view name;     // "redis"
  std::string_view summary;  // one line
  std::string_view library;  // whose Meson feature brings it; empty: always there
  bool built_in;
  std::string_view needs;    // keys of which one must be set, parted by blanks; empty: none
  std::string_view example;  // the smallest useful [source.NAME], TOML
};
[[nodiscard]] const std::vector<Scheme>& all_schemes();
// nullptr: there is none of that name.
[[nodiscard]] const Scheme* find_scheme(std::string_view name);
// The names of those that this build has.
[[nodiscard]] const std::vector<std::string_view>& built_in_schemes();

}  // namespace sluice::config
