#include "gateway/config/override_layers.h"

#include <functional>

#include <fmt/format.h>

#include "gateway/config/keys.h"
#include "gateway/config/nearest.h"
#include "gateway/config/set_key.h"

namespace sluice::config {
namespace {

// Every key that can be set from outside of the file, by its full name.
struct Setting {
  std::string name;
  std::function<void(Draft&, const Node&)> set;
};

std::vector<Setting> settings_of(const Config& config) {
  std::vector<Setting> settings;
  for (const Key<Config>& key : config_keys()) {
    std::string name(key.name);
    settings.push_back(
        {name, [&key, name](Draft& draft, const Node& node) { set_key(draft, key, draft.config, name, name, node); }});
  }
  for (std::size_t index = 0; index < config.sources.size(); ++index) {
    for (const Key<Source>& key : source_keys()) {
      std::string name = fmt::format("source.{}.{}", config.sources[index].name, key.name);
      settings.push_back({name, [&key, name, index](Draft& draft, const Node& node) {
                            set_key(draft, key, draft.config.sources[index], name, name, node);
                          }});
    }
  }
  return settings;
}

void take_setting(Draft& draft, const std::vector<Setting>& settings, const Place& place, const std::string& name,
                  const std::string& value) {
  std::vector<std::string> names;
  for (const Setting& setting : settings) {
    if (setting.name == name) return setting.set(draft, Node{place, value, true});
    names.push_back(setting.name);
  }
  if (name == "route" || name.starts_with("route.") || name.starts_with("route["))
    return draft.add_problem(place, "routes are written in the file only");
  draft.add_problem(place, fmt::format("unknown key `{}`{}", name, did_you_mean(name, names)));
}

}  // namespace

std::string environment_name(std::string_view key) {
  std::string name = "SLUICE_";
  for (const char c : key) {
    if (c == '.')
      name += "__";
    else
      name += c == '-' ? '_' : (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

void take_environment(Draft& draft, const Environment& environment) {
  const std::vector<Setting> settings = settings_of(draft.config);
  for (auto entry = environment.lower_bound("SLUICE_"); entry != environment.end(); ++entry) {
    const auto& [name, value] = *entry;
    if (!name.starts_with("SLUICE_")) break;
    if (value.empty()) continue;
    const Place place{"environment " + name};
    bool known = false;
    std::vector<std::string> names;
    for (const Setting& setting : settings) {
      names.push_back(environment_name(setting.name));
      if (names.back() != name) continue;
      known = true;
      setting.set(draft, Node{place, value, true});
    }
    // Others may own the prefix: Kubernetes gives every pod SLUICE_PORT and SLUICE_SERVICE_HOST for a service `sluice`.
    // Only a name with "__" is surely meant for a key.
    if (!known && name.find("__") != std::string::npos)
      draft.add_problem(place, fmt::format("unknown key `{}`{}", name, did_you_mean(name, names)));
  }
}

void take_command_line(Draft& draft, const std::vector<std::string>& set,
                       const std::vector<std::pair<std::string, std::string>>& flags) {
  const std::vector<Setting> settings = settings_of(draft.config);
  for (const std::string& text : set) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos)
      draft.add_problem({"--set " + text}, "has no `=`; write --set limits.streams=100");
    else
      take_setting(draft, settings, {"--set " + text.substr(0, equals)}, text.substr(0, equals),
                   text.substr(equals + 1));
  }
  for (const auto& [name, value] : flags) take_setting(draft, settings, {"command line"}, name, value);
}

}  // namespace sluice::config
