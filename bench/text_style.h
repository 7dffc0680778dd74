// TextStyle: what a terminal can show, and text made so that it can. Pure; terminal.h finds out about the real one.
// Invariant: without `color` no escape sequence is made, without `unicode` nothing but ASCII.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sluice::bench {

struct TextStyle {
  bool color = false, unicode = true;
  std::size_t columns = 80;

  [[nodiscard]] std::string bold(std::string_view text) const { return painted(text, "1"); }
  [[nodiscard]] std::string dim(std::string_view text) const { return painted(text, "2"); }
  [[nodiscard]] std::string good(std::string_view text) const { return painted(text, "32"); }
  [[nodiscard]] std::string bad(std::string_view text) const { return painted(text, "31"); }
  [[nodiscard]] std::string notable(std::string_view text) const { return painted(text, "33"); }
  [[nodiscard]] std::string accent(std::string_view text) const { return painted(text, "36"); }
  // A tick or a cross.
  [[nodiscard]] std::string mark(bool met) const;

 private:
  [[nodiscard]] std::string painted(std::string_view text, std::string_view code) const;
};

// Columns that `text` takes: UTF-8 counted as one each, escape sequences as none.
[[nodiscard]] std::size_t width_of(std::string_view text);
// Filled up with blanks to `columns`, on its right or on its left.
[[nodiscard]] std::string left_aligned(std::string_view text, std::size_t columns);
[[nodiscard]] std::string right_aligned(std::string_view text, std::size_t columns);
// Cut to `columns`, an escape sequence never in half.
[[nodiscard]] std::string cut(std::string_view text, std::size_t columns);

// One character for each of the last `columns` values, from 0 to the largest of them.
[[nodiscard]] std::string sparkline(std::span<const double> values, std::size_t columns, const TextStyle& style);
// "[#####-----]", `share` from 0 to 1.
[[nodiscard]] std::string progress_bar(double share, std::size_t columns, const TextStyle& style);

}  // namespace sluice::bench
