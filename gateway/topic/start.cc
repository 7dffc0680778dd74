#include "gateway/topic/start.h"

namespace sluice::topic {

std::optional<Sequence> known_sequence(const Topics& topics, std::string_view position) {
  const auto parsed = proto::parse_epoch_sequence(position);
  if (!parsed || parsed->epoch != topics.epoch()) return std::nullopt;
  return parsed->sequence;
}

bool can_start(const Topics& topics, const Wish& wish) {
  if (wish.kind != Wish::Kind::position) return true;
  const auto sequence = known_sequence(topics, wish.position);
  return !sequence || *sequence <= topics.applied() || *sequence > topics.last();
}

Start find_start(const Topics& topics, const TopicLog& log, const Wish& wish) {
  const Start oldest{.next = log.first(), .after = log.evicted_through(), .gap = {}};
  const auto oldest_with = [&](GapReason reason) {
    Start start = oldest;
    start.gap = reason;
    return start;
  };
  switch (wish.kind) {
    case Wish::Kind::now:
      return {.next = log.head(), .after = topics.applied(), .gap = {}};
    case Wish::Kind::earliest:
      return oldest;
    case Wish::Kind::no_position:
      return oldest_with(GapReason::no_position);
    case Wish::Kind::position:
      break;
  }
  const auto parsed = proto::parse_epoch_sequence(wish.position);
  if (!parsed) return oldest_with(GapReason::unknown_position);
  if (parsed->epoch != topics.epoch()) return oldest_with(GapReason::unknown_epoch);
  if (parsed->sequence > topics.applied()) return oldest_with(GapReason::unknown_position);
  if (parsed->sequence < log.evicted_through()) return oldest_with(GapReason::trimmed);
  return {.next = log.after(parsed->sequence), .after = parsed->sequence, .gap = {}};
}

}  // namespace sluice::topic
