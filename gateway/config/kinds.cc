#include "gateway/config/kinds.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "gateway/config/expansion.h"
#include "gateway/config/listen_address.h"
#include "gateway/config/units.h"
#include "proto/sse.h"

namespace sluice::config {
namespace {

std::string_view type_of(const Node& node) {
  constexpr std::string_view names[] = {"a date",   "an integer", "a number", "a boolean",
                                        "a string", "an array",   "a table"};
  return names[node.value.index()];
}

[[noreturn]] void wrong_type(const Node& node, const std::string& wanted) {
  throw BadValue{fmt::format("is {}; expected {}", node.bare ? "other text" : type_of(node), wanted)};
}

[[noreturn]] void wrong_value(std::string_view text, const std::string& wanted) {
  throw BadValue{fmt::format("is {}; expected {}", toml_string(text), wanted)};
}

[[noreturn]] void out_of_bounds(const std::string& value, const std::string& wanted) {
  throw BadValue{fmt::format("is {}; expected {}", value, wanted), true};
}

const std::string* text_in(const Node& node) { return std::get_if<std::string>(&node.value); }
// Only bare text may stand for another type: `streams = "100"` in a file is a mistake, SLUICE_LIMITS__STREAMS=100 is
// not.
const std::string* bare_text(const Node& node) { return node.bare ? text_in(node) : nullptr; }

std::string checked_text(const Node& node, const std::string& wanted) {
  const std::string* text = text_in(node);
  if (text == nullptr) wrong_type(node, wanted);
  for (const char c : *text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
      throw BadValue{fmt::format("holds a control character; expected {}", wanted)};
  if (!proto::sse::valid_utf8(*text)) throw BadValue{fmt::format("is not UTF-8; expected {}", wanted)};
  return *text;
}

}  // namespace

std::string toml_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : escape_expansion(text)) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::uint64_t Count::read(const Node& node) const {
  if (const std::string* text = bare_text(node)) {
    const auto count = parse_count(*text);
    if (!count) wrong_value(*text, describe());
    if (*count < least || *count > most) out_of_bounds(*text, describe());
    return *count;
  }
  const auto* integer = std::get_if<std::int64_t>(&node.value);
  if (integer == nullptr) wrong_type(node, describe());
  if (*integer < 0 || static_cast<std::uint64_t>(*integer) < least || static_cast<std::uint64_t>(*integer) > most)
    out_of_bounds(fmt::to_string(*integer), describe());
  return static_cast<std::uint64_t>(*integer);
}
std::string Count::describe() const { return fmt::format("count, {} to {}", least, most); }
std::string Count::show(std::uint64_t value) { return fmt::to_string(value); }

double Number::read(const Node& node) const {
  double number = 0;
  if (const std::string* text = bare_text(node)) {
    const char* end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, number);
    if (error != std::errc{} || rest != end) wrong_value(*text, describe());
  } else if (const auto* integer = std::get_if<std::int64_t>(&node.value)) {
    number = static_cast<double>(*integer);
  } else if (const auto* floating = std::get_if<double>(&node.value)) {
    number = *floating;
  } else {
    wrong_type(node, describe());
  }
  // Also refuses NaN, which TOML can write.
  if (!(number >= least && number <= most)) out_of_bounds(fmt::to_string(number), describe());
  return number;
}
std::string Number::describe() const { return fmt::format("number, {} to {}", show(least), show(most)); }
std::string Number::show(double value) {
  return value == std::floor(value) ? fmt::format("{:.0f}", value) : fmt::format("{}", value);
}

std::uint64_t Size::read(const Node& node) const {
  std::optional<std::uint64_t> bytes;
  if (const std::string* text = text_in(node)) {
    bytes = parse_size(*text);
    if (!bytes)
      throw BadValue{fmt::format("is {}, which is no size; write bytes or \"64KiB\", \"10MB\"", toml_string(*text))};
  } else if (const auto* integer = std::get_if<std::int64_t>(&node.value)) {
    if (*integer < 0) out_of_bounds(fmt::to_string(*integer), describe());
    bytes = static_cast<std::uint64_t>(*integer);
  } else {
    wrong_type(node, describe());
  }
  if (*bytes < least || *bytes > most) out_of_bounds(size_text(*bytes), describe());
  return *bytes;
}
std::string Size::describe() const { return fmt::format("size, {} to {}", size_text(least), size_text(most)); }
std::string Size::show(std::uint64_t bytes) {
  const std::string text = size_text(bytes);
  return text.find_first_not_of("0123456789") == std::string::npos ? text : toml_string(text);
}

std::chrono::milliseconds Duration::read(const Node& node) const {
  // A bare number would be seconds to one reader and milliseconds to the next.
  if (std::holds_alternative<std::int64_t>(node.value) || std::holds_alternative<double>(node.value))
    throw BadValue{"has no unit; write \"250ms\", \"10s\", \"5m\" or \"1h\""};
  const std::string* text = text_in(node);
  if (text == nullptr) wrong_type(node, describe());
  const auto duration = parse_duration(*text);
  if (!duration)
    throw BadValue{
        fmt::format("is {}, which is no duration; write \"250ms\", \"10s\", \"5m\" or \"1h\"", toml_string(*text))};
  if (*duration < least || *duration > most) out_of_bounds(duration_text(*duration), describe());
  return *duration;
}
std::string Duration::describe() const {
  return fmt::format("duration, {} to {}", duration_text(least), duration_text(most));
}
std::string Duration::show(std::chrono::milliseconds value) { return toml_string(duration_text(value)); }

