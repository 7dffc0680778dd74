#include "gateway/source/nats_core.h"

#include <cstdint>
#include <utility>

#include "gateway/source/passed_over.h"

namespace sluice::source {

namespace {

// What libnats holds for us while the loop is behind; more is dropped, and announced.
constexpr int pending_bytes_max = 32 * 1024 * 1024, pending_messages_max = 1'000'000;
constexpr std::int64_t wait_milliseconds = 1'000, answer_milliseconds = 4'000;
// A batch is one hand-over: enough to make its cost small beside the events'.
constexpr std::size_t batch_messages = 512, batch_bytes = 512UL * 1024;

}  // namespace

NatsCore::NatsCore(Context&& context)
    : config_(context.config),
      home_(context.home),
      metrics_(context.metrics),
      poison_(context.limits, context.metrics),
      losses_(context.home, context.metrics),
      mapping_(context.config, context.limits),
      handover_(context.post),
      life_(context, handover_) {}

void NatsCore::start(topic::TimePoint) {
  life_.start([this](const NatsConnection& connection) { return serve(connection); });
}

void NatsCore::stop() {
  handover_.stop();
  life_.stop();
}

void NatsCore::open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) {
  if (!may_have(topic)) return done(topic::OpenResult::unknown_topic);
  done(home_.open(topic, now) ? topic::OpenResult::opened : topic::OpenResult::too_many_topics);
}

void NatsCore::pause() {
  metrics_.paused.add();
  handover_.pause();
}

std::string NatsCore::serve(const NatsConnection& connection) {
  natsSubscription* made = nullptr;
  natsStatus status = natsConnection_SubscribeSync(&made, connection.get(), config_.subject.c_str());
  const NatsSubscription subscription(made);
  if (status == NATS_OK) status = natsSubscription_SetPendingLimits(made, pending_messages_max, pending_bytes_max);
  // The server says by then whether we may.
  if (status == NATS_OK) status = natsConnection_FlushTimeout(connection.get(), answer_milliseconds);
  const char* last = nullptr;
  if (status == NATS_OK && natsConnection_GetLastError(connection.get(), &last) != NATS_OK)
    return "nats at " + life_.authority() + " refuses subject `" + config_.subject +
           "`: " + (last == nullptr ? "" : last);
  if (status != NATS_OK)
    return "nats at " + life_.authority() + ", subject `" + config_.subject + "`: " + nats_failure(status);
  life_.set_up();
  handover_.answer([this](topic::TimePoint now) { losses_.announce(now); });
  return read(made);
}

std::string NatsCore::read(natsSubscription* subscription) {
  // libnats tells of dropped messages before it gives those that waited before them: the gap comes behind those.
  std::size_t until_loss = 0;
  bool lost_again = false;
  const auto waiting = [subscription] {
    int messages = 0;
    return natsSubscription_GetPending(subscription, &messages, nullptr) == NATS_OK ? static_cast<std::size_t>(messages)
                                                                                    : 0;
  };
  for (;;) {
    std::vector<NatsArrival> batch;
    std::size_t bytes = 0;
    natsStatus status = NATS_OK;
    bool loss = false;
    while (status == NATS_OK && !loss && batch.size() != batch_messages && bytes < batch_bytes) {
      natsMsg* made = nullptr;
      status = natsSubscription_NextMsg(&made, subscription, batch.empty() ? wait_milliseconds : 0);
      const NatsMessage message(made);
      if (status != NATS_OK) break;
      batch.push_back(mapping_.arrival(made));
      bytes += static_cast<std::size_t>(natsMsg_GetDataLength(made));
      loss = until_loss != 0 && --until_loss == 0;
    }
    if (!batch.empty() &&
        !handover_.put(bytes, [this, batch = std::move(batch)](topic::TimePoint now) { append(batch, now); }))
      return {};
    if (status == NATS_SLOW_CONSUMER) {
      if (until_loss != 0)
        lost_again = true;
      else if ((until_loss = waiting()) == 0)
        loss = true;
    } else if (status != NATS_OK && status != NATS_TIMEOUT) {
      return "nats at " + life_.authority() + ": the connection is lost (" + nats_failure(status) + ")";
    }
    if (!loss) continue;
    handover_.answer([this](topic::TimePoint now) { losses_.announce(now); });
    if (std::exchange(lost_again, false)) until_loss = waiting();
  }
}

void NatsCore::append(const std::vector<NatsArrival>& arrivals, topic::TimePoint now) {
  PassedOver passed_over(home_);
  for (const NatsArrival& arrival : arrivals) {
    if (arrival.flaw != nullptr) poison_.count(arrival.flaw, config_.subject);
    if (arrival.topic.empty()) continue;
    const auto topic = home_.open(arrival.topic, now);
    if (!topic) {
      poison_.count("limits.topics topics have state: dropped", config_.subject);
      passed_over.add({});
      continue;
    }
    passed_over.tell(now);
    losses_.on_event(*topic);
    home_.append(*topic, arrival.event, now);
    metrics_.events.add();
  }
  passed_over.tell(now);
}

}  // namespace sluice::source
