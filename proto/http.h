// What an HTTP request and the head of its response are, whatever wire carried them.
// Values, made by a protocol session, read by the router and its handlers.
// Invariant: field names are lower-case; `path` starts with '/' (or is "*") and holds no '?'.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::proto {

struct Field {
  std::string name;  // lower-case
  std::string value;
  friend bool operator==(const Field&, const Field&) = default;
};

// The first value of a field, or empty.
[[nodiscard]] inline std::string_view find_field(const std::vector<Field>& fields, std::string_view name) {
  for (const Field& field : fields)
    if (field.name == name) return field.value;
  return {};
}

struct Request {
  std::string method;     // "GET"
  std::string scheme;     // "https"
  std::string authority;  // "localhost:8443", from :authority or host
  std::string path;       // still percent-encoded: "/topics/a%20b"
  std::string query;      // without '?', still percent-encoded
  std::vector<Field> fields;

  [[nodiscard]] std::string_view field(std::string_view name) const { return find_field(fields, name); }
};

struct ResponseHead {
  int status = 200;
  std::vector<Field> fields;
};

}  // namespace sluice::proto
