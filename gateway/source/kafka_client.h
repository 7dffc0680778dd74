// KafkaClients: librdkafka's clients as a source needs them: made of its keys, and the questions that block until the
// cluster has answered or `patience` has passed. Stateless; questions are asked on a KafkaThread, never on a loop.
// Invariant: no client of ours is ever in a consumer group, moves by itself to another offset, or makes a topic.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/source/kafka_handles.h"
#include "gateway/source/kafka_ranges.h"

namespace sluice::source {

enum class KafkaRole : std::uint8_t {
  follower,   // of what is written from now on
  reader,     // of pages of the past
  publisher,  // acknowledged by all replicas, in order, none twice
};
// Who hears of errors that are no partition's, from inside the calls that take messages. None: they come as events.
struct KafkaErrors {
  void (*tell)(rd_kafka_t*, int code, const char* why, void* whom) = nullptr;
  void* whom = nullptr;
};
// Throws std::runtime_error with what librdkafka has against the keys.
[[nodiscard]] KafkaClient make_kafka_client(const config::Source& config, KafkaRole role, KafkaErrors errors = {});
// Throws std::invalid_argument: what can be found wrong without a cluster.
void check_kafka(const config::Source& config);

struct KafkaRanges {
  std::vector<KafkaRange> partitions;
  std::string why;  // not empty: there is no answer, for a person
};
inline constexpr std::chrono::milliseconds kafka_patience{3000};

// Of all partitions of the topic.
[[nodiscard]] KafkaRanges ask_kafka_ranges(rd_kafka_t* client, const std::string& topic);
// Of each partition the first offset at or after a time, or its end. `ranges`: what it has; empty: no answer.
[[nodiscard]] std::vector<KafkaOffset> ask_kafka_offsets(rd_kafka_t* client, const std::string& topic,
                                                         const std::vector<KafkaRange>& ranges,
                                                         std::chrono::system_clock::time_point since);
// Reads each of these partitions from after its place on, and no other. Empty: done; else why not.
[[nodiscard]] std::string assign_kafka(rd_kafka_t* client, const std::string& topic,
                                       const std::vector<KafkaPosition::Place>& places);

}  // namespace sluice::source
