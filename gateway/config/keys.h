// The table of keys: every key of a configuration with its kind, bounds and reason, in three scopes. It drives the
// file, the environment, --set, suggestions, the printed configuration and docs/configuration.md, so that none of them
// can differ from another. Immutable. A new key is one row here (and its member in config.h, which holds the default).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/config/document.h"

namespace sluice::config {

template <class Owner>
struct Key {
  std::string_view name;  // in its scope: "limits.streams", "history.age"
  std::string_view reason;
  std::string type;                               // with bounds: "duration, 1s to 1h"
  std::function<void(Owner&, const Node&)> set;   // throws BadValue
  std::function<std::string(const Owner&)> show;  // TOML, or empty when not set
  std::string_view schemes = {};                  // of sources that take it, parted by blanks; empty: all
};

// Whether a source of this scheme is among them.
[[nodiscard]] bool takes(std::string_view schemes, std::string_view scheme);

[[nodiscard]] const std::vector<Key<Config>>& config_keys();  // the top of the file
[[nodiscard]] const std::vector<Key<Source>>& source_keys();  // [source.NAME]
[[nodiscard]] const std::vector<Key<Route>>& route_keys();    // [[route]]

}  // namespace sluice::config
