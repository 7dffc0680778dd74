#include "gateway/config/nearest.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

namespace sluice::config {
namespace {

// A key that long is no typing mistake, and the table below is quadratic in it.
constexpr std::size_t name_size_max = 128;

// Damerau-Levenshtein distance, optimal string alignment.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> edits(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) edits[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) edits[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = edits[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      edits[i][j] = std::min({edits[i - 1][j] + 1, edits[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        edits[i][j] = std::min(edits[i][j], edits[i - 2][j - 2] + 1);
    }
  }
  return edits[a.size()][b.size()];
}

std::string_view last_part(std::string_view name) { return name.substr(name.rfind('.') + 1); }

}  // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.size() > name_size_max) return {};
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (const std::size_t edits = distance(name, candidate); edits < best_distance) {
      best = &candidate;
      best_distance = edits;
    }
  }
  // A misplaced key beats a distant misspelling: `event_size` means `limits.event_size`, never `heartbeat`.
  if (best == nullptr || best_distance > 2)
    for (const std::string& candidate : candidates)
      if (last_part(candidate) == last_part(name)) return candidate;
  return best == nullptr ? std::string() : *best;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string found = nearest(name, candidates);
  return found.empty() ? std::string() : fmt::format("; did you mean `{}`?", found);
}

}  // namespace sluice::config
