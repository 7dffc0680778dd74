#include "gateway/config/problem.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace sluice::config {
namespace {

std::string lines_of(std::vector<Problem> problems) {
  const auto order = [](const Problem& problem) {
    const std::uint32_t line = problem.place.line;
    return std::pair(line == 0 ? std::numeric_limits<std::uint32_t>::max() : line, problem.place.column);
  };
  std::stable_sort(problems.begin(), problems.end(),
                   [&](const Problem& a, const Problem& b) { return order(a) < order(b); });
  std::string lines;
  for (std::size_t index = 0; index < problems.size() && index < ConfigError::shown_max; ++index)
    lines += fmt::format("{}{}: {}", index == 0 ? "" : "\n", problems[index].place.text(), problems[index].text);
  if (problems.size() > ConfigError::shown_max)
    lines += fmt::format("\nand {} more", problems.size() - ConfigError::shown_max);
  return lines;
}

}  // namespace

std::string Place::text() const { return line == 0 ? origin : fmt::format("{}:{}:{}", origin, line, column); }

const Place* Places::find(std::string_view name) const {
  const auto found = places_.find(name);
  return found == places_.end() ? nullptr : &found->second;
}

Place Places::first_of(std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names)
    if (const Place* place = find(name)) return *place;
  return {"defaults"};
}

ConfigError::ConfigError(std::vector<Problem> problems) : std::runtime_error(lines_of(std::move(problems))) {}

}  // namespace sluice::config
