// MqttFilter: a topic filter (MQTT 3.1.1 §4.7) and what a topic that it matches is called below the source's name.
// Pure; owned by Mqtt. Invariant: the filter is valid, and no shared subscription: every gateway must get every
// message.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::source {

class MqttFilter {
 public:
  // Throws std::invalid_argument with what is wrong and how to write it.
  explicit MqttFilter(std::string filter);

  [[nodiscard]] const std::string& text() const { return filter_; }
  // `sensors/+/temperature` and `sensors/#`: the levels that the wildcards matched. A filter that begins with a
  // wildcard: all levels of the topic. No wildcard: empty, the source's own topic. Empty levels are left out. nullopt:
  // the filter does not match.
  [[nodiscard]] std::optional<std::string> below(std::string_view topic) const;

 private:
  const std::string filter_;
};

}  // namespace sluice::source
