// NatsJetStream: a JetStream stream as a source: its messages in the stream's order, from every topic that their
// subjects make, resumed on any node by the stream's own sequence. Two threads: one keeps the connection and follows the
// stream (NatsLife, NatsFollower), one reads the past and publishes (NatsRequests). What is here runs on the home
// worker's thread. Invariant: positions rise; after a loss, or when the stream is another one, a gap comes first.
#pragma once

#include <string>
#include <vector>

#include "gateway/source/nats_follower.h"
#include "gateway/source/nats_life.h"
#include "gateway/source/nats_requests.h"

namespace sluice::source {

class NatsJetStream final : public Source, private NatsFollowerVisitor {
 public:
  explicit NatsJetStream(Context&& context);
  ~NatsJetStream() override { NatsJetStream::stop(); }

  void start(topic::TimePoint now) override;
  void stop() override;
  [[nodiscard]] bool may_have(std::string_view topic) const override { return mapping_.may_have(topic); }
  void open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) override;
  void publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint now,
               std::function<void(topic::PublishResult)> done) override;
  void read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) override;
  void pause() override;
  void go_on() override { handover_.go_on(); }

 private:
  void on_begin(const StreamPosition& position) override;
  void on_recreated(const StreamPosition& position, topic::TimePoint now) override;
  void on_trimmed(const StreamPosition& position, topic::TimePoint now) override;
  void on_arrivals(Incarnation incarnation, const std::vector<NatsArrival>& arrivals, std::uint64_t lag,
                   topic::TimePoint now) override;
  // The life's thread.
  [[nodiscard]] std::string serve(const NatsConnection& connection);

  const config::Source& config_;
  const StreamPositionFormat& format_;
  topic::Home& home_;
  observe::SourceMetrics& metrics_;
  Poison poison_;
  const NatsMapping mapping_;
  NatsHandover handover_;
  NatsFollower follower_;
  NatsRequests requests_;
  NatsLife life_;
};

}  // namespace sluice::source
