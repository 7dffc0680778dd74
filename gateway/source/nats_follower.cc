#include "gateway/source/nats_follower.h"

#include <algorithm>
#include <utility>

#include "gateway/source/nats_connection.h"

namespace sluice::source {

namespace {

using std::chrono::steady_clock;

// The consumer sends a heartbeat every second: it is gone (deleted with its stream, or moved) when three are missing.
constexpr std::chrono::milliseconds silence_max{3'500};
constexpr std::int64_t wait_milliseconds = 1'500;
// Retention does not overtake a place that is so many messages ahead of the stream's oldest within the interval, unless
// the server has more for us, which it says. Nearer to it, or later, a skip costs a question.
constexpr std::uint64_t safe_distance = 10'000;
constexpr std::chrono::seconds look_interval{5};
const std::string consumer_gone = "the consumer that followed the stream is gone: making another";
// A batch is one hand-over: enough to make its cost small beside the events'.
constexpr std::size_t batch_messages = 512, batch_bytes = 512UL * 1024;

}  // namespace

std::string NatsFollower::follow(NatsStream& stream, const std::function<void()>& up) {
  const auto state = stream.state();
  if (!state) return state.error().why;
  align(*state);
  const auto subscription = stream.follow(mapping_.subjects().filter(), place_);
  if (!subscription) return subscription.error().why;
  count_ = 0;
  lag_ = state->last - place_;
  unsure_ = 1;
  before_oldest_ = state->before_oldest;
  looked_ = heard_ = steady_clock::now();
  up();
  for (;;) {
    if (handover_.wait_while_paused()) heard_ = steady_clock::now();
    Batch batch = take(subscription->get());
    std::string why = std::move(batch.why);
    const std::string flow_control = std::move(batch.flow_control);
    if (skips(batch) && may_be_trimmed()) {
      const auto now = stream.state();
      if (!now) return now.error().why;
      before_oldest_ = now->before_oldest;
      looked_ = steady_clock::now();
    }
    if (!hand_over(std::move(batch))) return {};
    if (why == consumer_gone)
      if (const auto now = stream.state(); !now) return now.error().why;
    if (!why.empty()) return why;
    if (flow_control.empty()) continue;
    // Not before the loop had room for what came before: no further does the server go ahead of us. If it has waited
    // for this answer, what it sends next is behind what is here already, and retention may have come in between.
    int waiting = 0;
    (void)natsSubscription_GetPending(subscription->get(), &waiting, nullptr);
    unsure_ = static_cast<std::uint64_t>(waiting) + 1;
    (void)natsConnection_Publish(stream.connection().get(), flow_control.c_str(), nullptr, 0);
  }
}

void NatsFollower::align(const StreamState& state) {
  if (!begun_) {
    begun_ = true;
    incarnation_ = state.incarnation;
    place_ = state.last;
    return handover_.answer([this, at = position()](topic::TimePoint) { visitor_.on_begin(at); });
  }
  if (state.incarnation != incarnation_ || state.last < place_) {
    // Another stream: all that it has is new to us. The same with an older end: what we had behind it is gone.
    place_ = state.incarnation != incarnation_ ? state.before_oldest : state.last;
    incarnation_ = state.incarnation;
    return handover_.answer([this, at = position()](topic::TimePoint now) { visitor_.on_recreated(at, now); });
  }
  if (state.before_oldest <= place_) return;
  place_ = state.before_oldest;
  handover_.answer([this, at = position()](topic::TimePoint now) { visitor_.on_trimmed(at, now); });
}

NatsFollower::Batch NatsFollower::take(natsSubscription* subscription) {
  Batch batch;
  std::size_t bytes = 0;
  while (batch.messages.size() != batch_messages && bytes < batch_bytes && batch.flow_control.empty()) {
    natsMsg* made = nullptr;
    const natsStatus status =
        natsSubscription_NextMsg(&made, subscription, batch.messages.empty() ? wait_milliseconds : 0);
    NatsMessage message(made);
    if (status == NATS_TIMEOUT) {
      if (steady_clock::now() - heard_ > silence_max) batch.why = consumer_gone;
      break;
    }
    if (status != NATS_OK) {
      batch.why = "the connection to nats is lost (" + nats_failure(status) + ")";
      break;
    }
    heard_ = steady_clock::now();
    const char* reply = natsMsg_GetReply(made);
    const auto delivery = parse_delivery(reply == nullptr ? "" : reply);
    if (!check(made, delivery)) {
      batch.why = "messages from nats are missing: asking for them again";
      break;
    }
    if (delivery) {
      bytes += static_cast<std::size_t>(natsMsg_GetDataLength(made));
      batch.messages.push_back({std::move(message), *delivery});
    } else if (reply != nullptr) {
      batch.flow_control = reply;
    } else {
      batch.flow_control = nats_header(made, "Nats-Consumer-Stalled");
    }
  }
  return batch;
}

bool NatsFollower::check(natsMsg* message, const std::optional<NatsDelivery>& delivery) {
  if (delivery) return delivery->count == ++count_;
  // A heartbeat says how many messages went before it.
  const auto sent = topic::parse_number(nats_header(message, "Nats-Last-Consumer"));
  return !sent || *sent == count_;
}

bool NatsFollower::skips(const Batch& batch) const {
  std::uint64_t before = place_;
  return std::ranges::any_of(batch.messages, [&before](const StreamMessage& message) {
    return std::exchange(before, message.delivery.sequence) + 1 != message.delivery.sequence;
  });
}

bool NatsFollower::may_be_trimmed() const {
  return lag_ != 0 || unsure_ != 0 || place_ < before_oldest_ + safe_distance ||
         steady_clock::now() - looked_ > look_interval;
}

bool NatsFollower::hand_over(Batch&& batch) {
  std::vector<NatsArrival> arrivals;
  std::size_t bytes = 0;
  for (const StreamMessage& each : batch.messages) {
    const std::uint64_t sequence = each.delivery.sequence;
    if (sequence != place_ + 1 && before_oldest_ > place_) {
      if (!put(std::exchange(arrivals, {}), std::exchange(bytes, 0))) return false;
      place_ = std::min(before_oldest_, sequence - 1);
      handover_.answer([this, at = position()](topic::TimePoint now) { visitor_.on_trimmed(at, now); });
    }
    place_ = sequence;
    lag_ = each.delivery.pending;
    unsure_ -= std::min<std::uint64_t>(unsure_, 1);
    arrivals.push_back(mapping_.arrival(each.message.get()));
    arrivals.back().sequence = sequence;
    bytes += static_cast<std::size_t>(natsMsg_GetDataLength(each.message.get()));
  }
  return put(std::move(arrivals), bytes);
}

bool NatsFollower::put(std::vector<NatsArrival>&& arrivals, std::size_t bytes) {
  if (arrivals.empty()) return !handover_.stopped();
  return handover_.put(bytes, [this, incarnation = incarnation_, arrivals = std::move(arrivals), lag = lag_](
                                  topic::TimePoint now) { visitor_.on_arrivals(incarnation, arrivals, lag, now); });
}

}  // namespace sluice::source
