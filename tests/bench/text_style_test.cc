#include "bench/text_style.h"

#include <doctest/doctest.h>

#include <array>

using namespace sluice::bench;

namespace {

constexpr TextStyle plain{.color = false, .unicode = false, .columns = 80};
constexpr TextStyle rich{.color = true, .unicode = true, .columns = 80};

}  // namespace

TEST_CASE("without colour there is no escape sequence, without Unicode nothing but ASCII") {
  CHECK(plain.bold("a") == "a");
  CHECK(plain.mark(true) == "ok");
  CHECK(plain.mark(false) == "NO");
  CHECK(rich.bad("a") == "\x1b[31ma\x1b[0m");
  CHECK(progress_bar(0.5, 10, plain) == "[#####-----]");
  const std::array<double, 3> values{1, 2, 4};
  for (const char c : sparkline(values, 10, plain)) CHECK(static_cast<unsigned char>(c) < 0x80);
}

TEST_CASE("a text's width counts characters, not bytes, and no escape sequences") {
  CHECK(width_of("abc") == 3);
  CHECK(width_of("\u2581\u2588") == 2);
  CHECK(width_of(rich.good("ok")) == 2);
  CHECK(left_aligned("ab", 4) == "ab  ");
  CHECK(right_aligned(rich.good("ok"), 4) == "  " + rich.good("ok"));
  CHECK(left_aligned("abcdef", 4) == "abcdef");
}

TEST_CASE("a cut leaves whole characters and ends what it painted") {
  CHECK(cut("abcdef", 3) == "abc");
  CHECK(cut("\u2581\u2582\u2583", 2) == "\u2581\u2582");
  CHECK(cut("abc", 3) == "abc");
  CHECK(cut(rich.good("abcdef"), 3) == "\x1b[32mabc\x1b[0m");
  CHECK(cut("\x1b[", 3) == "\x1b[");
}

TEST_CASE("a sparkline shows the last values against the largest of them") {
  const std::array<double, 4> values{100, 0, 1, 8};
  CHECK(sparkline(values, 3, rich) == " \u2582\u2588");
  CHECK(sparkline({}, 3, rich).empty());
}

TEST_CASE("a progress bar stays within its columns") {
  CHECK(progress_bar(7, 4, plain) == "[####]");
  CHECK(progress_bar(-1, 4, plain) == "[----]");
}
