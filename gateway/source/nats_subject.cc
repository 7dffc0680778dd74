#include "gateway/source/nats_subject.h"

#include <algorithm>

#include "gateway/source/topic_below.h"

namespace sluice::source {

namespace {

// The first token of `rest`, which loses it and its dot.
std::string_view take_token(std::string_view& rest) {
  const std::string_view token = rest.substr(0, rest.find('.'));
  rest.remove_prefix(std::min(token.size() + 1, rest.size()));
  return token;
}

std::vector<std::string> split(std::string_view subject) {
  std::vector<std::string> tokens;
  while (!subject.empty()) tokens.emplace_back(take_token(subject));
  return tokens;
}

// What a client may put into a subject in place of a wildcard.
bool is_plain(std::string_view token) {
  return !token.empty() &&
         std::ranges::none_of(token, [](char c) { return c == '.' || c == '*' || c == '>' || c == ' '; });
}

}  // namespace

SubjectMap::SubjectMap(std::string source, const std::string& filter, std::size_t name_size_max)
    : source_(std::move(source)),
      filter_(filter == ">" ? "" : filter),
      name_size_max_(name_size_max),
      tokens_(split(filter.empty() ? ">" : filter)) {}

std::optional<std::string> SubjectMap::topic_of(std::string_view subject) const {
  std::string below;
  for (const std::string& wanted : tokens_) {
    if (subject.empty()) return std::nullopt;
    if (wanted == ">") {
      while (!subject.empty()) {
        const std::string_view token = take_token(subject);
        if (token.find('/') != std::string_view::npos) return std::nullopt;
        below.append(below.empty() ? "" : "/").append(token);
      }
      break;
    }
    const std::string_view token = take_token(subject);
    if (wanted == "*") {
      if (token.find('/') != std::string_view::npos) return std::nullopt;
      below.append(below.empty() ? "" : "/").append(token);
    } else if (token != wanted) {
      return std::nullopt;
    }
  }
  if (!subject.empty()) return std::nullopt;
  return topic_below(source_, below, name_size_max_);
}

std::optional<std::string> SubjectMap::subject_of(std::string_view topic) const {
  if (!topic.starts_with(source_)) return std::nullopt;
  topic.remove_prefix(source_.size());
  std::string subject;
  const auto take_segment = [&]() -> std::optional<std::string_view> {
    if (topic.size() < 2 || topic.front() != '/') return std::nullopt;
    topic.remove_prefix(1);
    const std::string_view segment = topic.substr(0, topic.find('/'));
    topic.remove_prefix(segment.size());
    if (!is_plain(segment) || (subject.empty() && segment.front() == '$')) return std::nullopt;
    return segment;
  };
  const auto add = [&](std::string_view token) { subject.append(subject.empty() ? "" : ".").append(token); };
  for (const std::string& wanted : tokens_) {
    if (wanted != "*" && wanted != ">") {
      add(wanted);
      continue;
    }
    do {
      const auto segment = take_segment();
      if (!segment) return std::nullopt;
      add(*segment);
    } while (wanted == ">" && !topic.empty());
  }
  if (!topic.empty()) return std::nullopt;
  return subject;
}

bool SubjectMap::has_wildcards() const {
  return std::ranges::any_of(tokens_, [](const std::string& token) { return token == "*" || token == ">"; });
}

std::string SubjectMap::filter_for(const std::vector<std::string>& topics) const {
  if (topics.size() != 1) return filter_;
  const std::string& topic = topics.front();
  if (!topic.ends_with("/**")) return subject_of(topic).value_or(filter_);
  // `fleet/eu/**` below `fleet.>`: every subject of that beginning.
  const std::string below = topic.substr(0, topic.size() - 2) + "x";
  const auto subject = subject_of(below);
  if (tokens_.back() != ">" || !subject) return filter_;
  const std::string narrow = subject->substr(0, subject->size() - 1) + ">";
  return narrow == ">" ? "" : narrow;
}

}  // namespace sluice::source
