#include "bench/summary.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bench/outcome_json.h"

namespace sluice::bench {
namespace {

constexpr std::size_t group_columns = 15, title_columns = 40, value_columns = 13, ratio_columns = 9;
constexpr std::size_t faulty_topics_max = 5;  // named; the JSON has them all

// Figures that say nothing while they are 0; of deliveries only where none were to be.
bool silent(const Figure& figure, const Outcome& run) {
  if (figure.value != 0) return false;
  const std::string_view name = figure.kind->name;
  if (figure.kind->group == Group::deliveries) return run.published == 0 && run.deliveries == 0;
  return figure.kind->group == Group::faults || name == "connections" || name == "streams" || name == "reconnects" ||
         name == "ended" || name == "client_bytes_per_connection" || name == "client_bytes_per_stream";
}

const Compared* find_compared(const RunReport& report, const FigureKind* kind) {
  if (!report.comparison) return nullptr;
  for (const Compared& compared : report.comparison->figures)
    if (compared.kind == kind) return &compared;
  return nullptr;
}

std::string change_text(const Compared& compared, const TextStyle& style) {
  switch (compared.change) {
    case Change::better:
      return style.good("better");
    case Change::worse:
      return style.bad("worse");
    case Change::other:
      return style.dim("other");
    case Change::none:
      break;
  }
  return compared.now == compared.before ? "" : style.dim(fmt::format("within {:.0f} %", 100 * compared.noise));
}

class Summary {
 public:
  Summary(const RunReport& report, const TextStyle& style) : report_(report), style_(style) {}

  std::string text() {
    head();
    bool faults_shown = std::any_of(std::begin(fault_names), std::end(fault_names), [this](const char* name) {
      return find_figure(name)->of(report_.outcome).value_or(0) != 0;
    });
    for (const Figure& figure : figures_of(report_.outcome)) {
      if (figure.kind->group > Group::faults && !faults_shown) {
        row(Group::faults, style_.good("none"), "");
        faults_shown = true;
      }
      if (!silent(figure, report_.outcome)) figure_row(figure);
    }
    faulty_topics();
    ramp();
    storm();
    expectations();
    comparison_notes();
    foot();
    return text_;
  }

 private:
  static constexpr const char* fault_names[] = {"lost", "repeated", "reordered",      "malformed",
                                                "gaps", "refused",  "closed_for_good"};

  void line(const std::string& text) { text_ += text + '\n'; }

  void head() {
    const Outcome& run = report_.outcome;
    line(style_.bold(run.scenario) + ": " + run.offered);
    line(style_.dim(fmt::format("{}, measured for {} from {}{}", run.url, quantity_text(run.seconds, Unit::seconds),
                                utc_text(run.began_unix_seconds), run.interrupted ? ", interrupted" : "")));
    if (report_.comparison) {
      line("");
      line(style_.dim(left_aligned("ratio to " + report_.comparison->name, group_columns + title_columns) +
                      right_aligned("now", value_columns) + right_aligned("was", value_columns) +
                      right_aligned("ratio", ratio_columns)));
    }
    line("");
  }

  void row(Group group, const std::string& title, const std::string& value) {
    const bool first = !group_ || *group_ != group;
    group_ = group;
    std::string text = left_aligned(first ? style_.bold(title_of(group)) : "", group_columns);
    text += value.empty() ? title : left_aligned(title, title_columns) + right_aligned(value, value_columns);
    line(text);
  }

  void figure_row(const Figure& figure) {
    std::string value = quantity_text(figure.value, figure.kind->unit);
    const bool fault = figure.kind->group == Group::faults && figure.value > 0;
    if (fault) value = style_.bad(value);
    if (const Compared* compared = find_compared(report_, figure.kind)) {
      value = right_aligned(value, value_columns);
      value += style_.dim(right_aligned(quantity_text(compared->before, figure.kind->unit), value_columns));
      value += right_aligned(ratio_text(*compared), ratio_columns) + "  " + change_text(*compared, style_);
    }
    row(figure.kind->group, std::string(figure.kind->title), value);
  }

