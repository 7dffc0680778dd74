// Document: a TOML file as plain nodes, each with its place. toml++ (slow to compile) stays in document.cc.
// Values, made by parse_document() and read once by the loader.
// Never interprets a key or a value: that is keys.h and kinds.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gateway/config/problem.h"

namespace sluice::config {

struct Node;
struct Member;
using Array = std::vector<Node>;
using Table = std::vector<Member>;

struct Node {
  Place place;
  // monostate: a date or a time, which no key takes.
  std::variant<std::monostate, std::int64_t, double, bool, std::string, Array, Table> value;
  // Written as bare text (environment, --set, ${VAR}): "100" may then stand for a number and "a,b" for a list.
  bool bare = false;
  // A ${VAR} in it could not be expanded, which is already reported: nothing else about it is worth a line.
  bool unexpanded = false;
};

struct Member {
  std::string name;
  Place place;  // of the name
  Node node;
};

// Throws ConfigError when `text` is not TOML (the first mistake only: what follows it cannot be trusted).
[[nodiscard]] Table parse_document(std::string_view text, const std::string& file_name);

}  // namespace sluice::config
