// One JetStream stream over one connection: its state, a consumer that follows it, consumers that read its past. Every
// call blocks until the server has answered, or for 4 s: for the source's own threads, each with an object of its own.
// Consumers are ephemeral and unacknowledged, kept in the server's memory and forgotten by it when nobody reads:
// nothing is left behind in the stream. Invariant: no call hands over a message twice or out of the stream's order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/system/result.hpp>

#include "gateway/source/nats_handles.h"
#include "gateway/source/nats_message.h"
#include "gateway/source/nats_position.h"

namespace sluice::source {

struct StreamState {
  Incarnation incarnation = 0;
  std::uint64_t before_oldest = 0;  // the sequence before the oldest message that there is
  std::uint64_t last = 0;           // of the newest that there ever was
};

struct StreamMessage {
  NatsMessage message;
  NatsDelivery delivery;
};

// For a person, with the remedy where there is one.
struct NatsFailure {
  std::string why;
};
template <class Value>
using NatsResult = boost::system::result<Value, NatsFailure>;

class NatsStream {
 public:
  NatsStream(NatsConnection connection, std::string name, std::string server);

  [[nodiscard]] NatsResult<StreamState> state();
  // Every message of the filter (empty: of the stream) after a sequence, and those to come. Between them the server's
  // own: heartbeats every second, and flow control, which asks for an answer before it goes on.
  [[nodiscard]] NatsResult<NatsSubscription> follow(const std::string& filter, std::uint64_t after);

  // Where a read begins: behind `after`, or at the first message that came no earlier than `since`.
  struct From {
    std::uint64_t after = 0;
    std::optional<std::int64_t> since_nanoseconds = {};
  };
  struct Batch {
    std::vector<StreamMessage> messages;
    bool at_end = false;  // there were no more
  };
  // At most `entries` messages and, but for the first, at most `bytes`.
  [[nodiscard]] NatsResult<Batch> read(const std::string& filter, const From& from, std::size_t entries,
                                       std::size_t bytes);

  [[nodiscard]] const NatsConnection& connection() const { return connection_; }

 private:
  struct Consumer {
    std::string name;
    std::string filter;
    std::uint64_t at = 0;  // the sequence that it gave last
  };
  [[nodiscard]] NatsResult<Consumer> add_consumer(jsConsumerConfig& config, const std::string& filter);
  [[nodiscard]] NatsFailure explain(natsStatus status, jsErrCode code) const;
  [[nodiscard]] natsStatus listen();
  // Both: nullopt when it is done.
  [[nodiscard]] std::optional<NatsFailure> begin_read(const std::string& filter, const From& from);
  [[nodiscard]] std::optional<NatsFailure> pull_page(std::size_t entries, std::size_t bytes, Batch& batch);
  [[nodiscard]] std::optional<NatsFailure> pull(std::size_t count, std::size_t bytes, Batch& batch);

  const NatsConnection connection_;
  const std::string name_, server_;
  JetStreamContext context_;
  // The consumer that read last stays for who reads on.
  std::optional<Consumer> reading_;
  std::string inbox_;
  NatsSubscription answers_;
};

}  // namespace sluice::source
