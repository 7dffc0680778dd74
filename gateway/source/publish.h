// Publish: the source that has no engine: events come by POST, history is this node's, in memory. Topics open on first
// use. An acknowledged publish is in the log of this process, survives nothing else (docs/durability.md).
// Invariant: a batch is appended whole, or not at all.
#pragma once

#include "gateway/source/source.h"

namespace sluice::source {

class Publish final : public Source {
 public:
  explicit Publish(Context&& context) : home_(context.home), metrics_(context.metrics) {}

  void start(topic::TimePoint now) override;
  void open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) override;
  void publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint now,
               std::function<void(topic::PublishResult)> done) override;

 private:
  topic::Home& home_;
  observe::SourceMetrics& metrics_;
};

}  // namespace sluice::source
