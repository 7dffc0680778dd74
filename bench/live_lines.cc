#include "bench/live_lines.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bench/quantity.h"

namespace sluice::bench {
namespace {

constexpr std::size_t name_columns = 12, columns_min = 20, columns_max = 100, sparkline_columns_max = 40;

// The bin that rates are taken from: the last whole one, or what there is of the first.
const Bin* shown_bin(const Progress& progress) {
  if (progress.bins.empty()) return nullptr;
  return &progress.bins[progress.bins.size() < 2 ? 0 : progress.bins.size() - 2];
}

double per_second(const Progress& progress, std::uint64_t count) {
  double seconds = static_cast<double>(progress.bin.count()) / 1e3;
  if (progress.bins.size() < 2) seconds = std::clamp(progress.seconds, 0.001, seconds);
  return static_cast<double>(count) / seconds;
}

std::string rate(const Progress& progress, std::uint64_t count, Unit unit = Unit::per_second) {
  const double value = per_second(progress, count);
  return quantity_text(unit == Unit::per_second && value >= 10 ? std::round(value) : value, unit);
}

std::string latency(std::uint64_t nanoseconds) {
  return quantity_text(static_cast<double>(nanoseconds) / 1e9, Unit::seconds);
}

// The whole bins, for a sparkline.
std::vector<double> column(const Progress& progress, std::uint64_t Bin::*member) {
  std::vector<double> values;
  const std::size_t count = progress.bins.size() < 2 ? progress.bins.size() : progress.bins.size() - 1;
  for (std::size_t index = 0; index < count; ++index)
    values.push_back(static_cast<double>(progress.bins[index].*member));
  return values;
}

std::string faults_text(const Progress& progress) {
  std::vector<std::string> faults;
  const auto add = [&](std::uint64_t count, std::string_view name) {
    if (count != 0) faults.push_back(fmt::format("{} {}", grouped(count), name));
  };
  add(progress.lost, "lost");
  add(progress.repeated, "repeated");
  add(progress.reordered, "reordered");
  add(progress.malformed, "malformed");
  add(progress.refused_publishes, "publishes refused");
  return fmt::format("{}", fmt::join(faults, ", "));
}

std::string seconds_text(double seconds) {
  if (seconds < 100) return fmt::format("{:.1f} s", std::max(0.0, seconds));
  return fmt::format("{}:{:02}", static_cast<int>(seconds) / 60, static_cast<int>(seconds) % 60);
}

// How far the phase is: by its time, or, while the crowd opens or comes back, by the streams that are open.
double share_of(const Progress& progress) {
  if (progress.phase_of_seconds > 0 && progress.phase != Phase::coming_back)
    return progress.phase_seconds / progress.phase_of_seconds;
  if (progress.streams_wanted > 0 && (progress.phase == Phase::opening || progress.phase == Phase::coming_back))
    return static_cast<double>(progress.streams_open) / static_cast<double>(progress.streams_wanted);
  return progress.phase == Phase::closing ? 1 : 0;
}

std::string time_text(const Progress& progress) {
  if (progress.phase_of_seconds <= 0) return seconds_text(progress.phase_seconds);
  if (progress.phase == Phase::coming_back || progress.phase == Phase::opening)
    return fmt::format("{}, {} at most", seconds_text(progress.phase_seconds), seconds_text(progress.phase_of_seconds));
  return fmt::format("{} left", seconds_text(progress.phase_of_seconds - progress.phase_seconds));
}

}  // namespace

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::opening:
      return "opening";
    case Phase::warming_up:
      return "warming up";
    case Phase::measuring:
      return "measuring";
    case Phase::coming_back:
      return "coming back";
    case Phase::closing:
      return "closing";
  }
  return {};
}

std::vector<std::string> live_block(const Progress& progress, const std::string& title, const TextStyle& style) {
  const std::size_t columns = std::clamp(style.columns, columns_min, columns_max);
  const std::size_t bar = columns > 60 ? 30 : 10;
  const std::size_t spark = columns > 64 ? std::min(sparkline_columns_max, columns - 60) : 0;
  std::vector<std::string> lines;
  const auto line = [&](std::string_view name, const std::string& text) {
    lines.push_back(cut(left_aligned(style.dim(name), name_columns) + text, style.columns));
  };
  const auto graph = [&](std::uint64_t Bin::*member) {
    return spark == 0 ? std::string() : style.accent(sparkline(column(progress, member), spark, style));
  };

  lines.push_back(cut(style.bold(title), style.columns));
  line(name_of(progress.phase), fmt::format("{}  {}{}", progress_bar(share_of(progress), bar, style),
                                            time_text(progress), progress.step.empty() ? "" : ", " + progress.step));
  line("streams", fmt::format("{} of {} open on {} connections", grouped(progress.streams_open),
                              grouped(progress.streams_wanted), grouped(progress.connections_open)));
  if (const Bin* bin = shown_bin(progress)) {
    line("published", left_aligned(rate(progress, bin->published), 44) + graph(&Bin::published));
    line("deliveries", left_aligned(fmt::format("{}, {}", rate(progress, bin->deliveries),
                                                rate(progress, bin->bytes, Unit::bytes_per_second)),
                                    44) +
                           graph(&Bin::deliveries));
    if (bin->latency_max_ns != 0)
      line("latency", left_aligned(fmt::format("p50 {}  p99 {}  max {}", latency(bin->latency_p50_ns),
                                               latency(bin->latency_p99_ns), latency(bin->latency_max_ns)),
                                   44) +
                          graph(&Bin::latency_p99_ns));
    else
      line("latency", style.dim("-"));
  }
  if (progress.reconnects != 0)
    line("reconnects", left_aligned(grouped(progress.reconnects), 44) + graph(&Bin::reconnects));
  if (const std::string faults = faults_text(progress); !faults.empty()) line("faults", style.bad(faults));
  return lines;
}

std::string live_line(const Progress& progress) {
  std::string text = fmt::format("{:>7}  {}", seconds_text(progress.seconds), name_of(progress.phase));
  if (!progress.step.empty()) text += " (" + progress.step + ")";
  text += fmt::format(", {} of {} streams", grouped(progress.streams_open), grouped(progress.streams_wanted));
  if (const Bin* bin = shown_bin(progress); bin != nullptr && progress.phase != Phase::opening) {
    text +=
        fmt::format(", {} published, {} delivered", rate(progress, bin->published), rate(progress, bin->deliveries));
    if (bin->latency_max_ns != 0)
      text += fmt::format(", p50 {}, p99 {}", latency(bin->latency_p50_ns), latency(bin->latency_p99_ns));
  }
  if (progress.reconnects != 0) text += fmt::format(", {} reconnects", grouped(progress.reconnects));
  if (const std::string faults = faults_text(progress); !faults.empty()) text += ", " + faults;
  return text;
}

}  // namespace sluice::bench
