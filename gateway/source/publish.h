// Publish: the source that has no engine: events come by POST, history is this node's, in memory. Topics open on first
// use. An acknowledged publish is in the log of this process, survives nothing else (docs/configuration.md says so).
// Invariant: a batch is appended whole, or not at all.
#pragma once

#include "gateway/source/source.h"

namespace sluice::source {

class Publish final : public Source {
 public:
  explicit Publish(topic::Home& home) : home_(home) {}

  void start(topic::TimePoint now) override;
  void stop() override { state_ = State::stopped; }
  [[nodiscard]] State state() const override { return state_; }
  void open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) override;
  void publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint now,
               std::function<void(topic::PublishResult)> done) override;

 private:
  topic::Home& home_;
  State state_ = State::starting;
};

}  // namespace sluice::source
