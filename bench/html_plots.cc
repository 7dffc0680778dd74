#include "bench/html_plots.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include <fmt/format.h>

#include "bench/plot.h"

namespace sluice::bench {
namespace {

constexpr std::size_t points_max = 240;  // of a series over time: more than a plot has pixels for

double number(std::uint64_t count) { return static_cast<double>(count); }
double milliseconds(std::uint64_t nanoseconds) { return number(nanoseconds) / 1e6; }

std::string figure(std::string_view title, std::string_view explanation, const Plot& plot) {
  std::string legend;
  if (plot.series.size() > 1)
    for (const PlotSeries& series : plot.series)
      legend += fmt::format(R"(<span class="key s{}">{}</span>)", series.color, escaped(series.name));
  return fmt::format("<figure><figcaption><h3>{}</h3><p>{}</p></figcaption>{}{}</figure>\n", escaped(title),
                     escaped(explanation), legend.empty() ? "" : "<div class=\"legend\">" + legend + "</div>",
                     svg_of(plot));
}

// The bins, several of them together where there are more than a plot can show.
struct Moment {
  double from = 0, to = 0;  // seconds
  Bin sum;                  // counts added, latencies the worst
};
std::vector<Moment> moments(const Outcome& run) {
  const double bin = static_cast<double>(run.bin.count()) / 1e3;
  const std::size_t together = std::max<std::size_t>(1, (run.bins.size() + points_max - 1) / points_max);
  std::vector<Moment> result;
  for (std::size_t index = 0; index < run.bins.size(); ++index) {
    if (index % together == 0) result.push_back({number(index) * bin, 0, {}});
    Moment& moment = result.back();
    moment.to = number(index + 1) * bin;
    const Bin& one = run.bins[index];
    moment.sum.published += one.published;
    moment.sum.deliveries += one.deliveries;
    moment.sum.opened += one.opened;
    moment.sum.reconnects += one.reconnects;
    moment.sum.ended += one.ended;
    moment.sum.latency_p50_ns = std::max(moment.sum.latency_p50_ns, one.latency_p50_ns);
    moment.sum.latency_p99_ns = std::max(moment.sum.latency_p99_ns, one.latency_p99_ns);
    moment.sum.latency_max_ns = std::max(moment.sum.latency_max_ns, one.latency_max_ns);
  }
  return result;
}

template <class Of>
std::vector<PlotPoint> over_time(const std::vector<Moment>& moments, Of of) {
  std::vector<PlotPoint> points;
  points.reserve(moments.size());
  for (const Moment& moment : moments) points.push_back({(moment.from + moment.to) / 2, of(moment)});
  return points;
}

double rate(const Moment& moment, std::uint64_t count) { return number(count) / (moment.to - moment.from); }

// Time before and after what was measured is washed over.
Plot time_plot(const RunReport& report, const std::vector<Moment>& moments) {
  const Outcome& run = report.outcome;
  Plot plot;
  plot.x.unit = Unit::seconds;
  plot.x.from = 0;
  plot.x.to = moments.back().to;
  const double end = run.measured_from_seconds + run.seconds;
  if (run.measured_from_seconds > 0) plot.bands.push_back({0, run.measured_from_seconds});
  if (run.seconds > 0 && end < moments.back().to) plot.bands.push_back({end, moments.back().to});
  return plot;
}

std::string time_of(const Moment& moment) {
  return moment.to - moment.from == 1 ? fmt::format("second {:.0f}", moment.to)
                                      : fmt::format("{:.1f} to {:.1f} s", moment.from, moment.to);
}

std::string deliveries(const RunReport& report, const std::vector<Moment>& moments) {
  if (report.outcome.deliveries == 0) return {};
  Plot plot = time_plot(report, moments);
  plot.about = "deliveries per second over time";
  plot.y.unit = Unit::per_second;
  plot.series.push_back({"deliveries", 1, PlotSeries::Kind::area,
                         over_time(moments, [](const Moment& m) { return rate(m, m.sum.deliveries); })});
  for (const Moment& moment : moments)
    plot.hovers.push_back(
        {moment.from, moment.to,
         fmt::format("{}: {} delivered, {} published", time_of(moment),
                     quantity_text(std::round(rate(moment, moment.sum.deliveries)), Unit::per_second),
                     quantity_text(std::round(rate(moment, moment.sum.published)), Unit::per_second))});
  return figure("Deliveries over time", "Events received by all streams together. Shaded: not measured.", plot);
}

std::string latency_over_time(const RunReport& report, const std::vector<Moment>& moments) {
  if (report.outcome.latency.count() == 0) return {};
  Plot plot = time_plot(report, moments);
  plot.about = "latency over time: median, p99 and maximum";
  plot.y.unit = Unit::milliseconds;
  plot.y.logarithmic = true;
  const auto line = [&](const char* name, unsigned color, std::uint64_t Bin::*member) {
    plot.series.push_back({name, color, PlotSeries::Kind::line,
                           over_time(moments, [member](const Moment& m) { return milliseconds(m.sum.*member); })});
  };
  line("max", 3, &Bin::latency_max_ns);
  line("p99", 2, &Bin::latency_p99_ns);
  line("p50", 1, &Bin::latency_p50_ns);
  for (const Moment& moment : moments)
    if (moment.sum.latency_max_ns != 0)
      plot.hovers.push_back({moment.from, moment.to,
                             fmt::format("{}: p50 {}, p99 {}, max {}", time_of(moment),
                                         quantity_text(milliseconds(moment.sum.latency_p50_ns), Unit::milliseconds),
                                         quantity_text(milliseconds(moment.sum.latency_p99_ns), Unit::milliseconds),
                                         quantity_text(milliseconds(moment.sum.latency_max_ns), Unit::milliseconds))});
  return figure("Latency over time", "From the time an event was due to its receipt.", plot);
}

// Latency by percentile, on an axis of nines: x is 1 / (1 - share).
std::vector<PlotPoint> percentiles(const Histogram& histogram) {
  std::vector<PlotPoint> points;
  const double most = std::min(10'000.0, std::max(10.0, number(histogram.count())));
  for (double x = 1; x <= most * 1.001; x *= std::pow(10, 0.05))
    points.push_back({x, milliseconds(histogram.quantile(1 - 1 / x))});
  return points;
}

std::string latency_by_percentile(const RunReport& report) {
  const Outcome& run = report.outcome;
  if (run.latency.count() == 0) return {};
  Plot plot;
  plot.about = "latency by percentile";
  plot.x = {.unit = Unit::count, .logarithmic = true, .from = 1, .to = 10'000};
  plot.x.ticks = {{1, "0 %"}, {2, "50 %"}, {10, "90 %"}, {100, "99 %"}, {1'000, "99.9 %"}, {10'000, "99.99 %"}};
  plot.y.unit = Unit::milliseconds;
  // A tail that is far above the middle would press everything else to the floor.
  plot.y.logarithmic = run.latency.max() > 30 * run.latency.quantile(0.5);
  plot.series.push_back({run.slow ? "all" : "latency", 1, PlotSeries::Kind::line, percentiles(run.latency)});
  if (run.slow && run.slow->others.count() != 0)
    plot.series.push_back({"who reads", 2, PlotSeries::Kind::line, percentiles(run.slow->others)});
  for (double x = 1; x < 10'000; x *= std::pow(10, 0.1)) {
    const double share = 1 - 1 / (x * std::pow(10, 0.05));
    plot.hovers.push_back({x, x * std::pow(10, 0.1),
                           fmt::format("{:.2f} % within {}", 100 * share,
                                       quantity_text(milliseconds(run.latency.quantile(share)), Unit::milliseconds))});
  }
  return figure("Latency by percentile",
                fmt::format("{} deliveries, on an axis of nines.", grouped(run.latency.count())), plot);
}

// How often each latency was: the histogram's buckets in eighths of a power of two.
std::string latency_distribution(const RunReport& report) {
  const Histogram& latency = report.outcome.latency;
  if (latency.count() == 0) return {};
  std::map<int, std::uint64_t> eighths;
  latency.for_each_bucket([&](std::uint64_t top, std::uint64_t count) {
    eighths[static_cast<int>(std::floor(8 * std::log2(std::max<double>(1, number(top)))))] += count;
  });
  Plot plot;
  plot.about = "how many deliveries had which latency";
  plot.x = {.unit = Unit::milliseconds, .logarithmic = true};
  plot.y.unit = Unit::share;
  std::vector<PlotPoint> bars;
  const auto edge = [](int eighth) { return std::exp2(eighth / 8.0) / 1e6; };
  for (int eighth = eighths.begin()->first; eighth <= eighths.rbegin()->first + 1; ++eighth) {
    const auto found = eighths.find(eighth);
    const double share = found == eighths.end() ? 0 : number(found->second) / number(latency.count());
    bars.push_back({edge(eighth), share});
    if (share > 0)
      plot.hovers.push_back(
          {edge(eighth), edge(eighth + 1),
           fmt::format("{} to {}: {}", quantity_text(edge(eighth), Unit::milliseconds),
                       quantity_text(edge(eighth + 1), Unit::milliseconds), quantity_text(share, Unit::share))});
  }
  plot.series.push_back({"deliveries", 1, PlotSeries::Kind::bars, std::move(bars)});
  const auto rule = [&](double share, const char* name) {
    plot.rules.push_back({PlotRule::Way::up, milliseconds(latency.quantile(share)), name});
  };
  rule(0.5, "p50");
  rule(0.99, "p99");
  return figure("Distribution of latency", "Share of the deliveries that took so long.", plot);
}

std::string reconnects(const RunReport& report, const std::vector<Moment>& moments) {
  if (report.outcome.reconnects == 0 && !report.outcome.storm) return {};
  Plot plot = time_plot(report, moments);
  plot.bands.clear();
  plot.about = "reconnects, and streams lost, over time";
  plot.y.unit = Unit::per_second;
  std::vector<PlotPoint> bars;
  for (const Moment& moment : moments) bars.push_back({moment.from, rate(moment, moment.sum.reconnects)});
  plot.series.push_back({"reconnects", 2, PlotSeries::Kind::bars, std::move(bars)});
  for (const Moment& moment : moments)
    plot.hovers.push_back(
        {moment.from, moment.to,
         fmt::format("{}: {} reconnects, {} streams opened, {} ended", time_of(moment), grouped(moment.sum.reconnects),
                     grouped(moment.sum.opened), grouped(moment.sum.ended))});
  return figure("Reconnects over time", "Connections attempted by who had one before.", plot);
}

// When the dropped streams were open again, and the reconnection times that they had been given.
std::string coming_back(const RunReport& report) {
  if (!report.outcome.storm || report.outcome.storm->away.count() == 0) return {};
  const StormFigures& storm = *report.outcome.storm;
  Plot plot;
  plot.about = "share of the dropped streams that were open again, over time since the drop";
  plot.x.unit = Unit::seconds;
  plot.x.from = 0;
  plot.y = {.unit = Unit::share, .logarithmic = false, .from = 0, .to = 1};
  PlotSeries back{"open again", 1, PlotSeries::Kind::area, {{0, 0}}};
  std::uint64_t count = 0;
  storm.away.for_each_bucket([&](std::uint64_t top, std::uint64_t streams) {
    count += streams;
    back.points.push_back({number(top) / 1e9, number(count) / number(std::max(storm.dropped, storm.away.count()))});
  });
  plot.series.push_back(std::move(back));
  std::vector<std::uint64_t> held;
  for (const std::uint64_t retry : storm.retry_held_ms)
    if (retry != 0) held.push_back(retry);
  std::string spread = "The server sent no retry:.";
  if (!held.empty()) {
    std::sort(held.begin(), held.end());
    PlotSeries due{"due by their retry:", 4, PlotSeries::Kind::line, {{0, 0}}};
    const std::size_t step = std::max<std::size_t>(1, held.size() / points_max);
    for (std::size_t index = 0; index < held.size(); index += step)
      due.points.push_back({number(held[index]) / 1e3, number(index + 1) / number(held.size())});
    due.points.push_back({number(held.back()) / 1e3, 1});
    plot.series.push_back(std::move(due));
    spread = fmt::format("The server had spread them by retry: from {} to {}.",
                         quantity_text(number(held.front()), Unit::milliseconds),
                         quantity_text(number(held.back()), Unit::milliseconds));
  }
  return figure("Coming back", "Share of the dropped streams, over the time since each was lost. " + spread, plot);
}

std::string ramp(const RunReport& report) {
  const std::vector<RampStep>& steps = report.outcome.ramp;
  if (steps.empty()) return {};
  const bool streams = report.plan.ramp.what == RampPlan::What::streams;
  Plot plot;
  plot.about = "latency of each step of the ramp";
  plot.x = {.unit = Unit::count, .logarithmic = true};
  plot.y = {.unit = Unit::milliseconds, .logarithmic = true};
  PlotSeries p99{"p99", 2, PlotSeries::Kind::line, {}}, p50{"p50", 1, PlotSeries::Kind::line, {}};
  PlotSeries crossed{"limit crossed", 4, PlotSeries::Kind::dots, {}};
  for (const RampStep& step : steps) {
    if (step.latency.count() == 0) continue;
    p50.points.push_back({step.offered, milliseconds(step.latency.quantile(0.5))});
    p99.points.push_back({step.offered, milliseconds(step.latency.quantile(0.99))});
    if (!step.broken.empty()) crossed.points.push_back(p99.points.back());
  }
  if (p99.points.empty()) return {};
  plot.series = {std::move(p99), std::move(p50)};
  if (!crossed.points.empty()) plot.series.push_back(std::move(crossed));
  plot.rules.push_back({PlotRule::Way::across, static_cast<double>(report.plan.ramp.p99_max.count()), "limit of p99"});
  if (const RampStep* knee = knee_of(report.outcome))
    plot.rules.push_back(
        {PlotRule::Way::up, knee->offered,
         fmt::format("knee: {}{}", tick_text(knee->offered, Unit::count), streams ? " streams" : "/s")});
  const std::string_view broken = broken_limit(report.outcome);
  return figure(streams ? "Latency by streams" : "Latency by rate",
                broken.empty() ? "No limit was crossed." : fmt::format("Ended by: {}", broken), plot);
}

std::string ramp_share(const RunReport& report) {
  const std::vector<RampStep>& steps = report.outcome.ramp;
  if (steps.empty()) return {};
  Plot plot;
  plot.about = "share of the offered load that was delivered, and the server's CPU, of each step of the ramp";
  plot.x = {.unit = Unit::count, .logarithmic = true};
  plot.y = {.unit = Unit::share, .logarithmic = false, .from = 0};
  PlotSeries delivered{"delivered, of what was offered", 1, PlotSeries::Kind::line, {}};
  PlotSeries cpu{"server CPU, of a core", 2, PlotSeries::Kind::line, {}};
  for (const RampStep& step : steps) {
    delivered.points.push_back({step.offered, step.delivered_share});
    cpu.points.push_back({step.offered, step.server_cpu_share});
  }
  plot.series.push_back(std::move(delivered));
  if (!report.outcome.servers.empty()) plot.series.push_back(std::move(cpu));
  return figure("What was delivered, and what it took", "Of each step of the ramp.", plot);
}

std::string opening(const RunReport& report, const std::vector<Moment>& moments) {
  const Outcome& run = report.outcome;
  if (run.open_time.count() == 0 || run.deliveries != 0) return {};
  Plot plot = time_plot(report, moments);
  plot.about = "streams opened over time";
  plot.y.unit = Unit::per_second;
  plot.series.push_back({"streams", 1, PlotSeries::Kind::area,
                         over_time(moments, [](const Moment& m) { return rate(m, m.sum.opened); })});
  return figure("Streams opened over time", "The first time, or again.", plot);
}

}  // namespace

std::string plots_html(const RunReport& report) {
  std::string html = ramp(report) + ramp_share(report);
  const std::vector<Moment> all = moments(report.outcome);
  if (!all.empty() && report.outcome.storm) html += reconnects(report, all) + coming_back(report);
  html += latency_by_percentile(report) + latency_distribution(report);
  if (all.empty()) return html;
  html += deliveries(report, all) + latency_over_time(report, all);
  if (!report.outcome.storm) html += reconnects(report, all);
  return html + opening(report, all);
}

}  // namespace sluice::bench
