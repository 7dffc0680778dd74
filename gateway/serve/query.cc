#include "gateway/serve/query.h"

namespace sluice::serve {
namespace {

struct Category final : boost::system::error_category {
  [[nodiscard]] const char* name() const noexcept override { return "sluice.query"; }
  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<QueryError>(code)) {
      case QueryError::bad_escape:
        return "'%' is not followed by two hexadecimal digits";
      case QueryError::too_many_parameters:
        return "too many query parameters";
    }
    return "unknown";
  }
};

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

boost::system::result<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const int high = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return make_error_code(QueryError::bad_escape);
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

boost::system::error_code make_error_code(QueryError error) {
  static const Category category;
  return {static_cast<int>(error), category};
}

boost::system::result<std::string> percent_decode(std::string_view text) { return decode(text, false); }

boost::system::result<QueryParameters> QueryParameters::parse(std::string_view query) {
  QueryParameters parameters;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty()) continue;
    if (parameters.pairs_.size() == count_max) return make_error_code(QueryError::too_many_parameters);
    const std::size_t equals = pair.find('=');
    auto name = decode(pair.substr(0, equals), true);
    if (!name) return name.error();
    auto value = decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
    if (!value) return value.error();
    parameters.pairs_.emplace_back(std::move(*name), std::move(*value));
  }
  return parameters;
}

std::optional<std::string_view> QueryParameters::first(std::string_view name) const {
  for (const auto& [key, value] : pairs_)
    if (key == name) return value;
  return std::nullopt;
}

std::vector<std::string_view> QueryParameters::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : pairs_)
    if (key == name) values.push_back(value);
  return values;
}

}  // namespace sluice::serve
