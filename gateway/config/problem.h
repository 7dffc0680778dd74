// Problem: one thing wrong with a configuration, with its place and its remedy, and the error that carries them all.
// A reader who mends a file wants every mistake at once, so loading collects and throws once, at the end.
// Invariant: a ConfigError holds at least one problem; what() has one line for each of the first 20.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::config {

// Where a value was written: "sluice.toml:12:3", "environment SLUICE_LIMITS__STREAMS", "--set limits.streams".
struct Place {
  std::string origin;
  std::uint32_t line = 0, column = 0;  // from 1; 0: not in a file
  [[nodiscard]] std::string text() const;
};

struct Problem {
  Place place;
  std::string text;  // "unknown key `limit.streams`; did you mean `limits.streams`?"
};

class ConfigError : public std::runtime_error {
 public:
  static constexpr std::size_t shown_max = 20;
  // Orders the problems: the file's by line, then the environment's, then the command line's.
  explicit ConfigError(std::vector<Problem> problems);
};

}  // namespace sluice::config
