// set_key(): one key of the table set from one node, its place noted, a bad value turned into a problem. The step that
// the file, the environment and the command line share.
#pragma once

#include <string>

#include <fmt/format.h>

#include "gateway/config/draft.h"
#include "gateway/config/keys.h"
#include "gateway/config/kinds.h"

namespace sluice::config {

// `place_name` is unique ("route[0].path"), `shown_name` what a reader wrote ("route.path").
template <class Owner>
void set_key(Draft& draft, const Key<Owner>& key, Owner& owner, const std::string& place_name,
             const std::string& shown_name, const Node& node) {
  draft.config.places.set(place_name, node.place);
  if (node.unexpanded) {
    draft.unread.insert(place_name);
    return;
  }
  try {
    key.set(owner, node);
  } catch (const BadValue& bad) {
    draft.unread.insert(place_name);
    std::string reason = bad.out_of_bounds ? fmt::format(" ({})", key.reason) : std::string();
    draft.add_problem(node.place, fmt::format("`{}` {}{}", shown_name, bad.text, reason));
  }
}

}  // namespace sluice::config
