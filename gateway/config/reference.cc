#include "gateway/config/reference.h"

#include <fmt/format.h>

#include "gateway/config/keys.h"

namespace sluice::config {
namespace {

template <class Owner>
void append_table(std::string& out, std::string_view heading, const std::vector<Key<Owner>>& keys) {
  const Owner defaults;
  out += fmt::format("### {}\n\n| key | value | default | what, and why |\n|---|---|---|---|\n", heading);
  for (const Key<Owner>& key : keys) {
    const std::string value = key.show(defaults);
    out += fmt::format("| `{}` | {} | {} | {} |\n", key.name, key.type,
                       value.empty() ? std::string("–") : fmt::format("`{}`", value), key.reason);
  }
  out += "\n";
}

}  // namespace

std::string reference() {
  std::string out;
  append_table(out, "Top of the file", config_keys());
  append_table(out, "`[source.NAME]`", source_keys());
  append_table(out, "`[[route]]`", route_keys());
  return out;
}

}  // namespace sluice::config
