#include "bench/plot.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

using namespace sluice::bench;

namespace {

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

Plot plot_of(std::vector<PlotPoint> points, bool logarithmic = false) {
  Plot plot;
  plot.y.logarithmic = logarithmic;
  plot.series.push_back({"a", 1, PlotSeries::Kind::line, std::move(points)});
  return plot;
}

}  // namespace

TEST_CASE("ticks are short") {
  CHECK(tick_text(0, Unit::milliseconds) == "0");
  CHECK(tick_text(0.5, Unit::milliseconds) == "500 \u00b5s");
  CHECK(tick_text(20, Unit::milliseconds) == "20 ms");
  CHECK(tick_text(1'500, Unit::count) == "1.5k");
  CHECK(tick_text(2'000'000, Unit::per_second) == "2M/s");
  CHECK(tick_text(0.25, Unit::share) == "25 %");
}

TEST_CASE("what a logarithmic axis cannot show parts the line") {
  CHECK(count_of(svg_of(plot_of({{0, 1}, {1, 2}, {2, 0}, {3, 2}, {4, 3}}, true)), "class=\"line") == 2);
  CHECK(count_of(svg_of(plot_of({{0, 1}, {1, 2}, {2, 0}, {3, 2}, {4, 3}}, false)), "class=\"line") == 1);
}

TEST_CASE("no point lies outside of the plot, and none is no number") {
  for (const bool logarithmic : {false, true})
    for (const auto& points : std::vector<std::vector<PlotPoint>>{
             {}, {{0, 0}}, {{5, 5}}, {{0, 1e-9}, {1, 1e12}}, {{0, 3}, {0, 3}}, {{1, -4}, {2, 7}}}) {
      const std::string svg = svg_of(plot_of(points, logarithmic));
      CHECK(svg.find("nan") == std::string::npos);
      CHECK(svg.find("inf") == std::string::npos);
    }
}

TEST_CASE("labels are escaped") {
  Plot plot = plot_of({{0, 1}, {1, 2}});
  plot.about = "a<b";
  plot.rules.push_back({PlotRule::Way::up, 0.5, "p99 < 5 & \"more\""});
  plot.hovers.push_back({0, 1, "<title>"});
  const std::string svg = svg_of(plot);
  CHECK(svg.find("p99 &lt; 5 &amp; &quot;more&quot;") != std::string::npos);
  CHECK(svg.find("<title>&lt;title&gt;</title>") != std::string::npos);
}
