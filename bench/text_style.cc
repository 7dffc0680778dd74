#include "bench/text_style.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace sluice::bench {
namespace {

constexpr std::array<std::string_view, 8> blocks{"\u2581", "\u2582", "\u2583", "\u2584",
                                                 "\u2585", "\u2586", "\u2587", "\u2588"};
constexpr std::array<std::string_view, 8> ascii_blocks{"_", ".", ":", "-", "=", "+", "*", "#"};

// How many bytes of `text` its first character takes, and whether it takes a column.
struct Step {
  std::size_t size;
  bool column;
};
Step step_of(std::string_view text) {
  if (text.starts_with("\x1b[")) {
    const std::size_t end = text.find_first_of("ABCDEFGHJKLMSTfhlmnsu", 2);
    return {end == std::string_view::npos ? text.size() : end + 1, false};
  }
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) ++size;
  return {size, true};
}

}  // namespace

std::string TextStyle::painted(std::string_view text, std::string_view code) const {
  return color && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

std::string TextStyle::mark(bool met) const {
  if (met) return good(unicode ? "\u2713" : "ok");
  return bad(unicode ? "\u2717" : "NO");
}

std::size_t width_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Step step = step_of(text);
    columns += step.column ? 1 : 0;
    text.remove_prefix(step.size);
  }
  return columns;
}

std::string left_aligned(std::string_view text, std::size_t columns) {
  return std::string(text) + std::string(columns - std::min(columns, width_of(text)), ' ');
}

std::string right_aligned(std::string_view text, std::size_t columns) {
  return std::string(columns - std::min(columns, width_of(text)), ' ') + std::string(text);
}

std::string cut(std::string_view text, std::size_t columns) {
  std::string kept;
  while (!text.empty()) {
    const Step step = step_of(text);
    if (step.column && columns-- == 0) {
      // What was painted must not go on behind the cut.
      if (kept.find('\x1b') != std::string::npos) kept += "\x1b[0m";
      break;
    }
    kept += text.substr(0, step.size);
    text.remove_prefix(step.size);
  }
  return kept;
}

std::string sparkline(std::span<const double> values, std::size_t columns, const TextStyle& style) {
  if (values.size() > columns) values = values.last(columns);
  const double most = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
  const auto& characters = style.unicode ? blocks : ascii_blocks;
  std::string line;
  for (const double value : values) {
    const double share = most > 0 ? std::clamp(value / most, 0.0, 1.0) : 0;
    const auto level = static_cast<std::size_t>(std::lround(share * static_cast<double>(characters.size() - 1)));
    line += value > 0 ? characters[level] : std::string_view(" ");
  }
  return line;
}

std::string progress_bar(double share, std::size_t columns, const TextStyle& style) {
  const auto done = static_cast<std::size_t>(std::lround(std::clamp(share, 0.0, 1.0) * static_cast<double>(columns)));
  std::string full, rest;
  for (std::size_t i = 0; i < done; ++i) full += style.unicode ? "\u2501" : "#";
  for (std::size_t i = done; i < columns; ++i) rest += style.unicode ? "\u2500" : "-";
  if (!style.unicode) return fmt::format("[{}{}]", full, rest);
  return style.accent(full) + style.dim(rest);
}

}  // namespace sluice::bench
