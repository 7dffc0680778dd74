#include "gateway/config/reference.h"

#include <algorithm>

#include <fmt/format.h>

#include "gateway/config/keys.h"
#include "gateway/config/schemes.h"

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

std::string sources_text() {
  std::string out, absent;
  for (const Scheme& scheme : all_schemes()) {
    if (!scheme.built_in) {
      absent += fmt::format("{}:  needs {} (meson -D{}=enabled)\n", scheme.name, scheme.library, scheme.library);
      continue;
    }
    out += fmt::format("{}:  {}\n", scheme.name, scheme.summary);
    std::string keys;
    for (const Key<Source>& key : source_keys())
      if (!key.schemes.empty() && takes(key.schemes, scheme.name)) keys += fmt::format(" {}", key.name);
    if (!keys.empty()) out += fmt::format("  keys:{}\n", keys);
    std::string_view example = scheme.example;
    while (!example.empty()) {
      const std::size_t end = std::min(example.find('\n'), example.size());
      out += fmt::format("    {}\n", example.substr(0, end));
      example.remove_prefix(std::min(end + 1, example.size()));
    }
    out += '\n';
  }
  out +=
      "All of them take url and history.*; docs/configuration.md has every key, docs/sources.md a recipe for each.\n";
  if (!absent.empty()) out += "\nNot in this build:\n" + absent;
  return out;
}

}  // namespace sluice::config
