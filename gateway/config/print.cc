#include "gateway/config/print.h"

#include <fmt/format.h>

#include "gateway/config/keys.h"

namespace sluice::config {
namespace {

template <class Owner>
void append_keys(std::string& out, const std::vector<Key<Owner>>& keys, const Owner& owner) {
  for (const Key<Owner>& key : keys)
    if (const std::string value = key.show(owner); !value.empty()) out += fmt::format("{} = {}\n", key.name, value);
}

}  // namespace

std::string print(const Config& config, Secrets secrets) {
  std::string out;
  Config shown = config;
  if (secrets == Secrets::hidden && !shown.publish_secret.empty()) shown.publish_secret = "(hidden)";
  append_keys(out, config_keys(), shown);
  for (Source& source : shown.sources) {
    if (secrets == Secrets::hidden && !source.token.empty()) source.token = "(hidden)";
    out += fmt::format("\n[source.{}]\n", source.name);
    append_keys(out, source_keys(), source);
  }
  for (const Route& route : shown.routes) {
    out += "\n[[route]]\n";
    append_keys(out, route_keys(), route);
  }
  return out;
}

}  // namespace sluice::config
