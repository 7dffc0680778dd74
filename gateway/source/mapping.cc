#include "gateway/source/mapping.h"

#include <cstddef>
#include <cstdint>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>

namespace sluice::source {

namespace {

namespace json = boost::json;

// A visitor of basic_parser that keeps nothing: whether the text is JSON is all that is asked.
struct Nothing {
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static bool on_document_begin(json::error_code&) { return true; }
  static bool on_document_end(json::error_code&) { return true; }
  static bool on_array_begin(json::error_code&) { return true; }
  static bool on_array_end(std::size_t, json::error_code&) { return true; }
  static bool on_object_begin(json::error_code&) { return true; }
  static bool on_object_end(std::size_t, json::error_code&) { return true; }
  static bool on_key_part(json::string_view, std::size_t, json::error_code&) { return true; }
  static bool on_key(json::string_view, std::size_t, json::error_code&) { return true; }
  static bool on_string_part(json::string_view, std::size_t, json::error_code&) { return true; }
  static bool on_string(json::string_view, std::size_t, json::error_code&) { return true; }
  static bool on_number_part(json::string_view, json::error_code&) { return true; }
  static bool on_int64(std::int64_t, json::string_view, json::error_code&) { return true; }
  static bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return true; }
  static bool on_double(double, json::string_view, json::error_code&) { return true; }
  static bool on_bool(bool, json::error_code&) { return true; }
  static bool on_null(json::error_code&) { return true; }
  static bool on_comment_part(json::string_view, json::error_code&) { return true; }
  static bool on_comment(json::string_view, json::error_code&) { return true; }
};

constexpr bool blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Walks over the parts of a container. Its text has been validated: no check is repeated here.
class Walk {
 public:
  // `container`: from its bracket on.
  explicit Walk(std::string_view container) : text_(container), at_(1) {}

  // Whether there is another part; stands at its beginning then.
  bool next() {
    while (blank(text_[at_]) || text_[at_] == ',') ++at_;
    return text_[at_] != '}' && text_[at_] != ']';
  }
  std::string_view take_key() {
    const std::string_view key = take_value();
    while (text_[at_] != ':') ++at_;
    ++at_;
    while (blank(text_[at_])) ++at_;
    return key;
  }
  std::string_view take_value() {
    const std::size_t begin = at_;
    std::size_t depth = 0;
    do {
      const char byte = text_[at_];
      if (byte == '"') {
        pass_string();
      } else if (byte == '{' || byte == '[') {
        ++depth;
        ++at_;
      } else if (byte == '}' || byte == ']') {
        --depth;
        ++at_;
      } else if (depth != 0) {
        ++at_;
      } else {
        while (!blank(text_[at_]) && text_[at_] != ',' && text_[at_] != '}' && text_[at_] != ']') ++at_;
      }
    } while (depth != 0);
    return text_.substr(begin, at_ - begin);
  }

 private:
  void pass_string() {
    for (++at_; text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    ++at_;
  }

  std::string_view text_;
  std::size_t at_;
};

std::string unquoted(std::string_view value) {
  const std::string_view inside = value.substr(1, value.size() - 2);
  if (inside.find('\\') == std::string_view::npos) return std::string(inside);
  const json::value parsed = json::parse(json::string_view(value.data(), value.size()));
  const json::string& text = parsed.get_string();
  return std::string(text.data(), text.size());
}

// The next reference token of a pointer (RFC 6901 §3), decoded; the rest stays in `pointer`. nullopt: no such syntax.
std::optional<std::string> take_token(std::string_view& pointer) {
  pointer.remove_prefix(1);
  const std::string_view raw = pointer.substr(0, pointer.find('/'));
  pointer.remove_prefix(raw.size());
  std::string token;
  for (std::size_t at = 0; at != raw.size(); ++at) {
    if (raw[at] != '~') {
      token += raw[at];
    } else if (++at != raw.size() && (raw[at] == '0' || raw[at] == '1')) {
      token += raw[at] == '0' ? '~' : '/';
    } else {
      return std::nullopt;
    }
  }
  return token;
}

std::optional<std::string_view> part(std::string_view container, std::string_view token) {
  std::optional<std::string_view> found;
  Walk walk(container);
  if (container.front() == '{') {
    while (walk.next()) {
      const bool wanted = unquoted(walk.take_key()) == token;
      const std::string_view value = walk.take_value();
      if (wanted) found = value;
    }
  } else if (container.front() == '[') {
    // An index has no leading zeros, so its text is compared.
    for (std::size_t index = 0; walk.next(); ++index) {
      const std::string_view value = walk.take_value();
      if (std::to_string(index) == token) return value;
    }
  }
  return found;
}

}  // namespace

bool valid_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = 32;
  json::basic_parser<Nothing> parser(options);
  json::error_code error;
  return parser.write_some(false, text.data(), text.size(), error) == text.size() && !error;
}

std::optional<std::string> by_pointer(std::string_view json_payload, std::string_view pointer) {
  if ((!pointer.empty() && pointer.front() != '/') || !valid_json(json_payload)) return std::nullopt;
  std::string_view value = trimmed(json_payload);
  while (!pointer.empty()) {
    const auto token = take_token(pointer);
    const auto found = token ? part(value, *token) : std::nullopt;
    if (!found) return std::nullopt;
    value = *found;
  }
  if (value == "null") return std::nullopt;
  return text_of(value);
}

std::optional<std::vector<Member>> members_of(std::string_view json_payload) {
  const std::string_view object = trimmed(json_payload);
  if (object.empty() || object.front() != '{' || !valid_json(object)) return std::nullopt;
  std::vector<Member> members;
  for (Walk walk(object); walk.next();) {
    std::string name = unquoted(walk.take_key());
    members.push_back({std::move(name), walk.take_value()});
  }
  return members;
}

std::string text_of(std::string_view value) {
  if (value.front() == '"') return unquoted(value);
  std::string compact;
  compact.reserve(value.size());
  bool in_string = false;
  for (std::size_t at = 0; at != value.size(); ++at) {
    const char byte = value[at];
    if (!in_string && blank(byte)) continue;
    compact += byte;
    if (byte == '"')
      in_string = !in_string;
    else if (in_string && byte == '\\')
      compact += value[++at];
  }
  return compact;
}

std::string pointer_of(std::string_view mapping) {
  if (mapping.empty() || mapping.front() == '/') return std::string(mapping);
  std::string pointer = "/";
  for (const char byte : mapping) pointer += byte == '~' ? "~0" : byte == '/' ? "~1" : std::string(1, byte);
  return pointer;
}

}  // namespace sluice::source
