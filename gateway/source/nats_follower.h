// NatsFollower: keeps a JetStream source's place: where in the stream it is, what a new connection finds there (the
// stream as it was, trimmed past our place, or made anew), and every message from there on, in order and once. Owned by
// the source; works on the thread of its NatsLife and hands over to the visitor on the loop.
// Invariant: a message behind the place is handed over, or a loss that covers it, before any later one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/source/nats_handover.h"
#include "gateway/source/nats_stream.h"

namespace sluice::source {

// On the home worker's thread, in this order: on_begin(), then any of the others.
class NatsFollowerVisitor {
 public:
  // The concrete end of the stream: what comes is behind it.
  virtual void on_begin(const StreamPosition& position) = 0;
  // The stream is another one now, or has lost its end; what comes is behind this position.
  virtual void on_recreated(const StreamPosition& position, topic::TimePoint now) = 0;
  // Retention took what was up to this position before we had it.
  virtual void on_trimmed(const StreamPosition& position, topic::TimePoint now) = 0;
  // `lag`: what the stream had more when it gave the last of them.
  virtual void on_arrivals(Incarnation incarnation, const std::vector<NatsArrival>& arrivals, std::uint64_t lag,
                           topic::TimePoint now) = 0;

 protected:
  ~NatsFollowerVisitor() = default;
};

class NatsFollower {
 public:
  // All outlive it.
  NatsFollower(const NatsMapping& mapping, NatsHandover& handover, NatsFollowerVisitor& visitor)
      : mapping_(mapping), handover_(handover), visitor_(visitor) {}

  // Blocks: finds the place in the stream and calls `up` when it stands there, then follows, until the connection or
  // the consumer is lost. Returns why.
  [[nodiscard]] std::string follow(NatsStream& stream, const std::function<void()>& up);

 private:
  // Messages that were there together, at most a batch of them.
  struct Batch {
    std::vector<StreamMessage> messages;
    std::string flow_control;  // asks for an answer once they are taken
    std::string why;           // it is over
  };
  void align(const StreamState& state);
  [[nodiscard]] Batch take(natsSubscription* subscription);
  // False: messages are missing.
  [[nodiscard]] bool check(natsMsg* message, const std::optional<NatsDelivery>& delivery);
  // Sequences are missing: messages of other subjects, deleted ones, or some that retention took before us, ...
  [[nodiscard]] bool skips(const Batch& batch) const;
  // ... which needs a look at where the stream begins.
  [[nodiscard]] bool may_be_trimmed() const;
  // False: stopped.
  [[nodiscard]] bool hand_over(Batch&& batch);
  [[nodiscard]] bool put(std::vector<NatsArrival>&& arrivals, std::size_t bytes);
  [[nodiscard]] StreamPosition position() const { return {incarnation_, place_}; }

  const NatsMapping& mapping_;
  NatsHandover& handover_;
  NatsFollowerVisitor& visitor_;
  bool begun_ = false;
  Incarnation incarnation_ = 0;
  std::uint64_t place_ = 0;  // of the last message handed over, or the last loss
  // Of the consumer that is followed.
  std::uint64_t count_ = 0;  // messages that it gave
  // Retention may have taken what it had not given yet: while it has more to give, and for so many messages.
  std::uint64_t lag_ = 0, unsure_ = 0;
  std::uint64_t before_oldest_ = 0;                       // where the stream began, ...
  std::chrono::steady_clock::time_point looked_, heard_;  // ... then
};

}  // namespace sluice::source
