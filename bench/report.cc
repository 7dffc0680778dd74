#include "bench/report.h"

#include <fmt/format.h>

#include <iterator>

namespace sluice::bench {
namespace {

double per(double count, double of) { return of > 0 ? count / of : 0; }
double milliseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }
double count(std::uint64_t number) { return static_cast<double>(number); }

std::string offered(const LoadOptions& options) {
  if (options.kind == LoadOptions::Kind::handshakes) return fmt::format("{} in progress", options.connections);
  const std::string crowd = fmt::format("{} connections x {} streams", options.connections, options.streams);
  if (options.kind == LoadOptions::Kind::idle) return crowd + ", idle";
  if (options.kind == LoadOptions::Kind::subscribe)
    return crowd + fmt::format(", {} events of others", options.expected_events);
  if (options.one_at_a_time) return crowd + ", one event at a time";
  if (options.rate > 0) return crowd + fmt::format(", {} events/s", options.rate);
  return crowd + ", as fast as acknowledged";
}

}  // namespace

std::string report_text(const LoadOptions& options, const Figures& figures) {
  std::string text;
  const auto row = [&](const char* name, const std::string& value) {
    fmt::format_to(std::back_inserter(text), "{:<34}{}\n", name, value);
  };
  const double streams = count(options.connections) * options.streams;
  row("offered", offered(options));
  row("measured for", fmt::format("{:.2f} s", figures.seconds));
  if (options.kind == LoadOptions::Kind::handshakes) {
    row("connections",
        fmt::format("{}, {:.0f}/s", figures.connections, per(count(figures.connections), figures.seconds)));
    if (figures.server_cpu_seconds)
      row("connections per server CPU second",
          fmt::format("{:.0f}", per(count(figures.connections), *figures.server_cpu_seconds)));
  }
  if (options.kind == LoadOptions::Kind::deliver || options.kind == LoadOptions::Kind::subscribe) {
    row("published", fmt::format("{}, {:.0f}/s", figures.published, per(count(figures.published), figures.seconds)));
    row("deliveries", fmt::format("{}, {:.0f}/s", figures.deliveries, per(count(figures.deliveries), figures.seconds)));
    if (figures.server_cpu_seconds) {
      row("deliveries per server CPU second",
          fmt::format("{:.0f}", per(count(figures.deliveries), *figures.server_cpu_seconds)));
      row("server CPU per published event",
          fmt::format("{:.2f} us", 1e6 * per(*figures.server_cpu_seconds, count(figures.published))));
    }
    const Histogram& latency = figures.latency;
    row("latency p50 p90 p99 p99.9 max",
        fmt::format("{:.2f} {:.2f} {:.2f} {:.2f} {:.2f} ms", milliseconds(latency.quantile(0.5)),
                    milliseconds(latency.quantile(0.9)), milliseconds(latency.quantile(0.99)),
                    milliseconds(latency.quantile(0.999)), milliseconds(latency.max())));
  }
  if (figures.peak_rss_bytes)
    row("server memory at its peak",
        fmt::format("{:.1f} MiB RSS", static_cast<double>(*figures.peak_rss_bytes) / 1048576));
  if (figures.memory && figures.memory_before) {
    const auto rss = static_cast<double>(figures.memory->rss_bytes - figures.memory_before->rss_bytes);
    const auto pss = static_cast<double>(figures.memory->pss_bytes - figures.memory_before->pss_bytes);
    row("memory per connection", fmt::format("{:.1f} KiB RSS, {:.1f} KiB PSS", per(rss, options.connections) / 1024,
                                             per(pss, options.connections) / 1024));
    row("memory per stream, all in", fmt::format("{:.0f} B RSS, {:.0f} B PSS", per(rss, streams), per(pss, streams)));
  }
  if (figures.server_cpu_seconds)
    row("server CPU", fmt::format("{:.2f} % of a core", 100 * per(*figures.server_cpu_seconds, figures.seconds)));
  row("client CPU", fmt::format("{:.2f} % of a core", 100 * per(figures.client_cpu_seconds, figures.seconds)));
  const Tally& total = figures.total;
  row("lost, repeated, reordered", fmt::format("{}, {}, {}", total.lost, total.repeated, total.reordered));
  row("malformed, gaps announced", fmt::format("{}, {}", total.malformed, total.gaps));
  row("fully parsed deliveries", fmt::format("{} of {}", total.parsed, total.deliveries));
  if (!figures.failure.empty()) row("FAILED", figures.failure);
  return text;
}

std::string report_json(const LoadOptions& options, const Figures& figures) {
  const Tally& total = figures.total;
  const Histogram& latency = figures.latency;
  std::string text = fmt::format(
      R"({{"offered":"{}","seconds":{},"published":{},"deliveries":{},"connections":{},"client_cpu_seconds":{})",
      offered(options), figures.seconds, figures.published, figures.deliveries, figures.connections,
      figures.client_cpu_seconds);
  auto out = std::back_inserter(text);
  if (figures.server_cpu_seconds) fmt::format_to(out, R"(,"server_cpu_seconds":{})", *figures.server_cpu_seconds);
  if (figures.memory && figures.memory_before)
    fmt::format_to(out, R"(,"rss_bytes":{},"pss_bytes":{})",
                   figures.memory->rss_bytes - figures.memory_before->rss_bytes,
                   figures.memory->pss_bytes - figures.memory_before->pss_bytes);
  if (figures.peak_rss_bytes) fmt::format_to(out, R"(,"peak_rss_bytes":{})", *figures.peak_rss_bytes);
  fmt::format_to(out, R"(,"latency_ms":{{"p50":{},"p90":{},"p99":{},"p99.9":{},"max":{}}})",
                 milliseconds(latency.quantile(0.5)), milliseconds(latency.quantile(0.9)),
                 milliseconds(latency.quantile(0.99)), milliseconds(latency.quantile(0.999)),
                 milliseconds(latency.max()));
  fmt::format_to(out, R"(,"lost":{},"repeated":{},"reordered":{},"malformed":{},"gaps":{})", total.lost, total.repeated,
                 total.reordered, total.malformed, total.gaps);
  // A failure's text comes from us or from the system: no quotes in it, but a path could have one.
  std::string failure = figures.failure;
  for (char& c : failure)
    if (c == '"' || c == '\\') c = '\'';
  fmt::format_to(out, R"(,"refused":{},"ended":{},"failure":"{}"}})", figures.refused, figures.ended, failure);
  return text;
}

}  // namespace sluice::bench
