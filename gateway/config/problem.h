// Problem: one thing wrong with a configuration, with its place and its remedy, and the error that carries them all.
// A reader who mends a file wants every mistake at once, so loading collects and throws once, at the end.
// Invariant: a ConfigError holds at least one problem; what() has one line for each of the first 20.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::config {

// Where a value was written: "sluice.toml:12:3", "environment SLUICE_LIMITS__STREAMS", "--set limits.streams".
struct Place {
  std::string origin;
  std::uint32_t line = 0, column = 0;  // from 1; 0: not in a file
  [[nodiscard]] std::string text() const;
};

// Where each key was written last, by full name: "retry.min", "source.orders", "source.orders.url", "route[0].path".
class Places {
 public:
  void set(std::string name, Place place) { places_.insert_or_assign(std::move(name), std::move(place)); }
  [[nodiscard]] const Place* find(std::string_view name) const;
  // The first of `names` that was written somewhere; a problem between defaults has none.
  [[nodiscard]] Place first_of(std::initializer_list<std::string_view> names) const;

 private:
  std::map<std::string, Place, std::less<>> places_;
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
