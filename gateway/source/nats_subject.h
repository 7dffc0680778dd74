// SubjectMap: which topic a NATS subject becomes, and the way back. The tokens of the subject that the wildcards of the
// source's filter match, joined by `/`, below the source's name: with `fleet.>` the subject fleet.eu.1 becomes
// `<source>/eu/1`; a filter without wildcards is the one topic `<source>`; no filter: all tokens. Pure, immutable, for
// any thread. Invariant: subject_of(*topic_of(subject)) is that subject again, so no two subjects share a topic.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::source {

class SubjectMap {
 public:
  // `filter`: a subject as config/checks lets it through, or empty. `name_size_max`: of a topic.
  SubjectMap(std::string source, const std::string& filter, std::size_t name_size_max);

  // nullopt: the filter does not match, or no topic can have that name: tokens that hold a `/`, are no UTF-8, ...
  [[nodiscard]] std::optional<std::string> topic_of(std::string_view subject) const;
  // nullopt: no subject becomes that topic. The subject holds no wildcard. Subjects of the server's own ($JS.API, …)
  // are out of reach unless the filter itself begins with their first token.
  [[nodiscard]] std::optional<std::string> subject_of(std::string_view topic) const;
  // One subject filter that covers these topics (full names, or patterns); empty: everything.
  [[nodiscard]] std::string filter_for(const std::vector<std::string>& topics) const;

  // Whether there are topics below the source's own.
  [[nodiscard]] bool has_wildcards() const;
  [[nodiscard]] const std::string& filter() const { return filter_; }

 private:
  const std::string source_, filter_;
  const std::size_t name_size_max_;
  std::vector<std::string> tokens_;  // of the filter: literals, "*", last perhaps ">"
};

}  // namespace sluice::source
