#include "gateway/observe/log_line.h"

#include <cmath>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace sluice::observe {
namespace {

// The size of the UTF-8 sequence at the start of `text` (RFC 3629 §4), or 0.
std::size_t sequence_size(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const auto tail = [&](std::size_t index, unsigned low = 0x80, unsigned high = 0xbf) {
    return index < text.size() && byte(index) >= low && byte(index) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80, high = first == 0xed ? 0x9f : 0xbf;
    return tail(1, low, high) && tail(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80, high = first == 0xf4 ? 0x8f : 0xbf;
    return tail(1, low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

// A JSON string (RFC 8259 §7). C1 controls and DEL are escaped too: a terminal obeys them.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t size = sequence_size(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    if (size == 0) {
      out += "\\ufffd";
    } else if (size == 2 && byte == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(text[1]));
    } else if (size > 1) {
      out += text.substr(0, size);
    } else if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[0];
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += text[0];
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  out += '"';
}

bool plain(std::string_view text) {
  for (const char c : text)
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') return false;
  return !text.empty();
}

struct AppendJson {
  std::string& out;
  void operator()(std::string_view text) const { append_quoted(out, text); }
  // JSON has no infinity and no NaN (RFC 8259 §6).
  void operator()(double number) const { out += std::isfinite(number) ? fmt::to_string(number) : "null"; }
  void operator()(bool flag) const { out += flag ? "true" : "false"; }
  void operator()(std::integral auto number) const { out += fmt::to_string(number); }
};

}  // namespace

std::string time_text(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(time - seconds);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     rest.count());
}

std::string json_line(WallTime time, std::string_view level, std::string_view message,
                      std::span<const LogField> fields) {
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","message":)", time_text(time), level);
  append_quoted(line, message);
  for (const LogField& field : fields) {
    line += ',';
    append_quoted(line, field.key);
    line += ':';
    std::visit(AppendJson{line}, field.value);
  }
  return line + '}';
}

std::string text_line(std::string_view message, std::span<const LogField> fields) {
  std::string line;
  append_quoted(line, message);
  line = line.substr(1, line.size() - 2);
  for (const LogField& field : fields) {
    line += fmt::format(" {}=", field.key);
    const auto* text = std::get_if<std::string_view>(&field.value);
    if (text != nullptr && plain(*text))
      line += *text;
    else
      std::visit(AppendJson{line}, field.value);
  }
  return line;
}

}  // namespace sluice::observe
