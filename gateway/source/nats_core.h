// NatsCore: core NATS as a source: whoever publishes to the subject is heard while the connection lasts, and nothing is
// kept: positions are ours, and every time that something may have been lost is announced. Its thread reads the
// subscription and hands over batches; everything else runs on the home worker's thread.
// Invariant: after a loss (a lost connection, or libnats' own queue full) a gap comes before the next event.
#pragma once

#include <string>
#include <vector>

#include "gateway/source/losses.h"
#include "gateway/source/nats_life.h"
#include "gateway/source/nats_message.h"
#include "gateway/source/poison.h"

namespace sluice::source {

class NatsCore final : public Source {
 public:
  explicit NatsCore(Context&& context);
  ~NatsCore() override { NatsCore::stop(); }

  void start(topic::TimePoint now) override;
  void stop() override;
  [[nodiscard]] bool may_have(std::string_view topic) const override { return mapping_.may_have(topic); }
  void open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) override;
  // NATS does not wait: what the queue of the subscription cannot hold meanwhile is lost, and announced.
  void pause() override;
  void go_on() override { handover_.go_on(); }

 private:
  // --- Its thread
  [[nodiscard]] std::string serve(const NatsConnection& connection);
  [[nodiscard]] std::string read(natsSubscription* subscription);

  void append(const std::vector<NatsArrival>& arrivals, topic::TimePoint now);

  const config::Source& config_;
  topic::Home& home_;
  observe::SourceMetrics& metrics_;
  Poison poison_;
  Losses losses_;
  const NatsMapping mapping_;
  NatsHandover handover_;
  NatsLife life_;
};

}  // namespace sluice::source
