#include <algorithm>
#include <array>
#include <string_view>

#include "bench/command.h"

namespace sluice::bench {
namespace {

constexpr std::array<std::string_view, 2> secret_flags{"--token", "--publish-token"};
constexpr std::array<std::string_view, 3> header_flags{"-H", "--header", "--publish-header"};
constexpr std::array<std::string_view, 6> secret_names{"auth", "cookie", "token", "key", "secret", "password"};
constexpr std::string_view hidden = "***";

template <std::size_t count>
bool is_one_of(std::string_view text, const std::array<std::string_view, count>& all) {
  return std::find(all.begin(), all.end(), text) != all.end();
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

bool secret_name(std::string_view name) {
  const std::string plain = lower(name);
  return std::any_of(secret_names.begin(), secret_names.end(),
                     [&](std::string_view part) { return plain.find(part) != std::string::npos; });
}

std::string header_without_secret(std::string_view line) {
  const std::string_view name = line.substr(0, line.find(':'));
  if (name.size() == line.size() || !secret_name(name)) return std::string(line);
  return std::string(name) + ": " + std::string(hidden);
}

// A URL's query may carry a token (Mercure's `authorization`, RFC 6750's `access_token`).
std::string url_without_secret(std::string_view url) {
  std::string shown(url.substr(0, url.find('?')));
  if (shown.size() == url.size()) return shown;
  char separator = '?';
  for (std::string_view rest = url.substr(shown.size() + 1);;) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    const std::string_view name = pair.substr(0, pair.find('='));
    shown += separator;
    shown += secret_name(name) && name.size() < pair.size() ? std::string(name) + "=" + std::string(hidden)
                                                            : std::string(pair);
    if (pair.size() == rest.size()) return shown;
    rest.remove_prefix(pair.size() + 1);
    separator = '&';
  }
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,%@+";
  if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos) return std::string(text);
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::string shown_value(std::string_view flag, std::string_view value) {
  if (is_one_of(flag, secret_flags)) return std::string(hidden);
  if (is_one_of(flag, header_flags)) return header_without_secret(value);
  return url_without_secret(value);
}

}  // namespace

std::string typed_command(const std::vector<std::string>& arguments) {
  std::string typed = "sluice";
  std::string_view flag;  // whose value comes next, if it has one
  for (const std::string& argument : arguments) {
    const bool is_flag = argument.starts_with('-') && argument.size() > 1;
    const std::size_t equals = argument.find('=');
    std::string shown;
    if (is_flag && argument.starts_with("--") && equals != std::string::npos)
      shown = argument.substr(0, equals + 1) + shown_value(argument.substr(0, equals), argument.substr(equals + 1));
    else if (argument.starts_with("-H") && argument.size() > 2)
      shown = "-H" + header_without_secret(std::string_view(argument).substr(2));
    else
      shown = is_flag ? argument : shown_value(flag, argument);
    typed += ' ' + shell_word(shown);
    flag = is_flag && equals == std::string::npos ? std::string_view(argument) : std::string_view();
  }
  return typed;
}

}  // namespace sluice::bench
