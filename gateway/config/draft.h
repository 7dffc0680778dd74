// Draft: a configuration that is being loaded, with the problems so far. Owned by load(); read and completed by
// check_draft(). It becomes a Config only when it has no problem.
#pragma once

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
  std::vector<Problem> problems;
  // Full names of keys that were written but could not be read: what follows from their absence is no second mistake.
  std::set<std::string, std::less<>> unread;

  void add_problem(const Place& place, std::string text) { problems.push_back({place, std::move(text)}); }
};

}  // namespace sluice::config
