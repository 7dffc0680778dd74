#include "gateway/source/nats_jetstream.h"

#include <utility>

#include "gateway/source/passed_over.h"

namespace sluice::source {

using Kind = topic::PublishResult::Kind;

NatsJetStream::NatsJetStream(Context&& context)
    : config_(context.config),
      // What make_positions() made for this source.
      format_(static_cast<const StreamPositionFormat&>(context.format)),
      home_(context.home),
      metrics_(context.metrics),
      poison_(context.limits, context.metrics),
      mapping_(context.config, context.limits),
      handover_(context.post),
      follower_(mapping_, handover_, *this),
      requests_(context.config, mapping_, format_, handover_, poison_, context.metrics),
      life_(context, handover_) {}

void NatsJetStream::start(topic::TimePoint) {
  metrics_.lag.set(-1);
  requests_.start();
  life_.start([this](const NatsConnection& connection) { return serve(connection); });
}

void NatsJetStream::stop() {
  handover_.stop();
  life_.stop();
  requests_.stop();
}

std::string NatsJetStream::serve(const NatsConnection& connection) {
  const std::string server = life_.authority();
  NatsStream stream(connection, config_.stream, server);
  std::string why = follower_.follow(stream, [&] {
    requests_.use(connection, server);
    life_.set_up();
  });
  requests_.use(nullptr, server);
  handover_.answer([this](topic::TimePoint) { metrics_.lag.set(-1); });
  return why;
}

// --- From the stream -----------------------------------------------------------------------------------------------

void NatsJetStream::on_begin(const StreamPosition& position) {
  format_.set_current(position.incarnation);
  home_.start(position.text());
}

void NatsJetStream::on_recreated(const StreamPosition& position, topic::TimePoint now) {
  format_.set_current(position.incarnation);
  home_.restart(position.text(), topic::GapReason::recreated, now);
  metrics_.gaps.add();
}

void NatsJetStream::on_trimmed(const StreamPosition& position, topic::TimePoint now) {
  home_.lose(topic::GapReason::trimmed, position.text(), now);
  metrics_.gaps.add();
}

void NatsJetStream::on_arrivals(Incarnation incarnation, const std::vector<NatsArrival>& arrivals, std::uint64_t lag,
                                topic::TimePoint now) {
  metrics_.lag.set(static_cast<std::int64_t>(lag));
  PassedOver passed_over(home_);
  for (const NatsArrival& arrival : arrivals) {
    if (arrival.flaw != nullptr) poison_.count(arrival.flaw, config_.stream);
    if (arrival.topic.empty()) continue;
    const std::string position = StreamPosition{incarnation, arrival.sequence}.text();
    const auto topic = home_.open(arrival.topic, now);
    if (!topic) {
      poison_.count("limits.topics topics have state: passed over", config_.stream);
      passed_over.add(position);
      continue;
    }
    passed_over.tell(now);
    home_.append(*topic, position, arrival.event, now);
    metrics_.events.add();
  }
  passed_over.tell(now);
}

// --- To the stream -------------------------------------------------------------------------------------------------

void NatsJetStream::open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) {
  if (!may_have(topic)) return done(topic::OpenResult::unknown_topic);
  done(home_.open(topic, now) ? topic::OpenResult::opened : topic::OpenResult::too_many_topics);
}

void NatsJetStream::read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) {
  requests_.read(request, limits, std::move(done));
}

void NatsJetStream::publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint,
                            std::function<void(topic::PublishResult)> done) {
  if (!config_.publish) return done({.kind = Kind::not_publishable});
  const auto subject = mapping_.subjects().subject_of(topic);
  if (!subject) return done({.kind = Kind::unknown_topic});
  if (events.size() > 1)
    return done({.kind = Kind::refused,
                 .detail = "JetStream stores one message at a time, not several or none: one event per request"});
  if (events.empty()) return done({});
  requests_.publish(*subject, std::move(events.front()), std::move(done));
}

void NatsJetStream::pause() {
  metrics_.paused.add();
  handover_.pause();
}

}  // namespace sluice::source
