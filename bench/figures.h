// Figures: the one table of what a run's outcome says in numbers. Everything that shows, judges, stores or compares
// figures goes through it, so that a name means the same in --expect, in JSON, in the summary and in the report. Pure.
// Invariant: names are unique; the value of a figure is in its kind's unit.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bench/outcome.h"
#include "bench/quantity.h"

namespace sluice::bench {

enum class Better : std::uint8_t { smaller, larger, neither };

enum class Group : std::uint8_t { deliveries, latency, faults, connections, storm, ramp, slow_readers, server, client };

struct FigureKind {
  std::string_view name;   // "p99", "cpu_per_delivery_us"
  std::string_view title;  // for a person: "CPU per delivery"
  Group group;
  Unit unit;
  Better better;
  // By how much two runs of the same thing differ on a machine that others use too, as a share: a comparison calls no
  // smaller difference a difference, for one run of each cannot show it. 0: counts that are exact.
  double noise;
  std::string_view needs;  // what a run lacks that has no such figure: "--server-pid"
  std::optional<double> (*of)(const Outcome&);
};

struct Figure {
  const FigureKind* kind = nullptr;
  double value = 0;
};

[[nodiscard]] std::span<const FigureKind> figure_kinds();
// Null when there is no such name.
[[nodiscard]] const FigureKind* find_figure(std::string_view name);
// Those that this outcome has, in the table's order.
[[nodiscard]] std::vector<Figure> figures_of(const Outcome& outcome);
// "; did you mean `p99`?" or nothing.
[[nodiscard]] std::string nearest_figure(std::string_view name);

[[nodiscard]] std::string_view title_of(Group group);

// The last step of a ramp that kept within every limit; null: not one did, or there was no ramp.
[[nodiscard]] const RampStep* knee_of(const Outcome& outcome);
// The limit that ended a ramp, for a person; empty: none was crossed.
[[nodiscard]] std::string_view broken_limit(const Outcome& outcome);

}  // namespace sluice::bench
