// PassedOver: events of a batch that have no topic because limits.topics topics have state. Wildcards are told where
// those stood: before the next event that has one, and at the end of the batch. So no gap shares its position with an
// event, behind which whoever is cut between the two would resume. Owned by a source, on its home worker's thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/topic/home.h"

namespace sluice::source {

class PassedOver {
 public:
  explicit PassedOver(topic::Home& home) : home_(home) {}

  // `position`: the event's; empty where positions are ours.
  void add(std::string_view position) { position_.emplace(position); }
  // Before an event is appended, and at the end of a batch.
  void tell(topic::TimePoint now) {
    if (position_) home_.pass_over(*std::exchange(position_, std::nullopt), now);
  }

 private:
  topic::Home& home_;
  std::optional<std::string> position_;  // of the last that nobody was told of
};

}  // namespace sluice::source
