// Losses: announces, for an engine that keeps nothing, that something may be lost: a gap in every open topic, before
// whatever comes next there; topics that are opened later begin behind it. Owned by a source, on its home worker's
// thread. Invariant: a topic gets no second gap before it has got an event: an engine that fails for hours fills no
// ring.
#pragma once

#include <unordered_set>
#include <utility>
#include <vector>

#include "gateway/observe/source_metrics.h"
#include "gateway/topic/home.h"

namespace sluice::source {

class Losses {
 public:
  Losses(topic::Home& home, observe::SourceMetrics& metrics) : home_(home), metrics_(metrics) {}

  // Called when the engine is there again: who has subscribed while it was away is told as well.
  void announce(topic::TimePoint now) {
    const std::vector<topic::TopicIndex> topics = home_.all();
    std::unordered_set<topic::TopicIndex> told;
    for (const topic::TopicIndex topic : topics) {
      told.insert(topic);
      if (told_.contains(topic)) continue;
      home_.append_gap(topic, topic::GapReason::source_lost, {}, now);
      metrics_.gaps.add();
    }
    told_ = std::move(told);
    home_.lose_unopened(topic::GapReason::source_lost, {}, now);
  }
  // The topic is given an event.
  void on_event(topic::TopicIndex topic) {
    if (!told_.empty()) told_.erase(topic);
  }

 private:
  topic::Home& home_;
  observe::SourceMetrics& metrics_;
  std::unordered_set<topic::TopicIndex> told_;  // since their last event
};

}  // namespace sluice::source
