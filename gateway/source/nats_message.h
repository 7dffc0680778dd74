// What a NATS message becomes, and what an event becomes as a message: subject → topic, payload → data, headers `event`
// and `key`, or what the source's `map.*` keys say: a header's name, or a JSON pointer into the payload. Immutable, for
// any thread. Counts and logs nothing: a flaw goes with the arrival to the loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/source/nats_handles.h"
#include "gateway/source/nats_subject.h"
#include "gateway/topic/event.h"

namespace sluice::source {

struct NatsArrival {
  std::uint64_t sequence = 0;  // in its stream
  std::string topic;           // empty: it is dropped
  topic::Event event;          // sanitised
  const char* flaw = nullptr;  // why it was dropped, or delivered without something
};

class NatsMapping {
 public:
  // Both outlive it.
  NatsMapping(const config::Source& config, const config::Limits& limits);

  [[nodiscard]] NatsArrival arrival(natsMsg* message) const;
  // The message that will come back as this event. nullptr: `why` says for a person what is wrong with it.
  [[nodiscard]] NatsMessage publication(const std::string& subject, const std::string& reply, const topic::Event& event,
                                        std::string& why) const;
  // Whether the source can have a topic of that full name, or one that the pattern matches.
  [[nodiscard]] bool may_have(std::string_view topic) const;
  [[nodiscard]] const SubjectMap& subjects() const { return subjects_; }
  [[nodiscard]] const config::Source& config() const { return config_; }
  // Topics are named by the messages, not by their subjects.
  [[nodiscard]] bool maps_topics() const { return !config_.map.topic.empty(); }

 private:
  [[nodiscard]] std::optional<std::string> topic_of(natsMsg* message, std::string_view payload) const;

  const config::Source& config_;
  const config::Limits& limits_;
  const SubjectMap subjects_;
};

// Where a message stands: what JetStream writes into the reply subject of each that it delivers.
struct NatsDelivery {
  std::uint64_t sequence = 0;     // in the stream
  std::uint64_t count = 0;        // in the consumer: 1, 2, 3, …
  std::uint64_t nanoseconds = 0;  // since 1970, when the stream took it
  std::uint64_t pending = 0;      // messages that the consumer has still to get
};
// "$JS.ACK.<stream>.<consumer>.<tries>.<sequence>.<count>.<time>.<pending>", or since server 2.10 the same with domain
// and account after ACK and perhaps more at the end (NATS ADR-15). nullopt: not from a consumer.
[[nodiscard]] std::optional<NatsDelivery> parse_delivery(std::string_view reply);

}  // namespace sluice::source
