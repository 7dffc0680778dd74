// Metrics: what a process counts. Each worker has its own WorkerMetrics and is the only writer of it, so counting is a
// load and a store, never a locked instruction and never a cache line shared with another worker; the admin endpoint
// reads them all at any time and adds them up (exposition.h).
// Names, help texts and label values: metrics.cc, one list, by Prometheus conventions, without per-topic or per-user
// labels. Owned by main; a worker holds a reference to its part.
// Invariant: a Counter never falls; a Histogram's count is the sum of its buckets.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/observe/counter.h"
#include "gateway/observe/source_metrics.h"
#include "proto/http2_server.h"

namespace sluice::observe {

// Seconds, in buckets that suit a loop: 100 µs to 10 s.
class Histogram {
 public:
  using Duration = std::chrono::nanoseconds;
  static constexpr std::array<double, 10> bounds = {0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 1, 10};

  void observe(Duration duration);
  // Observations within bounds[index] but above the bound before it; index bounds.size(): above all.
  [[nodiscard]] std::uint64_t bucket(std::size_t index) const { return buckets_[index].value(); }
  [[nodiscard]] double sum() const { return static_cast<double>(nanoseconds_.value()) / 1e9; }

 private:
  std::array<Counter, bounds.size() + 1> buckets_;
  Counter nanoseconds_;
};

// A metric with one label whose values are an enum, up to its enumerator `last`: counters[Reason::slow].add().
template <auto last>
class CountersBy {
 public:
  using Label = decltype(last);
  static constexpr std::size_t count = static_cast<std::size_t>(last) + 1;
  [[nodiscard]] Counter& operator[](Label label) { return counters_[static_cast<std::size_t>(label)]; }
  [[nodiscard]] const Counter& operator[](Label label) const { return counters_[static_cast<std::size_t>(label)]; }

 private:
  std::array<Counter, count> counters_;
};

// The label values; metrics.cc names each. A new last one is named in WorkerMetrics too.
// Why a stream ended; the access log says the same words.
enum class EndReason : std::uint8_t {
  complete,         // the response was sent whole
  peer_cancelled,   // the peer reset the stream
  connection_lost,  // the transport ended under it
  slow,             // backlog and no byte accepted for limits.stall_timeout; or it held most of a memory nearly full
  busy,             // over a limit: told when to come back
  drain,            // the gateway goes down
};
[[nodiscard]] std::string_view name(EndReason reason);
// Value for value topic::GapReason, which this room does not know.
enum class GapReason : std::uint8_t {
  trimmed,
  slow_consumer,
  unknown_epoch,
  unknown_position,
  no_position,
  recreated,
  source_lost,
  too_many_topics,
};
// load::BusyReason, in its order.
enum class BusyReason : std::uint8_t { connections, streams, memory, accept_rate, descriptors };
enum class Handshake : std::uint8_t { full, resumed, failed, timeout };
enum class Limit : std::uint8_t {
  connections,
  streams,
  handshakes,
  topics,
  topics_per_stream,
  history_bytes,
  event_size,
  body_size,
  bodies,
  events_per_body,
  lines_per_event,
  event_name,
  event_id,
  event_key,
  topic_name,
  last_event_id,
  mailbox,
  body_timeout,
  handshake_timeout,
  stall_timeout,
  idle_timeout,
  ping_timeout,
  descriptors,
  memory,
};
// By the key under `limits.`; nullopt: not one that is counted.
[[nodiscard]] std::optional<Limit> find_limit(std::string_view key);
// Answers to publish requests, by their class.
enum class PublishCode : std::uint8_t { ok, bad_request, unauthorized, forbidden, too_large, unsupported, unavailable };
[[nodiscard]] PublishCode publish_code(int status);

// One worker's, on cache lines of its own.
struct alignas(64) WorkerMetrics {
  Gauge connections, streams, handshakes_in_progress;
  Counter connections_opened, connections_closed;
  Counter connections_near_stream_limit;
  Counter streams_opened;
  CountersBy<EndReason::drain> streams_ended;
  Counter events_published, deliveries, bytes_sent, bytes_received, heartbeats, turn_flushes;
  CountersBy<PublishCode::unavailable> publish_requests;
  Counter publish_repeats;  // idempotency keys seen before
  CountersBy<GapReason::too_many_topics> gaps;
  CountersBy<proto::Glitch::header_timeout> glitches;
  CountersBy<Handshake::timeout> tls_handshakes;
  CountersBy<Limit::memory> limit_hits;
  CountersBy<BusyReason::descriptors> busy;
  Gauge retry_low_ms, retry_high_ms, retry_truncated;  // the first worker's: all draw from the same interval
  Counter retries_renewed;
  Counter events_conflated;
  Counter authorities_refused, origins_refused;
  Gauge mailbox_bytes;
  Gauge body_bytes;
  Gauge topics, history_entries, history_bytes;  // of the logs whose home this worker is: shared entries count once
  Histogram loop_lag;
};

// Of the whole process; written by the first worker.
struct LoadMetrics {
  static constexpr std::size_t resource_count = 8;  // load::Resource, in its order
  std::array<Gauge, resource_count> shares_percent;
  Gauge accept_rate;
};

class Metrics {
 public:
  // `workers`: each gets its own part; at least one.
  explicit Metrics(std::size_t workers) : workers_(workers) {}
  [[nodiscard]] WorkerMetrics& worker(std::size_t index) { return workers_.at(index); }
  [[nodiscard]] const std::deque<WorkerMetrics>& workers() const { return workers_; }
  [[nodiscard]] LoadMetrics& load() { return load_; }
  [[nodiscard]] const LoadMetrics& load() const { return load_; }
  // Before the threads start.
  SourceMetrics& add_source(const std::string& name) { return sources_.emplace_back(name); }
  [[nodiscard]] const std::deque<SourceMetrics>& sources() const { return sources_; }

 private:
  std::deque<WorkerMetrics> workers_;
  std::deque<SourceMetrics> sources_;
  LoadMetrics load_;
};

}  // namespace sluice::observe
