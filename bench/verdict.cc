#include "bench/verdict.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sluice::bench {
namespace {

// What a clean run has none of. A gap is announced loss and counted as lost; a stream that ended came back or is lost.
constexpr std::array<std::string_view, 7> stains{"lost",    "repeated",        "reordered", "malformed",
                                                 "refused", "closed_for_good", "not_back"};
// A ramp ends in them, by design.
constexpr std::array<std::string_view, 3> ends_of_ramps{"lost", "refused", "closed_for_good"};

template <class Names>
bool has(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool Verdict::missed() const {
  return std::any_of(judgements.begin(), judgements.end(), [](const Judgement& judgement) { return !judgement.met; });
}

int Verdict::exit_code() const {
  if (!failure.empty() || !faults.empty()) return 1;
  return missed() ? 3 : 0;
}

std::string Verdict::text() const {
  if (!failure.empty()) return "failed: " + failure;
  if (!faults.empty()) return fmt::format("not clean: {}", fmt::join(faults, ", "));
  const auto missed_count =
      std::count_if(judgements.begin(), judgements.end(), [](const Judgement& judgement) { return !judgement.met; });
  if (missed_count != 0) return fmt::format("{} of {} expectations missed", missed_count, judgements.size());
  return "clean";
}

Verdict verdict_of(const Outcome& outcome, const std::vector<Expectation>& expectations) {
  Verdict verdict{outcome.failure, {}, judge(expectations, outcome)};
  for (const std::string_view name : stains) {
    const FigureKind* kind = find_figure(name);
    const bool judged = std::any_of(expectations.begin(), expectations.end(),
                                    [&](const Expectation& expectation) { return expectation.figure == kind; });
    if (name == "refused" && outcome.storm && outcome.storm->restarted) continue;  // by nobody
    if (judged || (!outcome.ramp.empty() && has(ends_of_ramps, name))) continue;
    if (const double count = kind->of(outcome).value_or(0); count > 0)
      verdict.faults.push_back(fmt::format("{} {}", quantity_text(count, kind->unit), kind->title));
  }
  return verdict;
}

}  // namespace sluice::bench
