// What a Kafka message becomes, and what an event becomes as a message: value → data, key → the event's key, header
// `event` → its name, or what the source's `map.*` keys say: a header's name, or a JSON pointer into the value. A null
// value is an event with empty data. Immutable, for any thread. Counts and logs nothing: a flaw goes with the arrival.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/source/kafka_handles.h"
#include "gateway/topic/event.h"

namespace sluice::source {

struct KafkaArrival {
  std::string topic;           // empty: it is dropped
  topic::Event event;          // sanitised
  const char* flaw = nullptr;  // why it was dropped, or delivered without something
};

class KafkaMapping {
 public:
  // Both outlive it.
  KafkaMapping(const config::Source& config, const config::Limits& limits) : config_(config), limits_(limits) {}

  // Not const: librdkafka parses a message's headers when they are asked for.
  [[nodiscard]] KafkaArrival arrival(rd_kafka_message_t& message) const;
  struct Publication {
    std::optional<std::string> key;
    KafkaHeaders headers;
    std::string why;  // not empty: the source would not read back this event from it
  };
  // `topic`: a full name that it may have.
  [[nodiscard]] Publication publication(const std::string& topic, const topic::Event& event) const;
  // Whether the source can have a topic of that full name.
  [[nodiscard]] bool may_have(std::string_view topic) const;

 private:
  [[nodiscard]] static std::optional<std::string> field(rd_kafka_message_t& message, const std::string& mapping);

  const config::Source& config_;
  const config::Limits& limits_;
};

}  // namespace sluice::source
