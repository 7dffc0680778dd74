#include "gateway/observe/metrics.h"

#include <algorithm>

#include "gateway/observe/metric_list.h"

namespace sluice::observe {

void Histogram::observe(Duration duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  buckets_[static_cast<std::size_t>(std::ranges::lower_bound(bounds, seconds) - bounds.begin())].add();
  nanoseconds_.add(static_cast<std::uint64_t>(std::max<Duration::rep>(duration.count(), 0)));
}

PublishCode publish_code(int status) {
  switch (status) {
    case 401:
      return PublishCode::unauthorized;
    case 403:
    case 421:
      return PublishCode::forbidden;
    case 413:
      return PublishCode::too_large;
    case 415:
      return PublishCode::unsupported;
    default:
      return status < 300 ? PublishCode::ok : status < 500 ? PublishCode::bad_request : PublishCode::unavailable;
  }
}

namespace {

using Labels = std::vector<std::string_view>;

const Labels stream_ends = {"complete", "peer_cancelled", "connection_lost", "slow", "busy", "drain"};
const Labels gap_reasons = {"trimmed",     "slow_consumer", "unknown_epoch", "unknown_position",
                            "no_position", "recreated",     "source_lost",   "too_many_topics"};
const Labels handshakes = {"full", "resumed", "failed", "timeout"};
const Labels publish_codes = {"ok",        "bad_request", "unauthorized", "forbidden",
                              "too_large", "unsupported", "unavailable"};
const Labels limits = {
    "connections",       "streams",       "handshakes",   "topics",          "topics_per_stream", "history_bytes",
    "event_size",        "body_size",     "bodies",       "events_per_body", "lines_per_event",   "event_name",
    "event_id",          "event_key",     "topic_name",   "last_event_id",   "mailbox",           "body_timeout",
    "handshake_timeout", "stall_timeout", "idle_timeout", "ping_timeout",    "descriptors",       "memory"};
const Labels busy_reasons = {"connections", "streams", "memory", "accept_rate", "descriptors"};
const Labels resources = {"cpu",     "loop_lag", "connections", "streams",
                          "backlog", "memory",   "handshakes",  "descriptors"};
const Labels glitches = [] {
  Labels names;
  for (std::size_t i = 0; i < decltype(WorkerMetrics::glitches)::count; ++i)
    names.emplace_back(proto::name(static_cast<proto::Glitch>(i)));
  return names;
}();

template <typename Value>
double total(const Metrics& metrics, Value WorkerMetrics::*member) {
  double sum = 0;
  for (const WorkerMetrics& worker : metrics.workers()) sum += static_cast<double>((worker.*member).value());
  return sum;
}

MetricDescription counter(std::string_view name, std::string_view help, Counter WorkerMetrics::*member) {
  return {name, help, "", MetricType::counter, [member](const Metrics& metrics) {
            return std::vector<Sample>{{"", total(metrics, member)}};
          }};
}

MetricDescription gauge(std::string_view name, std::string_view help, Gauge WorkerMetrics::*member) {
  return {name, help, "", MetricType::gauge, [member](const Metrics& metrics) {
            return std::vector<Sample>{{"", total(metrics, member)}};
          }};
}

template <auto last>
MetricDescription counters(std::string_view name, std::string_view help, std::string_view label, const Labels& values,
                           CountersBy<last> WorkerMetrics::*member) {
  return {name, help, label, MetricType::counter, [member, &values](const Metrics& metrics) {
            std::vector<Sample> samples;
            for (std::size_t i = 0; i < CountersBy<last>::count; ++i) {
              double sum = 0;
              for (const WorkerMetrics& worker : metrics.workers())
                sum += static_cast<double>((worker.*member)[static_cast<decltype(last)>(i)].value());
              samples.push_back({values.at(i), sum});
            }
            return samples;
          }};
}

MetricDescription histogram(std::string_view name, std::string_view help, Histogram WorkerMetrics::*member) {
  return {name, help, "", MetricType::histogram, [member](const Metrics& metrics) {
            std::vector<Sample> samples(Histogram::bounds.size() + 2);
            for (const WorkerMetrics& worker : metrics.workers()) {
              double cumulative = 0;
              for (std::size_t i = 0; i <= Histogram::bounds.size(); ++i) {
                cumulative += static_cast<double>((worker.*member).bucket(i));
                samples[i].value += cumulative;
              }
              samples.back().value += (worker.*member).sum();
            }
            return samples;
          }};
}

}  // namespace

namespace {

MetricDescription load_shares() {
  return {"sluice_load_ratio", "Each resource as a share of its limit, smoothed; the largest is the load.", "resource",
          MetricType::gauge, [](const Metrics& metrics) {
            std::vector<Sample> samples;
            for (std::size_t index = 0; index != resources.size(); ++index)
              samples.push_back(
                  {resources[index], static_cast<double>(metrics.load().shares_percent[index].value()) / 100});
            return samples;
          }};
}

MetricDescription accept_rate() {
  return {"sluice_accept_rate", "Streams a second that could come back, each with a full handshake.", "",
          MetricType::gauge, [](const Metrics& metrics) {
            return std::vector<Sample>{{"", static_cast<double>(metrics.load().accept_rate.value())}};
          }};
}

MetricDescription retry_interval() {
  return {"sluice_retry_seconds", "The interval in which reconnection times are drawn.", "bound", MetricType::gauge,
          [](const Metrics& metrics) {
            const WorkerMetrics& first = metrics.workers().front();
            return std::vector<Sample>{{"low", static_cast<double>(first.retry_low_ms.value()) / 1000},
                                       {"high", static_cast<double>(first.retry_high_ms.value()) / 1000}};
          }};
}

MetricDescription retry_truncated() {
  return {"sluice_retry_truncated", "1: retry.max is too short for all streams to come back at the accept rate.", "",
          MetricType::gauge, [](const Metrics& metrics) {
            return std::vector<Sample>{{"", static_cast<double>(metrics.workers().front().retry_truncated.value())}};
          }};
}

}  // namespace

std::optional<Limit> find_limit(std::string_view key) {
  const auto found = std::ranges::find(limits, key);
  if (found == limits.end()) return std::nullopt;
  return static_cast<Limit>(found - limits.begin());
}

std::string_view name(EndReason reason) { return stream_ends.at(static_cast<std::size_t>(reason)); }

const std::vector<MetricDescription>& metric_list() {
  using W = WorkerMetrics;
  static const std::vector<MetricDescription> list = {
      gauge("sluice_connections", "Open connections.", &W::connections),
      gauge("sluice_streams", "Open event streams.", &W::streams),
      gauge("sluice_tls_handshakes_in_progress", "Connections whose handshake is not complete.",
            &W::handshakes_in_progress),
      counter("sluice_connections_opened_total", "Connections accepted.", &W::connections_opened),
      counter("sluice_connections_closed_total", "Connections closed.", &W::connections_closed),
      counter("sluice_connections_near_stream_limit_total",
              "Connections that had 90 % of limits.streams_per_connection open: a page above it hangs.",
              &W::connections_near_stream_limit),
      counter("sluice_streams_opened_total", "Event streams opened.", &W::streams_opened),
      counters("sluice_streams_ended_total", "Event streams ended, by who or what ended them.", "reason", stream_ends,
               &W::streams_ended),
      counter("sluice_events_published_total", "Events appended to topics.", &W::events_published),
      counter("sluice_deliveries_total", "Events written to subscribers.", &W::deliveries),
      counter("sluice_bytes_sent_total", "Bytes handed to sockets, TLS included.", &W::bytes_sent),
      counter("sluice_bytes_received_total", "Bytes read from sockets, TLS included.", &W::bytes_received),
      counter("sluice_heartbeats_total", "Heartbeat comments written.", &W::heartbeats),
      counter("sluice_turn_flushes_total", "Connections flushed, once per loop turn at most.", &W::turn_flushes),
      counters("sluice_publish_requests_total", "Publish requests, by how they were answered.", "code", publish_codes,
               &W::publish_requests),
      counter("sluice_publish_repeats_total", "Published events dropped because their id was known.",
              &W::publish_repeats),
      counters("sluice_gaps_total", "Gaps announced to subscribers.", "reason", gap_reasons, &W::gaps),
      counters("sluice_glitches_total", "Bad manners of HTTP/2 peers.", "kind", glitches, &W::glitches),
      counters("sluice_tls_handshakes_total", "TLS handshakes, by result.", "result", handshakes, &W::tls_handshakes),
      counters("sluice_limit_hits_total", "Requests and connections refused or ended by a limit.", "limit", limits,
               &W::limit_hits),
      counter("sluice_authorities_refused_total", "Requests for a host that is not ours.", &W::authorities_refused),
      counter("sluice_origins_refused_total", "Publish requests from pages of other origins.", &W::origins_refused),
      gauge("sluice_mailbox_bytes", "Bytes waiting to be handed to another worker.", &W::mailbox_bytes),
      gauge("sluice_body_bytes", "Bytes of the publish requests in progress.", &W::body_bytes),
      gauge("sluice_topics", "Topics with state.", &W::topics),
      gauge("sluice_history_entries", "Entries retained.", &W::history_entries),
      gauge("sluice_history_bytes", "Bytes of the entries retained.", &W::history_bytes),
      load_shares(),
      accept_rate(),
      retry_interval(),
      retry_truncated(),
      counter("sluice_retry_renewed_total", "New reconnection times given to open streams.", &W::retries_renewed),
      counter("sluice_events_conflated_total",
              "Events that slow readers were not sent because a newer one of the same key was.", &W::events_conflated),
      counters("sluice_busy_total", "Streams that were given a time to come back instead of events.", "reason",
               busy_reasons, &W::busy),
      histogram("sluice_loop_lag_seconds", "How late a worker's loop ran what was due.", &W::loop_lag),
  };
  return list;
}

}  // namespace sluice::observe
