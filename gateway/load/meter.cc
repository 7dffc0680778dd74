#include "gateway/load/meter.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace sluice::load {

namespace {

constexpr double rise_seconds = 0.4, fall_seconds = 10;  // time constants
// A clock that jumps, or a process that was stopped, counts as no more.
constexpr double step_seconds_max = 1;
// A loop that was stopped for a minute is no more loaded than this, or its load would last for minutes.
constexpr double share_max = 2;

constexpr std::array<std::string_view, resource_count> names = {"cpu",     "loop_lag", "connections", "streams",
                                                                "backlog", "memory",   "handshakes",  "descriptors"};

std::string amount_text(Resource resource, double value) {
  constexpr double mebibyte = 1024 * 1024;
  switch (resource) {
    case Resource::cpu:
      return fmt::format("{:.2f} cores", value);
    case Resource::loop_lag:
      return fmt::format("{:.0f} ms", value * 1000);
    case Resource::backlog:
    case Resource::memory:
      return fmt::format("{:.0f} MiB", value / mebibyte);
    default:
      return fmt::format("{:.0f}", value);
  }
}

}  // namespace

std::string_view name(Resource resource) { return names[static_cast<std::size_t>(resource)]; }

void Meter::take(const Amounts& amounts, TimePoint now) {
  const double passed =
      taken_ ? std::clamp(std::chrono::duration<double>(now - *taken_).count(), 0.0, step_seconds_max) : 0;
  for (std::size_t index = 0; index != resource_count; ++index) {
    const Amount& amount = amounts[index];
    const double share = amount.limit > 0 ? std::clamp(amount.value / amount.limit, 0.0, share_max) : 0;
    double& smoothed = shares_[index];
    const double time = share > smoothed ? rise_seconds : fall_seconds;
    smoothed = taken_ ? smoothed + (share - smoothed) * (1 - std::exp(-passed / time)) : share;
  }
  taken_ = std::max(now, taken_.value_or(now));
  amounts_ = amounts;
  worst_ = static_cast<Resource>(std::ranges::max_element(shares_) - shares_.begin());
}

std::string Meter::amount(Resource resource) const {
  const Amount& amount = amounts_[static_cast<std::size_t>(resource)];
  return amount_text(resource, amount.value) + " of " + amount_text(resource, amount.limit);
}

std::string Meter::reason() const { return std::string(name(worst_)) + ' ' + amount(worst_); }

}  // namespace sluice::load
