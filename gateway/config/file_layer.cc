#include "gateway/config/file_layer.h"

#include <algorithm>

#include <fmt/format.h>

#include "gateway/config/document.h"
#include "gateway/config/keys.h"
#include "gateway/config/nearest.h"
#include "gateway/config/route_path.h"
#include "gateway/config/set_key.h"

namespace sluice::config {
namespace {

// Deeper tables than this are named as a whole when they are unknown.
constexpr int depth_max = 8;

template <class Owner>
const Key<Owner>* find_key(const std::vector<Key<Owner>>& keys, std::string_view name) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const Key<Owner>& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

template <class Owner>
bool has_table(const std::vector<Key<Owner>>& keys, const std::string& name) {
  return std::any_of(keys.begin(), keys.end(), [&](const Key<Owner>& key) { return key.name.starts_with(name + "."); });
}

template <class Owner>
std::vector<std::string> full_names(const std::vector<Key<Owner>>& keys, const std::string& prefix) {
  std::vector<std::string> names;
  for (const Key<Owner>& key : keys) names.push_back(prefix + std::string(key.name));
  return names;
}

// A scope of the file while it is read: its keys, the object that they set, and its name in places and messages.
template <class Owner>
struct Scope {
  const std::vector<Key<Owner>>& keys;
  Owner& owner;
  std::string place_prefix, shown_prefix;  // "route[0].", "route."
};

// The leaves of a table that no key knows: each is named whole, so that `limit.streams` can find `limits.streams`.
template <class Owner>
void refuse_unknown(Draft& draft, const Scope<Owner>& scope, const std::string& name, const Member& member, int depth) {
  const Table* table = std::get_if<Table>(&member.node.value);
  if (table != nullptr && !table->empty() && depth < depth_max) {
    for (const Member& inner : *table) refuse_unknown(draft, scope, name + "." + inner.name, inner, depth + 1);
    return;
  }
  std::vector<std::string> names = full_names(scope.keys, scope.shown_prefix);
  if (scope.shown_prefix.empty()) names.insert(names.end(), {"source", "route"});
  const std::string shown = scope.shown_prefix + name;
  draft.add_problem(member.place, fmt::format("unknown key `{}`{}", shown, did_you_mean(shown, names)));
}

template <class Owner>
void take_table(Draft& draft, const Scope<Owner>& scope, const std::string& prefix, const Table& table) {
  for (const Member& member : table) {
    const std::string name = prefix + member.name;
    const bool plain = valid_name(member.name);  // a quoted "limits.streams" is one name, not two
    const Key<Owner>* key = plain ? find_key(scope.keys, name) : nullptr;
    if (key != nullptr) {
      set_key(draft, *key, scope.owner, scope.place_prefix + name, scope.shown_prefix + name, member.node);
    } else if (plain && has_table(scope.keys, name)) {
      if (const Table* inner = std::get_if<Table>(&member.node.value))
        take_table(draft, scope, name + ".", *inner);
      else
        draft.add_problem(member.node.place, fmt::format("`{0}{1}` is a table; write `{1} = {{ … }}` or `[{0}{1}]`",
                                                         scope.shown_prefix, name));
    } else {
      refuse_unknown(draft, scope, name, member, 0);
    }
  }
}

void take_sources(Draft& draft, const Member& member) {
  const Table* sources = std::get_if<Table>(&member.node.value);
  if (sources == nullptr)
    return draft.add_problem(member.place, "`source` is a table of sources; write `[source.orders]`");
  for (const Member& named : *sources) {
    const Table* table = std::get_if<Table>(&named.node.value);
    const std::string prefix = "source." + named.name;
    if (!valid_name(named.name)) {
      draft.add_problem(named.place, fmt::format("`{}`: a source's name is [A-Za-z0-9_-]+", prefix));
    } else if (table == nullptr) {
      draft.add_problem(named.place, fmt::format("`{0}` is not a source; write `[{0}]` and its `url`", prefix));
    } else {
      draft.config.places.set(prefix, named.place);
      Source source;
      source.name = named.name;
      take_table(draft, Scope<Source>{source_keys(), source, prefix + ".", prefix + "."}, "", *table);
      draft.config.sources.push_back(std::move(source));
    }
  }
}

void take_routes(Draft& draft, const Member& member) {
  const Array* routes = std::get_if<Array>(&member.node.value);
  if (routes == nullptr) return draft.add_problem(member.place, "`route` is a list; write `[[route]]` for each route");
  for (const Node& node : *routes) {
    const Table* table = std::get_if<Table>(&node.value);
    if (table == nullptr) {
      draft.add_problem(node.place, "`route` is a list of tables; write `[[route]]` for each route");
      continue;
    }
    const std::string prefix = fmt::format("route[{}]", draft.config.routes.size());
    draft.config.places.set(prefix, node.place);
    Route route;
    take_table(draft, Scope<Route>{route_keys(), route, prefix + ".", "route."}, "", *table);
    draft.config.routes.push_back(std::move(route));
  }
}

// True when every variable in the node is known.
bool expand_strings(Draft& draft, Node& node, const Environment& environment) {
  if (auto* text = std::get_if<std::string>(&node.value)) {
    Expanded expanded = expand(*text, environment);
    if (!expanded.problem.empty()) {
      draft.add_problem(node.place, std::move(expanded.problem));
      node.unexpanded = true;
    }
    *text = std::move(expanded.text);
    node.bare = expanded.used_variable;
  } else if (auto* array = std::get_if<Array>(&node.value)) {
    for (Node& element : *array)
      if (!expand_strings(draft, element, environment)) node.unexpanded = true;
  } else if (auto* table = std::get_if<Table>(&node.value)) {
    for (Member& member : *table) expand_strings(draft, member.node, environment);
  }
  return !node.unexpanded;
}

// So that `sluice run -c /etc/sluice/sluice.toml` finds the same files from any folder.
void resolve_paths(Config& config, const std::filesystem::path& folder) {
  const auto resolve = [&](std::filesystem::path& path) {
    if (!path.empty() && path != "embedded:") path = folder / path;
  };
  resolve(config.tls.cert);
  resolve(config.tls.key);
  resolve(config.publish_secret_file);
  for (Source& source : config.sources)
    for (auto* path : {&source.history.path, &source.tls.ca, &source.tls.cert, &source.tls.key}) resolve(*path);
  for (Route& route : config.routes)
    if (route.files) resolve(*route.files);
}

}  // namespace

void take_file(Draft& draft, std::string_view text, const std::filesystem::path& file, const Environment& environment) {
  Table top = parse_document(text, file.string());
  for (Member& member : top) expand_strings(draft, member.node, environment);
  Table keys;
  for (Member& member : top) {
    if (member.name == "source")
      take_sources(draft, member);
    else if (member.name == "route")
      take_routes(draft, member);
    else
      keys.push_back(std::move(member));
  }
  take_table(draft, Scope<Config>{config_keys(), draft.config, "", ""}, "", keys);
  if (draft.config.routes.empty() && draft.problems.empty())
    draft.add_problem({file.string()}, "no [[route]]: every request would be answered 404; write one");
  resolve_paths(draft.config, file.parent_path());
}

}  // namespace sluice::config
