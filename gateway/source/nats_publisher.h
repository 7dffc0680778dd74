// NatsPublisher: publishes into a JetStream stream, several messages in one round trip, and reads what JetStream answers
// to each: the sequence under which it is stored, a repeat of a message that it knows (Nats-Msg-Id), a refusal. Owned by
// NatsRequests, on its thread: it blocks. Invariant: a message is sent once, and answered once.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/source/nats_message.h"
#include "gateway/source/nats_position.h"
#include "gateway/topic/provider.h"

namespace sluice::source {

struct Publication {
  std::string subject;
  topic::Event event;
  std::function<void(topic::PublishResult)> done;
};

class NatsPublisher {
 public:
  using Answered = std::pair<std::function<void(topic::PublishResult)>, topic::PublishResult>;

  // Both outlive it.
  NatsPublisher(const NatsMapping& mapping, const StreamPositionFormat& format) : mapping_(mapping), format_(format) {}

  [[nodiscard]] std::vector<Answered> publish(const NatsConnection& connection,
                                              std::vector<Publication>&& publications);
  // Lets go of the connection.
  void forget();

  // What JetStream answered to a message (PubAck). Pure.
  [[nodiscard]] static topic::PublishResult result_of(std::string_view answer, Incarnation incarnation,
                                                      const std::string& subject);

 private:
  [[nodiscard]] natsStatus listen(const NatsConnection& connection);
  // Sends it with a number by which its answer is known.
  [[nodiscard]] std::string send(std::size_t number, const Publication& publication);
  void collect(std::vector<Answered>& answered, const std::vector<Publication>& publications, std::size_t open);

  const NatsMapping& mapping_;
  const StreamPositionFormat& format_;
  NatsConnection connection_;
  std::string inbox_;  // "<inbox>.": followed by the number
  NatsSubscription answers_;
  std::size_t numbers_ = 0;  // given so far
};

}  // namespace sluice::source
