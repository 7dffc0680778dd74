// Draft: a configuration that is being loaded, with the place of every key that was written and the problems so far.
// Owned by load(); read and completed by check_draft(). It becomes a Config only when it has no problem.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/config/problem.h"

namespace sluice::config {

struct Draft {
  Config config;
  // By full name, where it was written last: "retry.min", "source.orders", "source.orders.url", "route[0].path".
  std::map<std::string, Place, std::less<>> places;
  std::vector<Problem> problems;
  // Full names of keys that were written but could not be read: what follows from their absence is no second mistake.
  std::set<std::string, std::less<>> unread;

  [[nodiscard]] const Place* find_place(std::string_view name) const {
    const auto found = places.find(name);
    return found == places.end() ? nullptr : &found->second;
  }
  void add_problem(const Place& place, std::string text) { problems.push_back({place, std::move(text)}); }
};

}  // namespace sluice::config
