#include "gateway/source/mqtt_filter.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace sluice::source {

namespace {

// The next level; `text` goes on behind its slash, and is nullopt after the last.
std::string_view take_level(std::optional<std::string_view>& text) {
  const std::size_t slash = text->find('/');
  const std::string_view level = text->substr(0, slash);
  if (slash == std::string_view::npos)
    text.reset();
  else
    text->remove_prefix(slash + 1);
  return level;
}

std::string checked(std::string filter) {
  if (filter.find('\0') != std::string::npos) throw std::invalid_argument("`topic`: a topic filter has no NUL");
  if (filter.starts_with("$share/"))
    throw std::invalid_argument(
        "`topic`: a shared subscription gives each message to one gateway only; write the filter alone");
  for (std::optional<std::string_view> rest = filter; rest;) {
    const std::string_view level = take_level(rest);
    if (level.find_first_of("#+") == std::string_view::npos) continue;
    if (level.size() != 1 || (level == "#" && rest))
      throw std::invalid_argument(
          "`topic`: `+` is a whole level and `#` is the last level: write `sensors/+/temperature` or "
          "`sensors/#`");
  }
  return filter;
}

}  // namespace

MqttFilter::MqttFilter(std::string filter) : filter_(checked(std::move(filter))) {}

std::optional<std::string> MqttFilter::below(std::string_view topic) const {
  const bool whole = filter_.starts_with('#') || filter_.starts_with('+');
  // §4.7.2: a filter that begins with a wildcard does not match the broker's own topics.
  if (whole && topic.starts_with('$')) return std::nullopt;
  std::string below;
  const auto add = [&](std::string_view level) {
    if (level.empty()) return;
    if (!below.empty()) below += '/';
    below += level;
  };
  std::optional<std::string_view> filter = filter_, levels = topic;
  while (filter) {
    const std::string_view wanted = take_level(filter);
    if (wanted == "#") {
      while (levels) add(take_level(levels));
      return below;
    }
    if (!levels) return std::nullopt;
    const std::string_view level = take_level(levels);
    if (wanted != "+" && wanted != level) return std::nullopt;
    if (wanted == "+" || whole) add(level);
    // §4.7.1.2: `sensors/#` matches `sensors` as well.
    if (!levels && filter == "#") return below;
  }
  if (levels) return std::nullopt;
  return below;
}

}  // namespace sluice::source
