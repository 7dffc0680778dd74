#include "bench/plot.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include <fmt/format.h>

namespace sluice::bench {
namespace {

constexpr double left_margin = 62, right_margin = 14, top_margin = 12, bottom_margin = 26;
constexpr double tick_columns = 5;  // about so many ticks

// A scale from values to the SVG's own coordinates.
class Scale {
 public:
  Scale(double from, double to, double begin, double end, bool logarithmic)
      : from_(shown(from, logarithmic)),
        to_(shown(to, logarithmic)),
        begin_(begin),
        end_(end),
        logarithmic_(logarithmic) {
    if (to_ <= from_) to_ = from_ + 1;
  }
  [[nodiscard]] double at(double value) const {
    return begin_ + (shown(value, logarithmic_) - from_) / (to_ - from_) * (end_ - begin_);
  }
  [[nodiscard]] double clamped(double value) const {
    return std::clamp(at(value), std::min(begin_, end_), std::max(begin_, end_));
  }
  [[nodiscard]] bool shows(double value) const { return !logarithmic_ || value > 0; }

 private:
  static double shown(double value, bool logarithmic) {
    return logarithmic ? std::log10(std::max(value, std::numeric_limits<double>::min())) : value;
  }
  double from_, to_, begin_, end_;
  bool logarithmic_;
};

struct Range {
  double from = 0, to = 1;
};

// 1, 2 or 5 times a power of ten, at least `least`.
double nice_step(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double step : {1.0, 2.0, 5.0})
    if (step * power >= least * (1 - 1e-9)) return step * power;
  return 10 * power;
}

Range linear_range(const PlotAxis& axis, double least, double most, bool from_zero) {
  Range range{axis.from.value_or(from_zero ? 0 : least), axis.to.value_or(most)};
  if (range.to <= range.from) range.to = range.from + 1;
  if (!axis.to && from_zero) {
    const double step = nice_step((range.to - range.from) / tick_columns);
    range.to = std::ceil(range.to / step - 1e-9) * step;
  }
  return range;
}

// From and to at 1, 2 or 5 times a power of ten.
Range logarithmic_range(const PlotAxis& axis, double least, double most) {
  const auto down = [](double value) {
    const double power = std::pow(10, std::floor(std::log10(value) + 1e-9)), lead = value / power;
    return (lead >= 5 ? 5 : lead >= 2 ? 2 : 1) * power;
  };
  const auto up = [](double value) {
    const double power = std::pow(10, std::floor(std::log10(value) - 1e-9)), lead = value / power;
    return (lead <= 2 ? 2 : lead <= 5 ? 5 : 10) * power;
  };
  // A line at the very edge would be cut in half.
  Range range{axis.from.value_or(down(least / 1.1)), axis.to.value_or(up(most * 1.1))};
  if (range.to <= range.from) range.to = range.from * 10;
  return range;
}

std::vector<double> chosen_ticks(const PlotAxis& axis, const Range& range) {
  std::vector<double> ticks;
  if (!axis.logarithmic) {
    const double step = nice_step((range.to - range.from) / tick_columns);
    for (double tick = std::ceil(range.from / step - 1e-9) * step; tick <= range.to + step * 1e-6; tick += step)
      ticks.push_back(std::abs(tick) < step * 1e-6 ? 0 : tick);
    return ticks;
  }
  const double decades = std::log10(range.to / range.from);
  const double first = std::floor(std::log10(range.from) + 1e-9), last = std::log10(range.to) + 1e-9;
  const double skip = std::max(1.0, std::ceil(decades / 6));
  for (double power = first; power <= last; power += skip)
    for (const double lead : {1.0, 2.0, 5.0}) {
      if (lead > 1 && decades > 2.2) continue;
      const double tick = lead * std::pow(10, power);
      if (tick >= range.from * (1 - 1e-9) && tick <= range.to * (1 + 1e-9)) ticks.push_back(tick);
    }
  return ticks;
}

class Drawing {
 public:
  explicit Drawing(const Plot& plot)
      : plot_(plot),
        x_range_(range_of(plot.x, &PlotPoint::x, false)),
        y_range_(range_of(plot.y, &PlotPoint::y, true)),
        x_(x_range_.from, x_range_.to, left_margin, plot.width - right_margin, plot.x.logarithmic),
        y_(y_range_.from, y_range_.to, plot.height - bottom_margin, top_margin, plot.y.logarithmic) {}

