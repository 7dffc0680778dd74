#include "bench/stored_run.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "bench/figures.h"
#include "bench/outcome_json.h"

namespace sluice::bench {
namespace {

namespace json = boost::json;

// A run of --json is about 1 MB at the most (bins of a day, a bucket for each of 3,776); more is no such file.
constexpr std::size_t run_size_max = 64UL << 20;

std::string text_at(const json::object& run, std::string_view key) {
  const json::value* value = run.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

double number_at(const json::object& run, std::string_view key) {
  const json::value* value = run.if_contains(key);
  return value != nullptr && value->is_number() ? value->to_number<double>() : 0;
}

// The bins that lie in the measured time; the last may be cut short and is left out.
std::vector<Bin> measured(std::span<const Bin> bins, double bin_seconds, double from_seconds, double seconds) {
  if (bin_seconds <= 0) return {};
  const auto first = static_cast<std::size_t>(std::max(0.0, std::ceil(from_seconds / bin_seconds - 1e-6)));
  const auto last = static_cast<std::size_t>(std::max(0.0, std::floor((from_seconds + seconds) / bin_seconds + 1e-6)));
  std::vector<Bin> found;
  for (std::size_t index = first; index < std::min(last, bins.size()); ++index) found.push_back(bins[index]);
  return found;
}

void take_column(std::vector<Bin>& bins, const json::object& columns, std::string_view key,
                 std::uint64_t Bin::*member) {
  const json::value* column = columns.if_contains(key);
  if (column == nullptr || !column->is_array()) return;
  const json::array& values = column->get_array();
  bins.resize(std::max(bins.size(), values.size()));
  for (std::size_t index = 0; index < values.size(); ++index)
    if (values[index].is_number())
      bins[index].*member = static_cast<std::uint64_t>(std::clamp(values[index].to_number<double>(), 0.0, 1e18));
}

std::vector<Bin> bins_of(const json::object& run) {
  const json::value* value = run.if_contains("bins");
  if (value == nullptr || !value->is_object()) return {};
  const json::object& columns = value->get_object();
  std::vector<Bin> bins;
  take_column(bins, columns, "published", &Bin::published);
  take_column(bins, columns, "deliveries", &Bin::deliveries);
  take_column(bins, columns, "bytes", &Bin::bytes);
  take_column(bins, columns, "latency_p50_ns", &Bin::latency_p50_ns);
  take_column(bins, columns, "latency_p99_ns", &Bin::latency_p99_ns);
  take_column(bins, columns, "latency_max_ns", &Bin::latency_max_ns);
  return measured(bins, number_at(columns, "milliseconds") / 1e3, number_at(columns, "measured_from_seconds"),
                  number_at(run, "seconds"));
}

std::string_view last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  // A person may have laid the object out over many lines.
  if (const std::size_t line = text.rfind("\n{"); line != std::string_view::npos && text.ends_with('}'))
    return text.substr(line + 1);
  return text;
}

}  // namespace

StoredRun parse_stored_run(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(last_line(text), error);
  if (error) throw std::invalid_argument("is not JSON: " + error.message());
  const json::object* run = value.if_object();
  const json::value* figures = run == nullptr ? nullptr : run->if_contains("figures");
  if (figures == nullptr || !figures->is_object())
    throw std::invalid_argument("holds no run: write it with `sluice bench --json FILE`");
  StoredRun stored_run{text_at(*run, "began"), text_at(*run, "scenario"), text_at(*run, "offered"), false, {}, {}};
  if (const json::value* clean = run->if_contains("clean")) stored_run.clean = clean->is_bool() && clean->get_bool();
  for (const auto& [name, figure] : figures->get_object())
    if (figure.is_number() && find_figure(name) != nullptr)
      stored_run.figures.emplace(std::string(name), figure.to_number<double>());
  stored_run.bins = bins_of(*run);
  return stored_run;
}

StoredRun read_stored_run(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::invalid_argument(file.string() + " cannot be read");
  std::error_code unknown;
  if (const auto size = std::filesystem::file_size(file, unknown); !unknown && size > run_size_max)
    throw std::invalid_argument(file.string() + " holds no run: it is too big");
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  try {
    return parse_stored_run(text);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(file.string() + " " + error.what());
  }
}

StoredRun stored(const Outcome& outcome, bool clean) {
  StoredRun run{utc_text(outcome.began_unix_seconds), outcome.scenario, outcome.offered, clean, {}, {}};
  for (const Figure& figure : figures_of(outcome)) run.figures.emplace(std::string(figure.kind->name), figure.value);
  run.bins = measured(outcome.bins, static_cast<double>(outcome.bin.count()) / 1e3, outcome.measured_from_seconds,
                      outcome.seconds);
  return run;
}

}  // namespace sluice::bench
