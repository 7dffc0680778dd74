// Services: what the connections and streams of one worker share: configuration, the turn's time, staging buffers, the
// replicas of the topics, randomness, metrics. Built by the worker before its connections, outlives them; one thread.
#pragma once

#include <ctime>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/load/accept_rate.h"
#include "gateway/load/admission.h"
#include "gateway/load/retry.h"
#include "gateway/load/state.h"
#include "gateway/observe/metrics.h"
#include "gateway/topic/provider.h"
#include "gateway/topic/topics.h"
#include "proto/byte_buffer.h"

namespace sluice::serve {

class Connection;

// Whom to answer when something comes back from another thread: found again by id, never by pointer.
struct StreamAddress {
  std::uint64_t connection = 0;
  std::int32_t stream = 0;
};

// The way to a source's home worker and back. Answers arrive on the asking worker, in a later turn or in this call.
class Sources {
 public:
  // False: the source says at once that it has no such topic (topic::Provider::may_have()).
  [[nodiscard]] virtual bool may_have(topic::SourceIndex source, std::string_view topic) const = 0;
  // The same for wildcards over its topics.
  [[nodiscard]] virtual bool has_wildcards(topic::SourceIndex source) const = 0;
  // The stream's try_open() is to be called again at the end of each turn until it says true.
  virtual void await_open(StreamAddress asker) = 0;
  virtual void open(topic::SourceIndex source, const std::string& topic, StreamAddress asker) = 0;
  // Streams open on the other workers, a turn ago.
  [[nodiscard]] virtual std::uint64_t streams_elsewhere() const { return 0; }
  // Bytes of request bodies in progress, on every worker (Services::metrics.body_bytes of each).
  [[nodiscard]] virtual std::size_t body_bytes() const = 0;
  // Asks the source's home for a page of its past; answered by EventStream::on_page(part, …). What the home appended
  // before it answered is in this worker's logs by then.
  virtual void read(topic::SourceIndex source, topic::ReadRequest&& request, StreamAddress asker, std::size_t part) = 0;
  virtual void publish(topic::SourceIndex source, const std::string& topic, std::vector<topic::Event> events,
                       StreamAddress asker) = 0;

 protected:
  ~Sources() = default;
};

// CPU time of the calling thread since it began. Costs a system call.
[[nodiscard]] inline std::uint64_t thread_cpu_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

struct Services {
  Services(const config::Config& configuration, observe::WorkerMetrics& worker_metrics, Sources& to_sources,
           const load::State& load_state)
      : config(configuration),
        metrics(worker_metrics),
        sources(to_sources),
        load(load_state),
        retry(configuration.retry),
        admission(configuration.retry.min, configuration.retry.max, configuration.limits.accept_rate != 0),
        visit_interval(std::min(
            {std::chrono::milliseconds(5000), configuration.limits.stall_timeout / 4,
             configuration.heartbeat.count() == 0 ? std::chrono::milliseconds(5000) : configuration.heartbeat / 3})) {}
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  [[nodiscard]] topic::SourceIndex source_of(const topic::Topics& of) const {
    std::size_t index = 0;
    while (topics[index].get() != &of) ++index;
    return static_cast<topic::SourceIndex>(index);
  }

  const config::Config& config;
  observe::WorkerMetrics& metrics;
  Sources& sources;
  const load::State& load;  // of the whole process
  load::RetryHints retry;
  load::Admission admission;
  bool handshakes_scarce = false;   // most of limits.handshakes are in progress
  load::ArrivalCosts arrivals;      // on this worker; handshakes are its sockets' to count
  std::uint64_t backlog_bytes = 0;  // sealed, and not taken by sockets
  // Streams are visited this often: silence is bounded by `heartbeat` although no timer is kept per stream.
  const std::chrono::milliseconds visit_interval;
  std::vector<std::unique_ptr<topic::Topics>> topics;  // by source index
  std::mt19937_64 random{std::random_device{}()};

  topic::TimePoint now{};           // of this turn
  ByteBuffer plaintext{64 * 1024};  // what a connection's bytes decrypt to, while they are read
  ByteBuffer staging{128 * 1024};   // frames on their way into TLS records
  ByteBuffer rendered{32 * 1024};   // bytes of a stream over several topics, between prepare() and write_body()
  std::uint32_t burst_text = 0;     // between the same: bytes of the burst that are the stream's own text
  std::vector<Connection*> dirty;   // to be flushed at the end of this turn
  std::size_t parsed_bytes = 0;     // of request bodies, in this turn
  std::vector<StreamAddress> complete_bodies;  // of PublishStreams that wait for a later turn
  std::uint64_t streams = 0;                   // open on this worker
  bool draining = false;
};

}  // namespace sluice::serve
