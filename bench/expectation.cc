#include "bench/expectation.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace sluice::bench {
namespace {

// The longer ones first: "<=" is not "<".
constexpr std::array<std::pair<std::string_view, Relation>, 6> relations{{{"<=", Relation::at_most},
                                                                          {">=", Relation::at_least},
                                                                          {"==", Relation::equal},
                                                                          {"<", Relation::below},
                                                                          {">", Relation::above},
                                                                          {"=", Relation::equal}}};

std::string_view sign_of(Relation relation) {
  switch (relation) {
    case Relation::below:
      return "<";
    case Relation::at_most:
      return "<=";
    case Relation::equal:
      return "=";
    case Relation::at_least:
      return ">=";
    case Relation::above:
      return ">";
  }
  return {};
}

bool holds(double value, Relation relation, double limit) {
  switch (relation) {
    case Relation::below:
      return value < limit;
    case Relation::at_most:
      return value <= limit;
    case Relation::equal:
      return value == limit;
    case Relation::at_least:
      return value >= limit;
    case Relation::above:
      return value > limit;
  }
  return false;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Expectation parse_expectation(std::string_view text) {
  const std::size_t at = text.find_first_of("<>=");
  if (at == std::string_view::npos)
    throw std::invalid_argument(fmt::format("\"{}\" compares nothing: write figure<limit, as in p99<50ms", text));
  const std::string_view name = trimmed(text.substr(0, at));
  const auto found = std::find_if(relations.begin(), relations.end(),
                                  [&](const auto& relation) { return text.substr(at).starts_with(relation.first); });
  const std::string_view limit = trimmed(text.substr(at + found->first.size()));
  const FigureKind* figure = find_figure(name);
  if (figure == nullptr) {
    const std::string near = nearest_figure(name);
    throw std::invalid_argument(fmt::format("\"{}\": there is no figure `{}`{}", text, name,
                                            near.empty() ? "; all of them: sluice bench --list-figures" : near));
  }
  const std::optional<double> number = parse_quantity(limit, figure->unit);
  if (!number)
    throw std::invalid_argument(fmt::format("\"{}\": `{}` is no limit for {}: write it as {}{}{}", text, limit, name,
                                            name, found->first, example_of(figure->unit)));
  return {figure, found->second, *number};
}

}  // namespace

std::string Expectation::text() const {
  return fmt::format("{} {} {}", figure->name, sign_of(relation), quantity_text(limit, figure->unit));
}

std::vector<Expectation> parse_expectations(std::string_view text) {
  std::vector<Expectation> expectations;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (const std::string_view one = trimmed(text.substr(0, comma)); !one.empty())
      expectations.push_back(parse_expectation(one));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return expectations;
}

std::string Judgement::value_text() const {
  if (value) return quantity_text(*value, expectation.figure->unit);
  return fmt::format("not measured: needs {}", expectation.figure->needs);
}

std::vector<Judgement> judge(const std::vector<Expectation>& expectations, const Outcome& outcome) {
  std::vector<Judgement> judgements;
  for (const Expectation& expectation : expectations) {
    const std::optional<double> value = expectation.figure->of(outcome);
    judgements.push_back({expectation, value, value && holds(*value, expectation.relation, expectation.limit)});
  }
  return judgements;
}

}  // namespace sluice::bench
