#include "bench/figures.h"

#include <algorithm>
#include <array>
#include <string>

#include "gateway/config/nearest.h"

namespace sluice::bench {
namespace {

using Value = std::optional<double>;
using Run = const Outcome&;

constexpr std::string_view needs_pid = "--server-pid";
constexpr std::string_view needs_storm = "--scenario storm or drain";
constexpr std::string_view needs_ramp = "--scenario ramp";
constexpr std::string_view needs_slow = "--scenario slow-reader";
constexpr std::string_view needs_events = "events that were received";
constexpr std::string_view needs_caught_up = "streams that came back";

double number(std::uint64_t count) { return static_cast<double>(count); }

Value share_of(double part, double whole) {
  if (whole <= 0) return std::nullopt;
  return part / whole;
}

Value milliseconds_at(const Histogram& histogram, double share) {
  if (histogram.count() == 0) return std::nullopt;
  return number(histogram.quantile(share)) / 1e6;
}

Value if_delivered(Run run, Value value) { return run.latency.count() != 0 ? value : std::nullopt; }

Value server_cpu_seconds(Run run) {
  if (run.servers.empty()) return std::nullopt;
  double sum = 0;
  for (const ServerFigures& server : run.servers) sum += server.cpu_seconds;
  return sum;
}

template <class Of>
Value server_sum(Run run, Of of) {
  if (run.servers.empty()) return std::nullopt;
  std::int64_t sum = 0;
  for (const ServerFigures& server : run.servers) sum += of(server);
  return static_cast<double>(sum);
}

std::int64_t rss_growth(const ServerFigures& server) { return server.rss_bytes - server.rss_before_bytes; }
std::int64_t pss_growth(const ServerFigures& server) { return server.pss_bytes - server.pss_before_bytes; }

// `sum` for each of `count`; what has grown less than nothing has no size of its own.
Value each(Value sum, std::uint64_t count) {
  if (!sum || count == 0) return std::nullopt;
  return *sum / number(count);
}

template <class Of>
Value of_storm(Run run, Of of) {
  if (!run.storm) return std::nullopt;
  return Value(of(*run.storm));
}

template <class Of>
Value of_slow(Run run, Of of) {
  if (!run.slow) return std::nullopt;
  return Value(of(*run.slow));
}

Value above_zero(double value) { return value > 0 ? Value(value) : std::nullopt; }

// The reconnection times that were held, without those that held none.
Value held(const StormFigures& storm, bool largest) {
  Value found;
  for (const std::uint64_t retry : storm.retry_held_ms)
    if (retry != 0 && (!found || (largest ? number(retry) > *found : number(retry) < *found))) found = number(retry);
  return found;
}

template <class Of>
Value of_knee(Run run, Of of) {
  const RampStep* knee = knee_of(run);
  if (knee == nullptr) return std::nullopt;
  return Value(of(*knee));
}

constexpr auto smaller = Better::smaller, larger = Better::larger;
constexpr auto neither = Better::neither;

const auto kinds = std::to_array<FigureKind>({
    {"deliveries", "events received", Group::deliveries, Unit::count, neither, 0.02, "",
     [](Run r) { return Value(number(r.deliveries)); }},
    {"deliveries/s", "deliveries", Group::deliveries, Unit::per_second, larger, 0.03, "",
     [](Run r) { return share_of(number(r.deliveries), r.seconds); }},
    {"bytes/s", "bytes of event streams", Group::deliveries, Unit::bytes_per_second, larger, 0.03, "",
     [](Run r) { return share_of(number(r.bytes), r.seconds); }},
    {"published", "events published", Group::deliveries, Unit::count, neither, 0.02, "",
     [](Run r) { return Value(number(r.published)); }},
    {"published/s", "publish rate", Group::deliveries, Unit::per_second, larger, 0.03, "",
     [](Run r) { return share_of(number(r.published), r.seconds); }},

    {"p50", "p50", Group::latency, Unit::milliseconds, smaller, 0.2, needs_events,
     [](Run r) { return milliseconds_at(r.latency, 0.5); }},
    {"p90", "p90", Group::latency, Unit::milliseconds, smaller, 0.2, needs_events,
     [](Run r) { return milliseconds_at(r.latency, 0.9); }},
    {"p99", "p99", Group::latency, Unit::milliseconds, smaller, 0.25, needs_events,
     [](Run r) { return milliseconds_at(r.latency, 0.99); }},
    {"p99.9", "p99.9", Group::latency, Unit::milliseconds, smaller, 0.35, needs_events,
     [](Run r) { return milliseconds_at(r.latency, 0.999); }},
    {"max", "max", Group::latency, Unit::milliseconds, smaller, 0.6, needs_events,
     [](Run r) { return if_delivered(r, number(r.latency.max()) / 1e6); }},

    {"caught_up", "events of an absence, received after it", Group::latency, Unit::count, neither, 0, needs_caught_up,
     [](Run r) { return above_zero(number(r.caught_up.count())); }},
    {"caught_up_p99", "their lateness, p99", Group::latency, Unit::milliseconds, neither, 0.3, needs_caught_up,
     [](Run r) { return milliseconds_at(r.caught_up, 0.99); }},

    {"lost", "lost", Group::faults, Unit::count, smaller, 0, "", [](Run r) { return Value(number(r.total.lost)); }},
    {"repeated", "repeated", Group::faults, Unit::count, smaller, 0, "",
     [](Run r) { return Value(number(r.total.repeated)); }},
    {"reordered", "reordered", Group::faults, Unit::count, smaller, 0, "",
     [](Run r) { return Value(number(r.total.reordered)); }},
    {"malformed", "malformed", Group::faults, Unit::count, smaller, 0, "",
     [](Run r) { return Value(number(r.total.malformed)); }},
    {"gaps", "gaps announced", Group::faults, Unit::count, smaller, 0, "",
     [](Run r) { return Value(number(r.total.gaps)); }},
    {"refused", "publishes refused", Group::faults, Unit::count, smaller, 0, "",
     [](Run r) { return Value(number(r.refused_publishes)); }},
    {"closed_for_good", "streams closed for good", Group::faults, Unit::count, smaller, 0, "",
     [](Run r) { return Value(number(r.closed_for_good)); }},

    {"connections", "connections", Group::connections, Unit::count, neither, 0, "",
     [](Run r) { return Value(number(r.connections)); }},
    {"streams", "streams", Group::connections, Unit::count, neither, 0, "",
     [](Run r) { return Value(number(r.streams)); }},
    {"open_p50", "time to open, p50", Group::connections, Unit::milliseconds, smaller, 0.3, "streams that opened",
     [](Run r) { return milliseconds_at(r.open_time, 0.5); }},
    {"open_p99", "time to open, p99", Group::connections, Unit::milliseconds, smaller, 0.4, "streams that opened",
     [](Run r) { return milliseconds_at(r.open_time, 0.99); }},
    {"handshakes/s", "handshakes", Group::connections, Unit::per_second, larger, 0.15,
     "handshakes in the measured time: --scenario handshakes",
     [](Run r) { return r.handshakes != 0 ? share_of(number(r.handshakes), r.seconds) : std::nullopt; }},
    {"handshakes_per_cpu_second", "handshakes per server CPU second", Group::connections, Unit::count, larger, 0.2,
     "--scenario handshakes and --server-pid",
     [](Run r) {
       return r.handshakes != 0 ? share_of(number(r.handshakes), server_cpu_seconds(r).value_or(0)) : std::nullopt;
     }},
    {"reconnects", "reconnects", Group::connections, Unit::count, neither, 0, "",
     [](Run r) { return Value(number(r.reconnects)); }},
    {"return_late_p99", "late to ask again, p99", Group::connections, Unit::milliseconds, smaller, 0.4,
     "streams that asked again", [](Run r) { return milliseconds_at(r.return_late, 0.99); }},
    {"ended", "streams that ended", Group::connections, Unit::count, neither, 0, "",
     [](Run r) { return Value(number(r.ended)); }},

    {"dropped", "streams dropped", Group::storm, Unit::count, neither, 0, needs_storm,
     [](Run r) { return of_storm(r, [](const StormFigures& s) { return number(s.dropped); }); }},
    {"not_back", "streams not back", Group::storm, Unit::count, smaller, 0, needs_storm,
     [](Run r) {
       return of_storm(r, [](const StormFigures& s) { return number(s.dropped - std::min(s.back, s.dropped)); });
     }},
    {"all_back_s", "until all were back", Group::storm, Unit::seconds, smaller, 0.15, "a storm from which all came back",
     [](Run r) { return of_storm(r, [](const StormFigures& s) { return above_zero(s.all_back_seconds); }); }},
    {"away_p50", "away, p50", Group::storm, Unit::milliseconds, smaller, 0.2, needs_storm,
     [](Run r) { return of_storm(r, [](const StormFigures& s) { return milliseconds_at(s.away, 0.5); }); }},
    {"away_p99", "away, p99", Group::storm, Unit::milliseconds, smaller, 0.2, needs_storm,
     [](Run r) { return of_storm(r, [](const StormFigures& s) { return milliseconds_at(s.away, 0.99); }); }},
    {"reopen_p50", "time to open again, p50", Group::storm, Unit::milliseconds, smaller, 0.3, needs_storm,
     [](Run r) { return of_storm(r, [](const StormFigures& s) { return milliseconds_at(s.reopen, 0.5); }); }},
    {"reopen_p99", "time to open again, p99", Group::storm, Unit::milliseconds, smaller, 0.4, needs_storm,
     [](Run r) { return of_storm(r, [](const StormFigures& s) { return milliseconds_at(s.reopen, 0.99); }); }},
    {"arrivals_peak", "reconnects in the busiest second", Group::storm, Unit::count, smaller, 0.2, needs_storm,
     [](Run r) { return of_storm(r, [](const StormFigures& s) { return number(s.arrivals_peak); }); }},
    {"spread_s", "the middle 90 % came back within", Group::storm, Unit::seconds, neither, 0.1, needs_storm,
     [](Run r) {
       return of_storm(r, [](const StormFigures& s) {
         return s.away.count() != 0 ? Value(number(s.away.quantile(0.95) - s.away.quantile(0.05)) / 1e9) : std::nullopt;
       });
     }},
    {"retry_min", "shortest retry: that was held", Group::storm, Unit::milliseconds, neither, 0.05, "a server that sends retry:",
     [](Run r) { return of_storm(r, [](const StormFigures& s) { return held(s, false); }); }},
    {"retry_max", "longest retry: that was held", Group::storm, Unit::milliseconds, neither, 0.05, "a server that sends retry:",
     [](Run r) { return of_storm(r, [](const StormFigures& s) { return held(s, true); }); }},
    {"failed_attempts", "attempts that failed", Group::storm, Unit::count, smaller, 0.2, needs_storm,
     [](Run r) { return of_storm(r, [](const StormFigures& s) { return number(s.failed_attempts); }); }},
    {"server_exit_s", "until the server had gone", Group::storm, Unit::seconds, neither, 0.1,
     "--scenario drain, --server-pid, and a server that ended",
     [](Run r) { return of_storm(r, [](const StormFigures& s) { return above_zero(s.server_exit_seconds); }); }},

    {"knee", "the knee: last step within the limits", Group::ramp, Unit::count, larger, 0.2, needs_ramp,
     [](Run r) { return of_knee(r, [](const RampStep& step) { return step.offered; }); }},
    {"knee_p99", "p99 at the knee", Group::ramp, Unit::milliseconds, neither, 0.25, needs_ramp,
     [](Run r) { return of_knee(r, [](const RampStep& step) { return milliseconds_at(step.latency, 0.99); }); }},
    {"knee_server_cpu", "server CPU at the knee", Group::ramp, Unit::share, neither, 0.1, "--scenario ramp and --server-pid",
     [](Run r) {
       return r.servers.empty() ? std::nullopt : of_knee(r, [](const RampStep& step) { return step.server_cpu_share; });
     }},

    {"slow_streams", "streams that read slowly", Group::slow_readers, Unit::count, neither, 0, needs_slow,
     [](Run r) { return of_slow(r, [](const SlowFigures& s) { return number(s.slow_streams); }); }},
    {"slow_ended", "of these, the server ended", Group::slow_readers, Unit::count, neither, 0, needs_slow,
     [](Run r) { return of_slow(r, [](const SlowFigures& s) { return number(s.ended); }); }},
    {"others_p50", "p50 of the others", Group::slow_readers, Unit::milliseconds, smaller, 0.2, needs_slow,
     [](Run r) { return of_slow(r, [](const SlowFigures& s) { return milliseconds_at(s.others, 0.5); }); }},
    {"others_p99", "p99 of the others", Group::slow_readers, Unit::milliseconds, smaller, 0.25, needs_slow,
     [](Run r) { return of_slow(r, [](const SlowFigures& s) { return milliseconds_at(s.others, 0.99); }); }},

    {"server_cpu", "CPU, of a core", Group::server, Unit::share, smaller, 0.2, needs_pid,
     [](Run r) { return share_of(server_cpu_seconds(r).value_or(0), r.servers.empty() ? 0 : r.seconds); }},
    {"cpu_per_delivery_us", "CPU per delivery", Group::server, Unit::microseconds, smaller, 0.2, needs_pid,
     [](Run r) {
       const Value cpu = server_cpu_seconds(r);
       return cpu ? share_of(1e6 * *cpu, number(r.deliveries)) : std::nullopt;
     }},
    {"cpu_per_publish_us", "CPU per published event", Group::server, Unit::microseconds, smaller, 0.2, needs_pid,
     [](Run r) {
       const Value cpu = server_cpu_seconds(r);
       return cpu ? share_of(1e6 * *cpu, number(r.published)) : std::nullopt;
     }},
    {"deliveries_per_cpu_second", "deliveries per CPU second", Group::server, Unit::count, larger, 0.2, needs_pid,
     [](Run r) {
       return r.deliveries != 0 ? share_of(number(r.deliveries), server_cpu_seconds(r).value_or(0)) : std::nullopt;
     }},
    {"rss_growth_bytes", "memory grown since before the crowd", Group::server, Unit::bytes, smaller, 0.15, needs_pid,
     [](Run r) { return server_sum(r, rss_growth); }},
    {"rss_peak_bytes", "memory at its peak", Group::server, Unit::bytes, smaller, 0.1, needs_pid,
     [](Run r) { return server_sum(r, [](const ServerFigures& s) { return s.rss_peak_bytes; }); }},
    {"rss_per_connection", "RSS per connection", Group::server, Unit::bytes, smaller, 0.15, needs_pid,
     [](Run r) { return each(server_sum(r, rss_growth), r.connections); }},
    {"rss_per_stream", "RSS per stream, all in", Group::server, Unit::bytes, smaller, 0.15, needs_pid,
     [](Run r) { return each(server_sum(r, rss_growth), r.streams); }},
    {"pss_per_connection", "PSS per connection", Group::server, Unit::bytes, smaller, 0.15, needs_pid,
     [](Run r) { return each(server_sum(r, pss_growth), r.connections); }},
    {"pss_per_stream", "PSS per stream, all in", Group::server, Unit::bytes, smaller, 0.15, needs_pid,
     [](Run r) { return each(server_sum(r, pss_growth), r.streams); }},

    {"client_cpu", "CPU, of a core", Group::client, Unit::share, smaller, 0.2, "",
     [](Run r) { return share_of(r.client.cpu_seconds, r.seconds); }},
    {"client_busiest_thread", "its busiest thread, of a core", Group::client, Unit::share, smaller, 0.2, "",
     [](Run r) { return Value(r.client.busiest_thread_share); }},
    {"client_bytes_per_connection", "memory per connection", Group::client, Unit::bytes, smaller, 0.1, "",
     [](Run r) { return Value(static_cast<double>(r.client.bytes_per_connection)); }},
    {"client_bytes_per_stream", "memory per stream, all in", Group::client, Unit::bytes, smaller, 0.1, "",
     [](Run r) { return Value(static_cast<double>(r.client.bytes_per_stream)); }},
});

}  // namespace

std::span<const FigureKind> figure_kinds() { return kinds; }

const FigureKind* find_figure(std::string_view name) {
  const auto found =
      std::find_if(kinds.begin(), kinds.end(), [&](const FigureKind& kind) { return kind.name == name; });
  return found == kinds.end() ? nullptr : &*found;
}

std::vector<Figure> figures_of(const Outcome& outcome) {
  std::vector<Figure> figures;
  for (const FigureKind& kind : kinds)
    if (const Value value = kind.of(outcome)) figures.push_back({&kind, *value});
  return figures;
}

std::string nearest_figure(std::string_view name) {
  std::vector<std::string> names;
  for (const FigureKind& kind : kinds) names.emplace_back(kind.name);
  if (std::string near = config::did_you_mean(name, names); !near.empty() || name.size() < 3) return near;
  // Half a name: `rss_growth`.
  for (const std::string& whole : names)
    if (whole.starts_with(name)) return "; did you mean `" + whole + "`?";
  return {};
}

std::string_view title_of(Group group) {
  switch (group) {
    case Group::deliveries:
      return "deliveries";
    case Group::latency:
      return "latency";
    case Group::faults:
      return "faults";
    case Group::connections:
      return "connections";
    case Group::storm:
      return "storm";
    case Group::ramp:
      return "ramp";
    case Group::slow_readers:
      return "slow readers";
    case Group::server:
      return "server";
    case Group::client:
      return "client";
  }
  return {};
}

const RampStep* knee_of(const Outcome& outcome) {
  const RampStep* knee = nullptr;
  for (const RampStep& step : outcome.ramp)
    if (step.broken.empty() && (knee == nullptr || step.offered > knee->offered)) knee = &step;
  return knee;
}

std::string_view broken_limit(const Outcome& outcome) {
  for (const RampStep& step : outcome.ramp)
    if (!step.broken.empty()) return step.broken;
  return {};
}

}  // namespace sluice::bench
