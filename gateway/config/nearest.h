// The nearest of several names to one that was mistyped, for "did you mean".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

// Within a third of the name's length in edits (insert, delete, replace, swap of neighbours); else a candidate whose
// last dotted part is the whole name (a key written in the wrong table). Empty: nothing is near.
[[nodiscard]] std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

// "; did you mean `limits.streams`?" or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace sluice::config