bool Flag::read(const Node& node) {
  if (const std::string* text = bare_text(node); text != nullptr && (*text == "true" || *text == "false"))
    return *text == "true";
  const bool* flag = std::get_if<bool>(&node.value);
  if (flag == nullptr) wrong_type(node, describe());
  return *flag;
}
std::string Flag::describe() { return "true or false"; }
std::string Flag::show(bool value) { return value ? "true" : "false"; }

std::string Text::read(const Node& node) const { return checked_text(node, describe()); }
std::string Text::describe() const { return fmt::format("string, {}", what); }
std::string Text::show(const std::string& value) { return value.empty() ? std::string() : toml_string(value); }

std::vector<std::string> TextList::read(const Node& node) const {
  std::vector<std::string> values;
  if (const std::string* bare = bare_text(node)) {
    std::string_view rest = *bare;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      values.emplace_back(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return values;
  }
  const Array* array = std::get_if<Array>(&node.value);
  if (array == nullptr) wrong_type(node, describe());
  for (const Node& element : *array) {
    if (text_in(element) == nullptr) throw BadValue{fmt::format("holds {}; expected {}", type_of(element), describe())};
    values.push_back(checked_text(element, describe()));
  }
  return values;
}
std::string TextList::describe() const { return fmt::format("array of strings, {}", what); }
std::string TextList::show(const std::vector<std::string>& values) {
  std::vector<std::string> texts;
  for (const std::string& value : values) texts.push_back(toml_string(value));
  return values.empty() ? std::string() : fmt::format("[{}]", fmt::join(texts, ", "));
}

std::vector<RetryStep> RetrySteps::read(const Node& node) {
  std::vector<RetryStep> steps;
  for (const std::string& text : TextList{}.read(node)) {
    const std::size_t percent = text.find('%');
    const auto wrong = [&text] { return BadValue{fmt::format("`{}` is no step; expected {}", text, describe())}; };
    if (percent == std::string::npos || text.substr(percent + 1, 1) != ":") throw wrong();
    RetryStep step;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + percent, step.load_percent);
    std::string_view time = std::string_view(text).substr(percent + 2);
    time.remove_prefix(std::min(time.find_first_not_of(' '), time.size()));
    const auto duration = parse_duration(time);
    if (error != std::errc() || stop != text.data() + percent || !duration || step.load_percent < 0) throw wrong();
    step.min = *duration;
    steps.push_back(step);
  }
  return steps;
}
std::string RetrySteps::describe() { return "array of strings such as \"80%: 10s\""; }
std::string RetrySteps::show(const std::vector<RetryStep>& steps) {
  std::vector<std::string> texts;
  for (const RetryStep& step : steps)
    texts.push_back(fmt::format("{}%: {}", step.load_percent, duration_text(step.min)));
  return TextList::show(texts);
}

std::filesystem::path File::read(const Node& node) { return checked_text(node, describe()); }
std::string File::describe() { return "path"; }
std::string File::show(const std::filesystem::path& path) {
  return path.empty() ? std::string() : toml_string(path.string());
}
std::string File::show(const std::optional<std::filesystem::path>& path) { return path ? show(*path) : std::string(); }

unsigned Workers::read(const Node& node) const {
  const std::string* text = text_in(node);
  if (text != nullptr && *text == "auto") return 0;
  if (text != nullptr && (!node.bare || !parse_count(*text))) wrong_value(*text, describe());
  if (text == nullptr && !std::holds_alternative<std::int64_t>(node.value)) wrong_type(node, describe());
  return static_cast<unsigned>(Count{1, most}.read(node));
}
std::string Workers::describe() const { return fmt::format("\"auto\" or a count, 1 to {}", most); }
std::string Workers::show(unsigned value) { return value == 0 ? toml_string("auto") : fmt::to_string(value); }

ListenAddress Address::read(const Node& node) {
  const std::string text = checked_text(node, describe());
  std::string problem;
  ListenAddress address = parse_listen_address(text, problem);
  if (!problem.empty()) throw BadValue{fmt::format("is {}: {}", toml_string(text), problem)};
  return address;
}
std::string Address::describe() { return "address, \"host:port\" or \":port\""; }
std::string Address::show(const ListenAddress& address) { return toml_string(listen_address_text(address)); }

std::optional<ListenAddress> AddressOrOff::read(const Node& node) {
  if (const std::string* text = text_in(node); text != nullptr && *text == "off") return std::nullopt;
  if (text_in(node) == nullptr) wrong_type(node, describe());
  return Address::read(node);
}
std::string AddressOrOff::describe() { return Address::describe() + ", or \"off\""; }
std::string AddressOrOff::show(const std::optional<ListenAddress>& address) {
  return address ? Address::show(*address) : toml_string("off");
}

std::size_t read_word(const Node& node, const std::vector<std::string_view>& words) {
  const std::string* text = text_in(node);
  if (text == nullptr) wrong_type(node, describe_words(words));
  const auto found = std::find(words.begin(), words.end(), *text);
  if (found == words.end()) wrong_value(*text, describe_words(words));
  return static_cast<std::size_t>(found - words.begin());
}
std::string describe_words(const std::vector<std::string_view>& words) {
  std::vector<std::string> texts;
  for (const std::string_view word : words) texts.push_back(toml_string(word));
  return fmt::format("{}", fmt::join(texts, " or "));
}

}  // namespace sluice::config
