#include "bench/html_report.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "bench/html_plots.h"
#include "bench/outcome_json.h"
#include "bench/plot.h"
#include "bench/report_style.h"

namespace sluice::bench {
namespace {

constexpr std::size_t tiles_max = 6;
constexpr std::size_t faulty_topics_max = 20;  // the JSON has them all

// What a reader wants first, by scenario, as far as the run has it; then what every run has.
std::vector<std::string_view> headline(Scenario scenario) {
  std::vector<std::string_view> names;
  switch (scenario) {
    case Scenario::storm:
      names = {"all_back_s", "arrivals_peak", "spread_s", "reopen_p99", "lost", "repeated"};
      break;
    case Scenario::drain:
      names = {"all_back_s", "server_exit_s", "arrivals_peak", "spread_s", "lost", "repeated"};
      break;
    case Scenario::ramp:
      names = {"knee", "knee_p99", "knee_server_cpu"};
      break;
    case Scenario::slow_reader:
      names = {"others_p99", "others_p50", "slow_ended", "rss_growth_bytes"};
      break;
    case Scenario::idle:
      names = {"streams", "rss_per_stream", "rss_per_connection", "server_cpu", "open_p99"};
      break;
    case Scenario::handshakes:
      names = {"handshakes/s", "handshakes_per_cpu_second", "open_p50", "open_p99"};
      break;
    case Scenario::steady:
      break;
  }
  for (const std::string_view name : {"deliveries/s", "p50", "p99", "lost", "deliveries_per_cpu_second",
                                      "rss_per_stream", "p99.9", "max", "client_cpu"})
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

// As a page shows it, with the sign for micro that a terminal may not have.
std::string shown(double value, Unit unit) {
  std::string text = quantity_text(value, unit);
  if (text.ends_with(" us")) text.replace(text.size() - 2, 1, "\u00b5");
  return escaped(text);
}

std::string with_unit_aside(const std::string& quantity) {
  const std::size_t blank = quantity.find(' ');
  if (blank == std::string::npos) return quantity;
  return fmt::format("{}<small>{}</small>", quantity.substr(0, blank), quantity.substr(blank + 1));
}

std::string tile(const FigureKind& kind, double value) {
  const bool bad = kind.group == Group::faults && value > 0;
  const std::string title =
      kind.group == Group::latency ? fmt::format("latency, {}", kind.title) : std::string(kind.title);
  const double rounded = kind.unit == Unit::per_second && value >= 10 ? std::round(value) : value;
  return fmt::format(R"(<div class="tile"><b{}>{}</b><span>{}</span></div>)", bad ? R"( class="bad")" : "",
                     with_unit_aside(shown(rounded, kind.unit)), escaped(title));
}

std::string tiles(const RunReport& report) {
  std::string html;
  std::size_t count = 0;
  for (const std::string_view name : headline(report.plan.scenario)) {
    const FigureKind& kind = *find_figure(name);
    const std::optional<double> value = kind.of(report.outcome);
    const bool silent = name == "deliveries/s" && report.outcome.published == 0 && report.outcome.deliveries == 0;
    if (!value || silent || count == tiles_max) continue;
    html += tile(kind, *value);
    ++count;
  }
  return fmt::format("<div class=\"tiles\">{}</div>\n", html);
}

std::string head(const RunReport& report) {
  const Outcome& run = report.outcome;
  const bool clean = report.verdict.clean();
  std::string html = fmt::format(
      "<header><p class=\"over\">sluice bench · {}</p>\n<h1>{}: {}</h1>\n<p class=\"under\">{}, measured for {}{}</p>\n"
      "<p class=\"verdict {}\">{} {}</p></header>\n",
      escaped(utc_text(run.began_unix_seconds)), escaped(run.scenario), escaped(run.offered), escaped(run.url),
      quantity_text(run.seconds, Unit::seconds), run.interrupted ? ", interrupted" : "", clean ? "good" : "bad",
      clean ? "✓" : "✗", escaped(report.verdict.text()));
  if (run.warnings.empty()) return html;
  html += "<ul class=\"warnings\">";
  for (const std::string& warning : run.warnings) html += fmt::format("<li>{}</li>", escaped(warning));
  return html + "</ul>\n";
}

std::string expectations(const RunReport& report) {
  if (report.verdict.judgements.empty()) return {};
  std::string html = "<h2>Expectations</h2>\n<ul class=\"expectations\">";
  for (const Judgement& judgement : report.verdict.judgements)
    html +=
        fmt::format(R"(<li><span class="{}">{}</span><span>{}</span><span class="value {}">{}</span></li>)",
                    judgement.met ? "good" : "bad", judgement.met ? "✓" : "✗", escaped(judgement.expectation.text()),
                    judgement.met ? "" : "bad", escaped(judgement.value_text()));
  return html + "</ul>\n";
}

std::string change_cell(const Compared& compared) {
  switch (compared.change) {
    case Change::better:
      return R"(<td class="good">better</td>)";
    case Change::worse:
      return R"(<td class="bad">worse</td>)";
    case Change::other:
      return R"(<td class="soft">other</td>)";
    case Change::none:
      break;
  }
  if (compared.now == compared.before) return "<td></td>";
  return fmt::format(R"(<td class="soft">within {:.0f} %</td>)", 100 * compared.noise);
}

// "3 better, 1 worse, the other 20 the same or within the noise"
std::string balance(const Comparison& comparison) {
  const auto count = [&](Change change) {
    return std::count_if(comparison.figures.begin(), comparison.figures.end(),
                         [&](const Compared& compared) { return compared.change == change; });
  };
  return fmt::format("{} better, {} worse; the other {} the same, within the noise, or neither", count(Change::better),
                     count(Change::worse), count(Change::none) + count(Change::other));
}

// Figures that are the same in both runs are left out.
std::string comparison(const RunReport& report) {
  if (!report.comparison) return {};
  std::string html = fmt::format("<h2>Compared with {}</h2>\n<p class=\"under\">{}</p>\n",
                                 escaped(report.comparison->name), balance(*report.comparison));
  if (!report.comparison->notes.empty()) {
    html += "<ul class=\"warnings\">";
    for (const std::string& note : report.comparison->notes) html += fmt::format("<li>{}</li>", escaped(note));
    html += "</ul>\n";
  }
  std::string rows;
  std::optional<Group> group;
  for (const Compared& compared : report.comparison->figures) {
    if (compared.before == compared.now) continue;
    if (group != compared.kind->group)
      rows += fmt::format("<tr class=\"head\"><td colspan=\"5\">{}</td></tr>\n", title_of(compared.kind->group));
    group = compared.kind->group;
    rows += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td>{}</tr>\n", escaped(compared.kind->title),
                        shown(compared.now, compared.kind->unit), shown(compared.before, compared.kind->unit),
                        ratio_text(compared), change_cell(compared));
  }
  if (rows.empty()) return html;
  return html +
         "<div class=\"scroll\"><table><thead><tr><th>figure</th><th>now</th><th>then</th><th>ratio</th><th></th>"
         "</tr></thead><tbody>" +
         rows + "</tbody></table></div>\n";
}

std::string faulty_topics(const RunReport& report) {
  std::vector<std::pair<std::uint64_t, std::size_t>> worst;
  const std::vector<Faults>& topics = report.outcome.topics;
  for (std::size_t index = 0; index < topics.size(); ++index)
    if (const std::uint64_t sum = topics[index].lost + topics[index].repeated + topics[index].reordered +
                                  topics[index].malformed + topics[index].gaps;
        sum != 0)
      worst.emplace_back(sum, index);
  if (worst.empty()) return {};
  std::stable_sort(worst.begin(), worst.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string html =
      "<h2>Faults by topic</h2>\n<div class=\"scroll\"><table><thead><tr><th>topic</th><th>lost</th><th>repeated</th>"
      "<th>reordered</th><th>malformed</th><th>gaps announced</th></tr></thead><tbody>";
  for (std::size_t place = 0; place < std::min(worst.size(), faulty_topics_max); ++place) {
    const Faults& topic = topics[worst[place].second];
    html += fmt::format("<tr><td>{}</td>", worst[place].second);
    for (const std::uint64_t count : {topic.lost, topic.repeated, topic.reordered, topic.malformed, topic.gaps})
      html += count == 0 ? R"(<td class="soft">0</td>)" : fmt::format(R"(<td class="bad">{}</td>)", grouped(count));
    html += "</tr>\n";
  }
  if (worst.size() > faulty_topics_max)
    html += fmt::format("<tr><td class=\"soft\" colspan=\"6\">and {} more</td></tr>", worst.size() - faulty_topics_max);
  return html + "</tbody></table></div>\n";
}

std::string meter(double share) {
  return fmt::format(R"(<span class="meter"><i style="width:{:.0f}%"></i></span>)", 100 * std::clamp(share, 0.0, 1.0));
}

std::string bytes(std::int64_t count) { return quantity_text(static_cast<double>(count), Unit::bytes); }

// What server and client took: CPU as a share of a core, memory before, at the end, at its peak.
std::string processes(const RunReport& report) {
  const Outcome& run = report.outcome;
  std::string html =
      "<h2>CPU and memory</h2>\n<div class=\"scroll\"><table><thead><tr><th>process</th><th>CPU, of a core</th>"
      "<th></th><th>RSS before</th><th>RSS at the end</th><th>RSS at its peak</th>"
      "<th>PSS at the end</th></tr></thead><tbody>";
  const double seconds = run.seconds > 0 ? run.seconds : 1;
  for (const ServerFigures& server : run.servers) {
    const double cpu = server.cpu_seconds / seconds;
    html += fmt::format(
        "<tr><td>server, process {}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        server.pid, quantity_text(cpu, Unit::share), meter(cpu), bytes(server.rss_before_bytes),
        bytes(server.rss_bytes), bytes(server.rss_peak_bytes), bytes(server.pss_bytes));
  }
  const double cpu = run.client.cpu_seconds / seconds;
  html += fmt::format(
      "<tr><td>this client, {} thread{}</td><td>{}</td><td>{}</td><td class=\"text\" colspan=\"4\">busiest thread {}; "
      "{} a connection, {} a stream</td></tr>\n",
      run.client.threads, run.client.threads == 1 ? "" : "s", quantity_text(cpu, Unit::share),
      meter(cpu / std::max(1U, run.client.threads)), quantity_text(run.client.busiest_thread_share, Unit::share),
      bytes(run.client.bytes_per_connection), bytes(run.client.bytes_per_stream));
  return html + "</tbody></table></div>\n";
}

std::string ramp_steps(const RunReport& report) {
  if (report.outcome.ramp.empty()) return {};
  const RampStep* knee = knee_of(report.outcome);
  std::string html = fmt::format(
      "<h2>Steps of the ramp</h2>\n<div class=\"scroll\"><table><thead><tr><th>{}</th><th>delivered</th><th>p50</th>"
      "<th>p99</th><th>server CPU</th><th>lost</th><th>refused</th><th class=\"text\">limit "
      "crossed</th></tr></thead><tbody>",
      report.plan.ramp.what == RampPlan::What::streams ? "streams" : "events a second");
  for (const RampStep& step : report.outcome.ramp) {
    const auto latency = [&](double share) {
      return step.latency.count() == 0
                 ? std::string("-")
                 : shown(static_cast<double>(step.latency.quantile(share)) / 1e6, Unit::milliseconds);
    };
    html += fmt::format(
        "<tr><td>{}{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"text "
        "bad\">{}</td></tr>\n",
        quantity_text(step.offered, Unit::count), &step == knee ? " <b>the knee</b>" : "",
        quantity_text(step.delivered_share, Unit::share), latency(0.5), latency(0.99),
        report.outcome.servers.empty() ? "-" : quantity_text(step.server_cpu_share, Unit::share), grouped(step.lost),
        grouped(step.refused), escaped(step.broken));
  }
  return html + "</tbody></table></div>\n";
}

// Every figure, with the name that --expect and JSON have for it.
std::string all_figures(const RunReport& report) {
  std::string html = "<h2>All figures</h2>\n<div class=\"groups\">";
  std::optional<Group> group;
  for (const Figure& figure : figures_of(report.outcome)) {
    if (!group || *group != figure.kind->group) {
      if (group) html += "</tbody></table></div>\n";
      group = figure.kind->group;
      html += fmt::format("<div class=\"scroll\"><table><thead><tr><th>{}</th><th></th><th></th></tr></thead><tbody>",
                          title_of(*group));
    }
    html +=
        fmt::format("<tr><td>{}</td><td class=\"text\"><code>{}</code></td><td>{}</td></tr>\n",
                    escaped(figure.kind->title), escaped(figure.kind->name), shown(figure.value, figure.kind->unit));
  }
  return html + (group ? "</tbody></table></div></div>\n" : "</div>\n");
}

}  // namespace

std::string html_report(const RunReport& report) {
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>sluice bench: {} {}</title>\n"
      "<style>{}</style></head>\n<body>\n",
      escaped(report.outcome.scenario), escaped(report.outcome.url), report_style());
  html += head(report) + tiles(report) + expectations(report);
  if (const std::string plots = plots_html(report); !plots.empty())
    html += "<h2>Over time, and by percentile</h2>\n<div class=\"plots\">" + plots + "</div>\n";
  html += comparison(report) + ramp_steps(report) + faulty_topics(report) + processes(report) + all_figures(report);
  html += fmt::format("<h2>The command</h2>\n<pre>{}</pre>\n", escaped(report.command));
  html += fmt::format(
      "<footer>Written by sluice {}. Latency counts from the time at which an event was due to be "
      "published; what a figure means: docs/benchmarking.md.</footer>\n</body></html>\n",
      SLUICE_VERSION);
  return html;
}

}  // namespace sluice::bench
