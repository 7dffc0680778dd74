#include "gateway/config/document.h"

#include <utility>

#include <toml++/toml.h>

namespace sluice::config {
namespace {

Place place_of(const toml::source_region& region, const std::string& file_name) {
  return {file_name, region.begin.line, region.begin.column};
}

Table table_of(const toml::table& table, const std::string& file_name);

Node node_of(const toml::node& node, const std::string& file_name) {
  Node made{place_of(node.source(), file_name), {}};
  if (const auto* integer = node.as_integer()) {
    made.value = integer->get();
  } else if (const auto* number = node.as_floating_point()) {
    made.value = number->get();
  } else if (const auto* flag = node.as_boolean()) {
    made.value = flag->get();
  } else if (const auto* text = node.as_string()) {
    made.value = text->get();
  } else if (const auto* array = node.as_array()) {
    Array nodes;
    for (const toml::node& element : *array) nodes.push_back(node_of(element, file_name));
    made.value = std::move(nodes);
  } else if (const auto* table = node.as_table()) {
    made.value = table_of(*table, file_name);
  }
  return made;
}

Table table_of(const toml::table& table, const std::string& file_name) {
  Table members;
  for (auto&& [key, node] : table)
    members.push_back({std::string(key.str()), place_of(key.source(), file_name), node_of(node, file_name)});
  return members;
}

}  // namespace

Table parse_document(std::string_view text, const std::string& file_name) {
  try {
    return table_of(toml::parse(text, file_name), file_name);
  } catch (const toml::parse_error& error) {
    throw ConfigError({{place_of(error.source(), file_name), "not TOML: " + std::string(error.description())}});
  }
}

}  // namespace sluice::config
