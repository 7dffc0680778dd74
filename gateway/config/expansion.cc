#include "gateway/config/expansion.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

namespace sluice::config {
namespace {

bool variable_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

Environment process_environment() {
  Environment variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (const std::size_t equals = text.find('='); equals != std::string_view::npos)
      variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

Expanded expand(std::string_view text, const Environment& environment) {
  Expanded expanded;
  const auto failed = [&](std::string problem) {
    expanded.problem = std::move(problem);
    return expanded;
  };
  while (!text.empty()) {
    if (text.starts_with("$${")) {
      expanded.text += "${";
      text.remove_prefix(3);
      continue;
    }
    if (!text.starts_with("${")) {
      const std::size_t plain = std::min(text.find('$', 1), text.size());
      expanded.text += text.substr(0, plain);
      text.remove_prefix(plain);
      continue;
    }
    const std::size_t close = text.find('}');
    if (close == std::string_view::npos) return failed("`${` without its `}`; write `$${` for the characters `${`");
    const std::string_view inside = text.substr(2, close - 2);
    text.remove_prefix(close + 1);
    const std::size_t separator = inside.find(":-");
    const std::string_view name = inside.substr(0, separator);
    if (!variable_name(name))
      return failed(fmt::format("`${{{}}}` names no variable; write `${{NAME}}` or `${{NAME:-default}}`", inside));
    const auto variable = environment.find(name);
    if (variable != environment.end() && !variable->second.empty()) {
      expanded.text += variable->second;
    } else if (separator != std::string_view::npos) {
      expanded.text += inside.substr(separator + 2);
    } else {
      return failed(
          fmt::format("`${{{0}}}` is not set in the environment; set it, or write `${{{0}:-default}}`", name));
    }
    expanded.used_variable = true;
  }
  return expanded;
}

std::string escape_expansion(std::string_view text) {
  std::string escaped;
  for (std::size_t index = 0; index < text.size(); ++index) {
    if (text.substr(index).starts_with("${")) escaped += '$';
    escaped += text[index];
  }
  return escaped;
}

}  // namespace sluice::config
