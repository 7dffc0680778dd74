#include "bench/figures_table.h"

#include <fmt/format.h>

#include "bench/figures.h"

namespace sluice::bench {
namespace {

std::string_view unit_text(Unit unit) {
  switch (unit) {
    case Unit::count:
      return "count";
    case Unit::per_second:
      return "per second";
    case Unit::seconds:
      return "s";
    case Unit::milliseconds:
      return "ms";
    case Unit::microseconds:
      return "us";
    case Unit::bytes:
      return "bytes";
    case Unit::bytes_per_second:
      return "bytes per second";
    case Unit::share:
      return "share: 1 is 100 %";
  }
  return {};
}

std::string_view better_text(Better better) {
  switch (better) {
    case Better::smaller:
      return "smaller";
    case Better::larger:
      return "larger";
    case Better::neither:
      break;
  }
  return "";
}

}  // namespace

std::string figures_table() {
  std::string table =
      fmt::format("| {:<28} | {:<32} | {:<17} | {:<7} | {} |\n", "figure", "what", "unit", "better", "needs");
  table += "|---|---|---|---|---|\n";
  for (const FigureKind& kind : figure_kinds()) {
    const std::string what = kind.group == Group::latency || kind.group == Group::server || kind.group == Group::client
                                 ? fmt::format("{}: {}", title_of(kind.group), kind.title)
                                 : std::string(kind.title);
    table += fmt::format("| {:<28} | {:<32} | {:<17} | {:<7} | {} |\n", fmt::format("`{}`", kind.name), what,
                         unit_text(kind.unit), better_text(kind.better), kind.needs);
  }
  return table;
}

}  // namespace sluice::bench