  void faulty_topics() {
    std::vector<std::pair<std::uint64_t, std::size_t>> worst;
    for (std::size_t index = 0; index < report_.outcome.topics.size(); ++index) {
      const Faults& topic = report_.outcome.topics[index];
      const std::uint64_t sum = topic.lost + topic.repeated + topic.reordered + topic.malformed;
      if (sum != 0) worst.emplace_back(sum, index);
    }
    if (worst.empty() || report_.outcome.topics.size() < 2) return;
    std::stable_sort(worst.begin(), worst.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    line("");
    for (std::size_t place = 0; place < std::min(worst.size(), faulty_topics_max); ++place) {
      const Faults& topic = report_.outcome.topics[worst[place].second];
      line(fmt::format("  topic {}: {} lost, {} repeated, {} reordered, {} malformed", worst[place].second,
                       grouped(topic.lost), grouped(topic.repeated), grouped(topic.reordered),
                       grouped(topic.malformed)));
    }
    if (worst.size() > faulty_topics_max) line(fmt::format("  and {} more topics", worst.size() - faulty_topics_max));
  }

  void ramp() {
    if (report_.outcome.ramp.empty()) return;
    const bool streams = report_.plan.ramp.what == RampPlan::What::streams;
    line("");
    line(style_.dim(fmt::format("{:>14}{:>12}{:>12}{:>12}{:>12}  {}", streams ? "streams" : "events/s", "delivered",
                                "p50", "p99", "server CPU", "limit crossed")));
    for (const RampStep& step : report_.outcome.ramp)
      line(fmt::format("{:>14}{:>12}{:>12}{:>12}{:>12}  {}", quantity_text(step.offered, Unit::count),
                       fmt::format("{:.1f} %", 100 * step.delivered_share), latency(step, 0.5), latency(step, 0.99),
                       report_.outcome.servers.empty() ? "-" : quantity_text(step.server_cpu_share, Unit::share),
                       step.broken.empty() ? "" : style_.notable(step.broken)));
    const std::string_view broken = broken_limit(report_.outcome);
    line(broken.empty() ? "  no limit was crossed: raise --ramp-to" : fmt::format("  broken: {}", broken));
  }

  static std::string latency(const RampStep& step, double share) {
    return step.latency.count() == 0
               ? "-"
               : quantity_text(static_cast<double>(step.latency.quantile(share)) / 1e9, Unit::seconds);
  }

  // From the first reconnect on, several bins to a character where there are many.
  void storm() {
    std::vector<double> reconnects;
    for (const Bin& bin : report_.outcome.bins)
      if (bin.reconnects != 0 || !reconnects.empty()) reconnects.push_back(static_cast<double>(bin.reconnects));
    while (!reconnects.empty() && reconnects.back() == 0) reconnects.pop_back();
    if (!report_.outcome.storm || reconnects.size() < 2) return;
    const std::size_t columns = style_.columns > 70 ? style_.columns - 50 : 20;
    const std::size_t together = (reconnects.size() + columns - 1) / columns;
    std::vector<double> sums((reconnects.size() + together - 1) / together);
    for (std::size_t index = 0; index < reconnects.size(); ++index) sums[index / together] += reconnects[index];
    const auto bin = static_cast<double>(report_.outcome.bin.count() * static_cast<std::int64_t>(together));
    line("");
    line(fmt::format("  reconnects     {}  at most {} in {}", style_.accent(sparkline(sums, columns, style_)),
                     quantity_text(*std::max_element(sums.begin(), sums.end()), Unit::count),
                     quantity_text(bin, Unit::milliseconds)));
  }

  void expectations() {
    if (report_.verdict.judgements.empty()) return;
    line("");
    for (const Judgement& judgement : report_.verdict.judgements)
      line(fmt::format("  {} {}  {}", style_.mark(judgement.met), left_aligned(judgement.expectation.text(), 34),
                       judgement.met ? judgement.value_text() : style_.bad(judgement.value_text())));
  }

  void comparison_notes() {
    if (!report_.comparison || report_.comparison->notes.empty()) return;
    line("");
    for (const std::string& note : report_.comparison->notes)
      line(style_.notable("note: ") + report_.comparison->name + ": " + note);
  }

  void foot() {
    line("");
    for (const std::string& warning : report_.outcome.warnings) line(style_.notable("warning: ") + warning);
    const std::string verdict = report_.verdict.text();
    line(report_.verdict.clean() ? style_.good(verdict) : style_.bad(verdict));
  }

  const RunReport& report_;
  const TextStyle& style_;
  std::string text_;
  std::optional<Group> group_;
};

}  // namespace

std::string summary_text(const RunReport& report, const TextStyle& style) { return Summary(report, style).text(); }

}  // namespace sluice::bench