  std::string svg() {
    add(R"(<svg class="plot" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">)", plot_.width, plot_.height,
        escaped(plot_.about));
    for (const PlotBand& band : plot_.bands) rectangle("band", band.from, band.to);
    y_axis();
    x_axis();
    for (const PlotSeries& series : plot_.series) draw(series);
    for (const PlotRule& rule : plot_.rules) draw(rule);
    for (const PlotHover& hover : plot_.hovers) {
      const double from = x_.clamped(hover.from);
      add(R"(<rect class="hover" x="{:.1f}" y="{:.0f}" width="{:.1f}" height="{:.0f}"><title>{}</title></rect>)", from,
          top_margin, std::max(1.0, x_.clamped(hover.to) - from), floor() - top_margin, escaped(hover.text));
    }
    return text_ + "</svg>\n";
  }

 private:
  template <class... Values>
  void add(fmt::format_string<Values...> format, Values&&... values) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Values>(values)...);
    text_ += '\n';
  }

  [[nodiscard]] double floor() const { return plot_.height - bottom_margin; }

  Range range_of(const PlotAxis& axis, double PlotPoint::*member, bool from_zero) const {
    double least = std::numeric_limits<double>::infinity(), most = -least;
    const auto take = [&](double value) {
      if (axis.logarithmic && value <= 0) return;
      least = std::min(least, value);
      most = std::max(most, value);
    };
    for (const PlotSeries& series : plot_.series)
      for (const PlotPoint& point : series.points) take(point.*member);
    for (const PlotRule& rule : plot_.rules)
      if ((rule.way == PlotRule::Way::across) == (member == &PlotPoint::y)) take(rule.at);
    if (least > most) least = most = 1;
    return axis.logarithmic ? logarithmic_range(axis, least, most) : linear_range(axis, least, most, from_zero);
  }

  static std::vector<std::pair<double, std::string>> ticks_of(const PlotAxis& axis, const Range& range) {
    if (!axis.ticks.empty()) return axis.ticks;
    std::vector<std::pair<double, std::string>> ticks;
    for (const double tick : chosen_ticks(axis, range)) ticks.emplace_back(tick, tick_text(tick, axis.unit));
    return ticks;
  }

  void y_axis() {
    for (const auto& [value, label] : ticks_of(plot_.y, y_range_)) {
      const double y = y_.at(value);
      add(R"(<line class="grid" x1="{:.0f}" x2="{:.0f}" y1="{:.1f}" y2="{:.1f}"/>)", left_margin,
          plot_.width - right_margin, y, y);
      add(R"(<text class="tick" x="{:.0f}" y="{:.1f}" text-anchor="end">{}</text>)", left_margin - 8, y + 4,
          escaped(label));
    }
  }

  void x_axis() {
    add(R"(<line class="axis" x1="{:.0f}" x2="{:.0f}" y1="{:.0f}" y2="{:.0f}"/>)", left_margin,
        plot_.width - right_margin, floor(), floor());
    for (const auto& [value, label] : ticks_of(plot_.x, x_range_)) {
      const double x = x_.at(value);
      add(R"(<line class="axis" x1="{:.1f}" x2="{:.1f}" y1="{:.0f}" y2="{:.0f}"/>)", x, x, floor(), floor() + 4);
      add(R"(<text class="tick" x="{:.1f}" y="{:.0f}" text-anchor="{}">{}</text>)", x, floor() + 18,
          x > plot_.width - right_margin - 12 ? "end" : "middle", escaped(label));
    }
  }

  void rectangle(const char* name, double from, double to) {
    const double left = x_.clamped(from), right = x_.clamped(to);
    if (right <= left) return;
    add(R"(<rect class="{}" x="{:.1f}" y="{:.0f}" width="{:.1f}" height="{:.0f}"/>)", name, left, top_margin,
        right - left, floor() - top_margin);
  }

  void draw(const PlotSeries& series) {
    if (series.kind == PlotSeries::Kind::bars) return bars(series);
    if (series.kind == PlotSeries::Kind::dots) return dots(series);
    // Holes part a line into pieces.
    std::vector<PlotPoint> piece;
    const auto finish = [&] {
      if (!piece.empty()) line(series, piece);
      piece.clear();
    };
    for (const PlotPoint& point : series.points) {
      if (x_.shows(point.x) && y_.shows(point.y))
        piece.push_back({x_.at(point.x), y_.clamped(point.y)});
      else
        finish();
    }
    finish();
  }

  void line(const PlotSeries& series, const std::vector<PlotPoint>& piece) {
    std::string path;
    for (const PlotPoint& point : piece)
      fmt::format_to(std::back_inserter(path), "{}{:.1f},{:.1f}", path.empty() ? "M" : "L", point.x, point.y);
    if (series.kind == PlotSeries::Kind::area)
      add(R"(<path class="area s{}" d="{}L{:.1f},{:.1f}L{:.1f},{:.1f}Z"/>)", series.color, path, piece.back().x,
          floor(), piece.front().x, floor());
    if (piece.size() == 1)
      add(R"(<circle class="dot s{}" cx="{:.1f}" cy="{:.1f}" r="2.5"/>)", series.color, piece[0].x, piece[0].y);
    else
      add(R"(<path class="line s{}" d="{}"/>)", series.color, path);
  }

  // Each from its x to the next, with the last as wide as the one before.
  void bars(const PlotSeries& series) {
    for (std::size_t index = 0; index < series.points.size(); ++index) {
      const PlotPoint& point = series.points[index];
      if (point.y <= 0) continue;
      const bool last = index + 1 == series.points.size();
      const double width = last ? (index == 0 ? 8 : x_.at(point.x) - x_.at(series.points[index - 1].x))
                                : x_.at(series.points[index + 1].x) - x_.at(point.x);
      const double gap = width > 4 ? 1.5 : 0, top = y_.clamped(point.y);
      const double left = x_.at(point.x), room = plot_.width - right_margin - left;
      add(R"(<rect class="bar s{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>)", series.color, left, top,
          std::clamp(width - gap, 1.0, std::max(1.0, room)), std::max(1.0, floor() - top));
    }
  }

  void dots(const PlotSeries& series) {
    for (const PlotPoint& point : series.points)
      if (x_.shows(point.x) && y_.shows(point.y))
        add(R"(<circle class="dot s{}" cx="{:.1f}" cy="{:.1f}" r="4"/>)", series.color, x_.at(point.x),
            y_.clamped(point.y));
  }

  void draw(const PlotRule& rule) {
    if (rule.way == PlotRule::Way::across) {
      const double y = y_.clamped(rule.at);
      add(R"(<line class="rule" x1="{:.0f}" x2="{:.0f}" y1="{:.1f}" y2="{:.1f}"/>)", left_margin,
          plot_.width - right_margin, y, y);
      add(R"(<text class="label" x="{:.0f}" y="{:.1f}">{}</text>)", left_margin + 5,
          y < top_margin + 16 ? y + 14 : y - 5, escaped(rule.label));
      return;
    }
    const double x = x_.clamped(rule.at);
    const bool right_half = x > (left_margin + plot_.width - right_margin) / 2;
    add(R"(<line class="rule" x1="{:.1f}" x2="{:.1f}" y1="{:.0f}" y2="{:.0f}"/>)", x, x, top_margin, floor());
    add(R"(<text class="label" x="{:.1f}" y="{:.0f}" text-anchor="{}">{}</text>)", x + (right_half ? -5 : 5),
        top_margin + 10, right_half ? "end" : "start", escaped(rule.label));
  }

  const Plot& plot_;
  std::string text_;
  Range x_range_, y_range_;
  Scale x_, y_;
};

