// KafkaPages: reads pages of a topic's past, up to what its partitions held when it began, with a client and a thread
// of its own, so that they neither hold up the present nor move its place. The next page of a walk through the past
// goes on in what librdkafka has read ahead. Owned by Kafka; asked on the home worker's thread, answers there.
// Invariant: every read is answered once, however long the cluster is away; until stop().
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "gateway/source/backoff.h"
#include "gateway/source/kafka_client.h"
#include "gateway/source/kafka_message.h"
#include "gateway/source/kafka_ranges.h"
#include "gateway/source/kafka_thread.h"
#include "gateway/topic/page.h"

namespace sluice::source {

class KafkaPages {
 public:
  // All outlive it.
  KafkaPages(const config::Source& config, const KafkaMapping& mapping, std::function<void(std::function<void()>)> post,
             std::uint64_t seed);

  void read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done);
  void stop() { thread_.stop(); }
  void ask_to_stop() { thread_.ask_to_stop(); }

 private:
  // All on the thread.
  void serve(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone&& done);
  // False: no answer from the cluster.
  [[nodiscard]] bool begin(const topic::ReadRequest& request, topic::Page& page);
  // False: it came to nothing.
  [[nodiscard]] bool collect(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::Page& page);
  // Takes what librdkafka has; whether the walk can go on.
  [[nodiscard]] bool take(rd_kafka_event_t* event, const topic::ReadRequest& request, topic::Page& page);
  void take(rd_kafka_message_t& message, const topic::ReadRequest& request, topic::Page& page);
  void close_client();

  const config::Source& config_;
  const KafkaMapping& mapping_;
  Backoff backoff_;
  KafkaClient client_;
  KafkaQueueHandle queue_;
  std::vector<KafkaRange> ranges_;    // as they were when the walk began
  std::set<KafkaPartition> open_;     // partitions that the walk has not read to their end
  KafkaPosition at_;                  // how far it has come
  std::size_t bytes_ = 0, rows_ = 0;  // of the page being read
  bool doubted_ = false;              // its topic seemed to be another one than it was
  KafkaThread thread_;
};

}  // namespace sluice::source
