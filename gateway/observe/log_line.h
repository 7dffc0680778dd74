// One line of the log as text: for people (`message key=value`) or for machines (a JSON object). Pure; used by log.h.
// Invariant: one call makes one line, and valid JSON, whatever bytes a remote peer put into a value.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::observe {

// A key and its value. The views live until the call returns.
struct LogField {
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, const char* text) : key(name), value(std::string_view(text)) {}
  LogField(std::string_view name, const std::string& text) : key(name), value(std::string_view(text)) {}
  LogField(std::string_view name, bool flag) : key(name), value(flag) {}
  LogField(std::string_view name, std::floating_point auto number) : key(name), value(static_cast<double>(number)) {}
  LogField(std::string_view name, std::signed_integral auto number)
      : key(name), value(static_cast<std::int64_t>(number)) {}
  LogField(std::string_view name, std::unsigned_integral auto number)
      : key(name), value(static_cast<std::uint64_t>(number)) {}

  std::string_view key;
  Value value;
};

using WallTime = std::chrono::system_clock::time_point;

// "2026-11-22T17:10:08.123Z" (RFC 3339, UTC).
[[nodiscard]] std::string time_text(WallTime time);
// `{"time":"…","level":"info","message":"…","key":"value"}` without a line end. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json_line(WallTime time, std::string_view level, std::string_view message,
                                    std::span<const LogField> fields);
// `message key=value other="two words"`: a value is quoted and escaped unless it is plain, so that a peer can neither
// forge a field nor send escape sequences to the terminal.
[[nodiscard]] std::string text_line(std::string_view message, std::span<const LogField> fields);

}  // namespace sluice::observe
