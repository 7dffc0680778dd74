// CaptureTemplate: which key or channel of Redis, or which path of an SSE backend, stands behind a topic, and the other
// way round: `orders` is one topic, `orders:{region}` one for each captured value. Pure; used by those adapters.
// Invariant: a captured value is [A-Za-z0-9_.-]{1,128}, so that no topic reaches a key outside its template.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::source {

class CaptureTemplate {
 public:
  // `source`: the topics' first segment. Throws std::invalid_argument with what is wrong and how to write it.
  CaptureTemplate(std::string source, std::string_view text);

  // "orders/eu" → "orders:eu"; nullopt: no topic of this template.
  [[nodiscard]] std::optional<std::string> key_of(std::string_view topic) const;
  // "orders:eu" → "orders/eu"; nullopt: no key of this template.
  [[nodiscard]] std::optional<std::string> topic_of(std::string_view key) const;
  [[nodiscard]] std::size_t capture_count() const { return literals_.size() - 1; }

 private:
  const std::string source_;
  std::vector<std::string> literals_;  // around the captures: one more than there are
};

}  // namespace sluice::source
