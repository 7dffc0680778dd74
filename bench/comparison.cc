#include "bench/comparison.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>

#include <fmt/format.h>

namespace sluice::bench {
namespace {

// Fewer bins than this do not show how much they vary: the noise is then taken to be twice the kind's.
constexpr std::size_t bins_min = 5;

struct Series {
  std::string_view figure;
  std::uint64_t Bin::*bins;
};

constexpr std::array<Series, 8> series{{{"deliveries/s", &Bin::deliveries},
                                        {"bytes/s", &Bin::bytes},
                                        {"published/s", &Bin::published},
                                        {"p50", &Bin::latency_p50_ns},
                                        {"p90", &Bin::latency_p99_ns},
                                        {"p99", &Bin::latency_p99_ns},
                                        {"p99.9", &Bin::latency_p99_ns},
                                        {"max", &Bin::latency_max_ns}}};

// The standard error of a column's mean, as a share of the mean.
double error_of(const std::vector<Bin>& bins, std::uint64_t Bin::*column) {
  double sum = 0, squares = 0;
  for (const Bin& bin : bins) {
    const auto value = static_cast<double>(bin.*column);
    sum += value;
    squares += value * value;
  }
  const auto count = static_cast<double>(bins.size());
  const double mean = sum / count;
  if (mean <= 0) return 0;
  const double variance = std::max(0.0, squares / count - mean * mean) * count / (count - 1);
  return std::sqrt(variance / count) / mean;
}

double noise_of(const FigureKind& kind, const StoredRun& before, const StoredRun& now) {
  const auto found =
      std::find_if(series.begin(), series.end(), [&](const Series& one) { return one.figure == kind.name; });
  if (found == series.end()) return kind.noise;
  if (before.bins.size() < bins_min || now.bins.size() < bins_min) return 2 * kind.noise;
  return std::max(kind.noise, 2 * std::hypot(error_of(before.bins, found->bins), error_of(now.bins, found->bins)));
}

Change change_of(const Compared& compared) {
  if (compared.before == compared.now) return Change::none;
  if (compared.ratio && compared.kind->noise > 0) {
    const double larger = std::max(*compared.ratio, *compared.ratio > 0 ? 1 / *compared.ratio : HUGE_VAL);
    if (larger <= 1 + compared.noise) return Change::none;
  }
  if (compared.kind->better == Better::neither) return Change::other;
  return (compared.now < compared.before) == (compared.kind->better == Better::smaller) ? Change::better
                                                                                        : Change::worse;
}

}  // namespace

Comparison compare(const std::string& name, const StoredRun& before, const StoredRun& now) {
  Comparison comparison{name, {}, {}};
  if (before.scenario != now.scenario)
    comparison.notes.push_back(fmt::format("another scenario: {} then, {} now", before.scenario, now.scenario));
  if (before.offered != now.offered)
    comparison.notes.push_back(fmt::format("another load: {} then, {} now", before.offered, now.offered));
  if (!before.clean) comparison.notes.push_back("the earlier run was not clean");
  if (before.bins.size() < bins_min || now.bins.size() < bins_min)
    comparison.notes.push_back(
        fmt::format("measured for {} s or less: longer runs show smaller differences", bins_min - 1));
  for (const FigureKind& kind : figure_kinds()) {
    const auto then = before.figures.find(kind.name), here = now.figures.find(kind.name);
    if (then == before.figures.end() || here == now.figures.end()) continue;
    Compared compared{&kind, then->second, here->second, std::nullopt, noise_of(kind, before, now), Change::none};
    if (compared.before > 0) compared.ratio = compared.now / compared.before;
    compared.change = change_of(compared);
    comparison.figures.push_back(compared);
  }
  return comparison;
}

std::string ratio_text(const Compared& compared) {
  if (!compared.ratio) return compared.now == compared.before ? "=" : "new";
  if (*compared.ratio == 1) return "=";
  if (*compared.ratio >= 100) return fmt::format("{:.0f}x", *compared.ratio);
  return fmt::format("{:.2f}x", *compared.ratio);
}

}  // namespace sluice::bench
