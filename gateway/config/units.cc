#include "gateway/config/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <fmt/format.h>

namespace sluice::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 5> duration_units{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<Unit, 8> size_units{{{"GiB", 1ULL << 30},
                                          {"GB", 1'000'000'000},
                                          {"MiB", 1ULL << 20},
                                          {"MB", 1'000'000},
                                          {"KiB", 1ULL << 10},
                                          {"kB", 1000},
                                          {"KB", 1000},
                                          {"B", 1}}};

template <std::size_t count>
std::optional<std::uint64_t> parse_with_unit(std::string_view text, const std::array<Unit, count>& units) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789_"), text.size());
  std::string_view name = text.substr(digits);
  if (name.starts_with(' ')) name.remove_prefix(1);
  const std::optional<std::uint64_t> number = parse_count(text.substr(0, digits));
  const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& known) { return known.name == name; });
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  if (!number || unit == units.end() || *number > most / unit->factor) return std::nullopt;
  return *number * unit->factor;
}

template <std::size_t count>
std::string text_with_unit(std::uint64_t number, const std::array<Unit, count>& units, std::string_view smallest) {
  for (const Unit& unit : units)
    if (number != 0 && number % unit.factor == 0 && unit.name != "B")
      return fmt::format("{}{}", number / unit.factor, unit.name);
  return fmt::format("{}{}", number, smallest);
}

}  // namespace

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::string digits(text);
  if (digits.starts_with('_') || digits.ends_with('_') || digits.find("__") != std::string::npos) return std::nullopt;
  std::erase(digits, '_');
  std::uint64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return number;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto number = parse_with_unit(text, duration_units);
  if (!number) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*number));
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto plain = parse_count(text);
  if (plain && *plain <= std::numeric_limits<std::int64_t>::max()) return plain;
  return parse_with_unit(text, size_units);
}

std::string duration_text(std::chrono::milliseconds duration) {
  return text_with_unit(static_cast<std::uint64_t>(duration.count()), duration_units, "s");
}

std::string size_text(std::uint64_t bytes) { return text_with_unit(bytes, size_units, ""); }

}  // namespace sluice::config
