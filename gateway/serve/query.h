// Percent-decoding and the query string (RFC 3986 §2.1, WHATWG URL §5.1), strict: a bad escape is an error, never text.
// Pure; used by the route table, publish and event streams.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/system/result.hpp>

namespace sluice::serve {

enum class QueryError : std::uint8_t { bad_escape = 1, too_many_parameters };
[[nodiscard]] boost::system::error_code make_error_code(QueryError error);

// A path segment: "%2F" becomes '/', '+' stays '+'.
[[nodiscard]] boost::system::result<std::string> percent_decode(std::string_view text);

// Parameters in order of appearance; a name may repeat (`topic=a&topic=b`). A parameter without '=' has an empty value.
class QueryParameters {
 public:
  // Twice the topics one stream may have, with room for the rest: a query is short, its parsing must be too.
  static constexpr std::size_t count_max = 160;

  // '+' is a space here, as URLSearchParams and HTML forms write it.
  [[nodiscard]] static boost::system::result<QueryParameters> parse(std::string_view query);

  [[nodiscard]] std::optional<std::string_view> first(std::string_view name) const;
  [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& pairs() const { return pairs_; }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace sluice::serve

template <>
struct boost::system::is_error_code_enum<sluice::serve::QueryError> : std::true_type {};