std::string short_number(double value) {
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string scaled(double value, std::string_view unit) {
  if (value >= 1e9) return short_number(value / 1e9) + "G" + std::string(unit);
  if (value >= 1e6) return short_number(value / 1e6) + "M" + std::string(unit);
  if (value >= 1e3) return short_number(value / 1e3) + "k" + std::string(unit);
  return short_number(value) + std::string(unit);
}

std::string time_tick(double seconds) {
  if (seconds == 0) return "0";
  if (seconds < 0.9995e-3) return short_number(seconds * 1e6) + " \u00b5s";
  if (seconds < 0.9995) return short_number(seconds * 1e3) + " ms";
  return short_number(seconds) + " s";
}

}  // namespace

std::string svg_of(const Plot& plot) { return Drawing(plot).svg(); }

std::string tick_text(double value, Unit unit) {
  switch (unit) {
    case Unit::seconds:
      return time_tick(value);
    case Unit::milliseconds:
      return time_tick(value / 1e3);
    case Unit::microseconds:
      return time_tick(value / 1e6);
    case Unit::bytes:
      return value == 0 ? "0" : quantity_text(value, unit);
    case Unit::bytes_per_second:
      return value == 0 ? "0" : quantity_text(value, unit);
    case Unit::share:
      return short_number(value * 100) + " %";
    case Unit::count:
      return scaled(value, "");
    case Unit::per_second:
      return value == 0 ? "0" : scaled(value, "/s");
  }
  return {};
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

}  // namespace sluice::bench
