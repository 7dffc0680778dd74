#include "gateway/source/capture_template.h"

#include <algorithm>
#include <stdexcept>

namespace sluice::source {

namespace {

constexpr std::size_t capture_size_max = 128;

bool is_capture_byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-';
}

bool is_capture(std::string_view text) {
  return !text.empty() && text.size() <= capture_size_max && std::ranges::all_of(text, is_capture_byte);
}

}  // namespace

CaptureTemplate::CaptureTemplate(std::string source, std::string_view text) : source_(std::move(source)) {
  const std::string whole(text);
  literals_.emplace_back();
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    literals_.back() += text.substr(0, open);
    if (open == std::string_view::npos) break;
    text.remove_prefix(open + 1);
    const std::size_t close = text.find('}');
    if (close == std::string_view::npos || !is_capture(text.substr(0, close)))
      throw std::invalid_argument("`" + whole + "` has a `{` without a name and `}`; write `{region}`");
    text.remove_prefix(close + 1);
    if (!text.empty() && text.front() == '{')
      throw std::invalid_argument("`" + whole +
                                  "` has two captures side by side; put a separator such as `:` or `/` between");
    literals_.emplace_back();
  }
}

std::optional<std::string> CaptureTemplate::key_of(std::string_view topic) const {
  if (!topic.starts_with(source_)) return std::nullopt;
  topic.remove_prefix(source_.size());
  std::string key = literals_.front();
  for (std::size_t index = 1; index != literals_.size(); ++index) {
    if (!topic.starts_with('/')) return std::nullopt;
    topic.remove_prefix(1);
    const std::string_view value = topic.substr(0, topic.find('/'));
    if (!is_capture(value)) return std::nullopt;
    key.append(value).append(literals_[index]);
    topic.remove_prefix(value.size());
  }
  if (!topic.empty()) return std::nullopt;
  return key;
}

std::optional<std::string> CaptureTemplate::topic_of(std::string_view key) const {
  std::string topic = source_;
  if (!key.starts_with(literals_.front())) return std::nullopt;
  key.remove_prefix(literals_.front().size());
  for (std::size_t index = 1; index != literals_.size(); ++index) {
    const std::string& next = literals_[index];
    const std::size_t end = next.empty() ? key.size() : key.find(next);
    if (end == std::string_view::npos || !is_capture(key.substr(0, end))) return std::nullopt;
    topic.append("/").append(key.substr(0, end));
    key.remove_prefix(end + next.size());
  }
  if (!key.empty()) return std::nullopt;
  return topic;
}

}  // namespace sluice::source
