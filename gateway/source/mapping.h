// Mapping: which part of a message becomes what of an event, where the part is in a JSON payload: reads members and
// values of JSON text in place, so that numbers keep the digits that were written (1e400, 12345678901234567890) and
// nothing is built that is not asked for. Pure; used by adapters on their home workers' threads, for `map.*` keys.
// Invariant: a payload that is not one JSON document (RFC 8259, UTF-8, nested no deeper than 32) has no parts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::source {

[[nodiscard]] bool valid_json(std::string_view text);

// The value at a JSON pointer (RFC 6901) as text_of() gives it. nullopt: there is none, or it is null. Of members of
// one name the last counts. Text that is not empty and does not begin with `/` is no pointer and finds nothing.
[[nodiscard]] std::optional<std::string> by_pointer(std::string_view json_payload, std::string_view pointer);

struct Member {
  std::string name;
  std::string_view value;  // in the payload
  friend bool operator==(const Member&, const Member&) = default;
};
// In order; nullopt: the payload is not JSON, or is not an object.
[[nodiscard]] std::optional<std::vector<Member>> members_of(std::string_view json_payload);

// A JSON value as an event has it: a string without its quotes and escapes, anything else without blanks between its
// parts.
[[nodiscard]] std::string text_of(std::string_view value);

// What a `map.*` key means for a JSON payload: a pointer as it stands, a name as the pointer to that member.
[[nodiscard]] std::string pointer_of(std::string_view mapping);

}  // namespace sluice::source
