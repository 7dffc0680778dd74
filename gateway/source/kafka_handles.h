// Owners of librdkafka's C objects: every handle is a unique_ptr with a stateless deleter. A client goes after whatever
// was made of it. Invariant: none is null once it is made.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>

namespace sluice::source {

template <auto destroy>
struct KafkaDestroy {
  template <class Object>
  void operator()(Object* object) const noexcept {
    destroy(object);
  }
};
// We are in no group that would have to be left, and nothing is flushed.
inline void destroy_kafka_client(rd_kafka_t* client) noexcept {
  rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

using KafkaClient = std::unique_ptr<rd_kafka_t, KafkaDestroy<destroy_kafka_client>>;
using KafkaTopicHandle = std::unique_ptr<rd_kafka_topic_t, KafkaDestroy<rd_kafka_topic_destroy>>;
using KafkaQueueHandle = std::unique_ptr<rd_kafka_queue_t, KafkaDestroy<rd_kafka_queue_destroy>>;
using KafkaEventHandle = std::unique_ptr<rd_kafka_event_t, KafkaDestroy<rd_kafka_event_destroy>>;
using KafkaPartitions =
    std::unique_ptr<rd_kafka_topic_partition_list_t, KafkaDestroy<rd_kafka_topic_partition_list_destroy>>;
using KafkaPartitionHandle =
    std::unique_ptr<rd_kafka_topic_partition_t, KafkaDestroy<rd_kafka_topic_partition_destroy>>;
using KafkaHeaders = std::unique_ptr<rd_kafka_headers_t, KafkaDestroy<rd_kafka_headers_destroy>>;

}  // namespace sluice::source
