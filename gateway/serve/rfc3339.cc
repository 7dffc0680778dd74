#include "gateway/serve/rfc3339.h"

#include <charconv>

namespace sluice::serve {

namespace {

// Takes a number of exactly `digits` digits; nullopt when there is none.
std::optional<unsigned> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  unsigned number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + digits, number);
  if (error != std::errc() || stop != text.data() + digits) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, std::string_view letters) {
  if (text.empty() || letters.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text) {
  using namespace std::chrono;
  const auto year_number = take_number(text, 4);
  if (!year_number || !take(text, "-")) return std::nullopt;
  const auto month_number = take_number(text, 2);
  if (!month_number || !take(text, "-")) return std::nullopt;
  const auto day_number = take_number(text, 2);
  if (!day_number || !take(text, "Tt ")) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59 || !take(text, ":")) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second || *second > 60) return std::nullopt;
  const year_month_day date{year(static_cast<int>(*year_number)), month(*month_number), day(*day_number)};
  if (!date.ok()) return std::nullopt;
  system_clock::time_point time = sys_days(date) + hours(*hour) + minutes(*minute) + seconds(*second);
  if (take(text, ".")) {
    nanoseconds unit(100'000'000), fraction(0);
    std::size_t digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits) {
      fraction += (text.front() - '0') * unit;
      unit /= 10;
    }
    if (digits == 0) return std::nullopt;
    time += duration_cast<system_clock::duration>(fraction);
  }
  if (take(text, "Zz")) return text.empty() ? std::optional(time) : std::nullopt;
  const bool behind = !text.empty() && text.front() == '-';
  if (!take(text, "+-")) return std::nullopt;
  const auto offset_hours = take_number(text, 2);
  if (!offset_hours || *offset_hours > 23 || !take(text, ":")) return std::nullopt;
  const auto offset_minutes = take_number(text, 2);
  if (!offset_minutes || *offset_minutes > 59 || !text.empty()) return std::nullopt;
  const minutes offset = hours(*offset_hours) + minutes(*offset_minutes);
  return behind ? time + offset : time - offset;
}

}  // namespace sluice::serve
