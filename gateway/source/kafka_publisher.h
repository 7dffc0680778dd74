// KafkaPublisher: writes events into the topic, each acknowledged by all in-sync replicas, in order, none twice through
// retries (enable.idempotence); partitions as Java's clients choose them, by key. Owned by Kafka, on its loop's thread.
// Invariant: every publication is answered once, after its acknowledgement, or with what is known of its fate.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "gateway/source/kafka_client.h"
#include "gateway/source/kafka_message.h"
#include "gateway/source/kafka_queue.h"
#include "gateway/topic/provider.h"

namespace sluice::source {

class KafkaPublisher {
 public:
  using Done = std::function<void(topic::PublishResult)>;

  // All outlive it. Throws std::runtime_error with what librdkafka has against the keys.
  KafkaPublisher(const config::Source& config, const KafkaMapping& mapping, boost::asio::io_context& io);

  // `topic`: a full name that the source may have.
  void publish(const std::string& topic, const topic::Event& event, Done done);
  void stop();

 private:
  void begin();
  // An idempotent producer has lost its order, or may not be one: only a new one may write.
  [[nodiscard]] bool is_broken() const;
  void on_event(rd_kafka_event_t* event);
  void on_delivery(const rd_kafka_message_t& message);

  const config::Source& config_;
  const KafkaMapping& mapping_;
  boost::asio::io_context& io_;
  KafkaClient client_;
  std::unique_ptr<KafkaQueue> queue_;
  std::unordered_map<std::uintptr_t, Done> waiting_;  // by the opaque of their message
  std::uintptr_t last_ = 0;
};

}  // namespace sluice::source
