#include "bench/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>

#include <fmt/format.h>

namespace sluice::bench {
namespace {

struct Suffix {
  std::string_view name;
  double factor;
};

constexpr std::array<Suffix, 6> times{
    {{"ns", 1e-9}, {"us", 1e-6}, {"\u00b5s", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}}};
constexpr std::array<Suffix, 8> sizes{{{"B", 1},
                                       {"kB", 1e3},
                                       {"KB", 1e3},
                                       {"KiB", 1024},
                                       {"MB", 1e6},
                                       {"MiB", 1048576},
                                       {"GB", 1e9},
                                       {"GiB", 1073741824}}};
constexpr std::array<Suffix, 4> counts{{{"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}}};
constexpr std::array<Suffix, 1> shares{{{"%", 0.01}}};

std::span<const Suffix> suffixes_of(Unit unit) {
  switch (unit) {
    case Unit::seconds:
    case Unit::milliseconds:
    case Unit::microseconds:
      return times;
    case Unit::bytes:
    case Unit::bytes_per_second:
      return sizes;
    case Unit::share:
      return shares;
    case Unit::count:
    case Unit::per_second:
      return counts;
  }
  return counts;
}

// How much of the suffixes' base one of `unit` is.
double base_of(Unit unit) {
  if (unit == Unit::milliseconds) return 1e-3;
  if (unit == Unit::microseconds) return 1e-6;
  return 1;
}

std::string digits(double value) {
  const double size = std::abs(value);
  if (size == 0) return "0";
  if (size < 10) return fmt::format("{:.2f}", value);
  if (size < 100) return fmt::format("{:.1f}", value);
  return fmt::format("{:.0f}", value);
}

std::string time_text(double seconds) {
  const double size = std::abs(seconds);
  if (size == 0) return "0 ms";
  if (size < 0.9995e-6) return digits(seconds * 1e9) + " ns";
  if (size < 0.9995e-3) return digits(seconds * 1e6) + " us";
  if (size < 0.9995) return digits(seconds * 1e3) + " ms";
  return digits(seconds) + " s";
}

std::string bytes_text(double bytes) {
  const double size = std::abs(bytes);
  if (size < 1023.5) return fmt::format("{:.0f} B", bytes);
  if (size < 1023.5 * 1024) return digits(bytes / 1024) + " KiB";
  if (size < 1023.5 * 1048576) return digits(bytes / 1048576) + " MiB";
  return digits(bytes / 1073741824) + " GiB";
}

std::string count_text(double count) {
  const double size = std::abs(count);
  if (size < 1e15 && (size >= 100 || size == std::floor(size)))
    return (count < 0 ? "-" : "") + grouped(static_cast<std::uint64_t>(std::llround(size)));
  return digits(count);
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t place = text.size(); place > 3; place -= 3) text.insert(place - 3, 1, ',');
  return text;
}

std::string quantity_text(double value, Unit unit) {
  switch (unit) {
    case Unit::seconds:
    case Unit::milliseconds:
    case Unit::microseconds:
      return time_text(value * base_of(unit));
    case Unit::bytes:
      return bytes_text(value);
    case Unit::bytes_per_second:
      return bytes_text(value) + "/s";
    case Unit::share:
      return digits(value * 100) + " %";
    case Unit::count:
      return count_text(value);
    case Unit::per_second:
      return count_text(value) + "/s";
  }
  return {};
}

std::optional<double> parse_quantity(std::string_view text, Unit unit) {
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !std::isfinite(number) || number < 0) return std::nullopt;
  std::string_view name = text.substr(static_cast<std::size_t>(rest - text.data()));
  if ((unit == Unit::per_second || unit == Unit::bytes_per_second) && name.ends_with("/s")) name.remove_suffix(2);
  if (name.starts_with(' ')) name.remove_prefix(1);
  if (name.empty()) return number;
  for (const Suffix& suffix : suffixes_of(unit))
    if (suffix.name == name) return number * suffix.factor / base_of(unit);
  return std::nullopt;
}

std::string_view example_of(Unit unit) {
  switch (unit) {
    case Unit::seconds:
      return "1.5s";
    case Unit::milliseconds:
      return "50ms";
    case Unit::microseconds:
      return "20us";
    case Unit::bytes:
      return "64KiB";
    case Unit::bytes_per_second:
      return "10MiB/s";
    case Unit::share:
      return "50%";
    case Unit::count:
      return "10k";
    case Unit::per_second:
      return "10k/s";
  }
  return {};
}

}  // namespace sluice::bench
