// ${VAR} and ${VAR:-default} in the strings of a configuration file, as a shell does it. Pure: the environment is
// given.
// "$${" stands for a literal "${"; every other '$' is itself. A default holds no '}' and is not expanded again.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace sluice::config {

using Environment = std::map<std::string, std::string, std::less<>>;

// The variables of this process.
[[nodiscard]] Environment process_environment();

struct Expanded {
  std::string text;
  bool used_variable = false;  // then "8" may stand for a number
  std::string problem;         // not empty: `text` is of no use, and this says why
};
// As with a shell's ":-", a variable that is set but empty counts as unset.
[[nodiscard]] Expanded expand(std::string_view text, const Environment& environment);

// The text that expand() turns back into `text`.
[[nodiscard]] std::string escape_expansion(std::string_view text);

}  // namespace sluice::config
