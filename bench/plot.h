// Plot: lines, areas and bars over one pair of axes, drawn as an SVG element that takes its colours from the page's
// style. Pure; used by the HTML report. It never scripts: what the pointer shows are <title>s.
// Invariant: every text is escaped; a value that an axis cannot show (0 on a logarithmic one) is a hole, not a lie.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/quantity.h"

namespace sluice::bench {

struct PlotPoint {
  double x = 0, y = 0;
};

struct PlotSeries {
  enum class Kind : std::uint8_t { line, area, bars, dots };
  std::string name;
  unsigned color = 1;  // of the style's series: 1 to 4
  Kind kind = Kind::line;
  std::vector<PlotPoint> points;
};

struct PlotAxis {
  Unit unit = Unit::count;
  bool logarithmic = false;
  std::optional<double> from, to;                     // absent: what the points need
  std::vector<std::pair<double, std::string>> ticks;  // empty: chosen
};

// A line across the plot: a limit, a moment.
struct PlotRule {
  enum class Way : std::uint8_t { across, up };
  Way way = Way::up;
  double at = 0;
  std::string label;
};

struct PlotBand {  // of x, washed over: time that does not count
  double from = 0, to = 0;
};

struct PlotHover {  // what the pointer shows between two x
  double from = 0, to = 0;
  std::string text;
};

struct Plot {
  std::string about;  // for who hears the page
  double width = 520, height = 250;
  PlotAxis x, y;
  std::vector<PlotSeries> series;
  std::vector<PlotRule> rules;
  std::vector<PlotBand> bands;
  std::vector<PlotHover> hovers;
};

[[nodiscard]] std::string svg_of(const Plot& plot);

// "1.5k", "20 ms": as short as a tick is.
[[nodiscard]] std::string tick_text(double value, Unit unit);
// `&`, `<`, `>` and `"` as HTML and SVG need them.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace sluice::bench
