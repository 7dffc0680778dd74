#include "gateway/topic/start.h"

#include <algorithm>

namespace sluice::topic {

namespace {

// Where the ids are the engine's own and have no order: the entry with exactly that one.
Place search(const Topics& topics, const TopicLog& log, std::string_view position) {
  for (Offset offset = log.head(); offset != log.first(); --offset)
    if (log.at(offset - 1).position() == position) return {Place::Kind::here, offset};
  if (position == log.evicted_position()) return {Place::Kind::here, log.first()};
  return {topics.replays() ? Place::Kind::older : Place::Kind::malformed, 0};
}

Offset first_not_had(const PositionFormat& format, const TopicLog& log, std::string_view position) {
  Offset low = log.first(), high = log.head();
  while (low < high) {
    const Offset middle = low + (high - low) / 2;
    // Not had(): of vectors that is true of some entries behind the first of which it is not.
    if (format.compare(log.at(middle).position(), position) <= 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// Of vectors the log has all that follows only from its start on in every part; and a position that is ahead of it in
// one part only is ahead.
Place locate_vector(const Topics& topics, const TopicLog& log, std::string_view position) {
  const PositionFormat& format = topics.format();
  if (!(format.compare(position, log.evicted_position()) >= 0)) return {Place::Kind::older, 0};
  const Offset next = first_not_had(format, log, position);
  const std::string_view before =
      next == log.first() ? std::string_view(log.evicted_position()) : log.at(next - 1).position();
  const bool here = format.compare(position, topics.now_position(log)) <= 0;
  return {here ? Place::Kind::here : Place::Kind::ahead, next, format.compare(position, before) != 0};
}

Start oldest(const TopicLog& log, std::optional<GapReason> gap = {}) {
  return {.next = log.first(), .after = log.evicted_through(), .gap = gap};
}

GapReason reason_of(Place::Kind kind) {
  switch (kind) {
    case Place::Kind::older:
      return GapReason::trimmed;
    case Place::Kind::foreign:
      return GapReason::unknown_epoch;
    default:
      return GapReason::unknown_position;
  }
}

// The position of the log that begins first: nothing before it is sent.
std::string lowest_position(const PositionFormat& format, std::span<TopicLog* const> logs,
                            const std::vector<Start>& starts) {
  std::size_t lowest = 0;
  for (std::size_t index = 1; index != starts.size(); ++index)
    if (starts[index].after < starts[lowest].after) lowest = index;
  return format.text_of(starts[lowest].after).value_or(logs[lowest]->evicted_position());
}

PartStart from_oldest(const Topics& topics, std::span<TopicLog* const> logs, std::optional<GapReason> gap) {
  PartStart start;
  start.gap = gap;
  if (topics.replays()) {
    start.kind = PartStart::Kind::replay;
    return start;
  }
  for (const TopicLog* log : logs) start.starts.push_back(oldest(*log, gap));
  start.position = lowest_position(topics.format(), logs, start.starts);
  return start;
}

PartStart since(const Topics& topics, std::span<TopicLog* const> logs, TimePoint arrived) {
  PartStart start;
  if (topics.replays()) {
    start.kind = PartStart::Kind::replay;
    return start;
  }
  for (const TopicLog* log : logs) {
    Start from = oldest(*log);
    while (from.next != log->head() && log->at(from.next).arrived() < arrived)
      from.after = log->at(from.next++).sequence();
    // What was evicted may have been younger.
    if (from.next == log->first() && log->first() != 0) from.gap = GapReason::trimmed;
    start.starts.push_back(from);
  }
  start.position = lowest_position(topics.format(), logs, start.starts);
  return start;
}

PartStart at_position(const Topics& topics, std::span<TopicLog* const> logs, const std::string& position, bool asked) {
  PartStart start;
  for (const TopicLog* log : logs) {
    const Place place = locate(topics, *log, position);
    switch (place.kind) {
      case Place::Kind::here: {
        const Sequence before = place.next == log->first() ? log->evicted_through() : log->sequence_at(place.next - 1);
        start.starts.push_back({place.next, topics.format().sequence_of(position).value_or(before), {}});
        if (place.filter) start.resumed = position;
        break;
      }
      case Place::Kind::foreign:
      case Place::Kind::malformed:
        return from_oldest(topics, logs, reason_of(place.kind));
      case Place::Kind::ahead:
        if (!topics.replays() && !asked) {
          start.kind = PartStart::Kind::ask_home;
          return start;
        }
        [[fallthrough]];
      case Place::Kind::older:
        if (topics.replays()) {
          start.kind = PartStart::Kind::replay;
          start.after = position;
          return start;
        }
        start.starts.push_back(oldest(*log, reason_of(place.kind)));
        break;
    }
  }
  start.position = lowest_position(topics.format(), logs, start.starts);
  return start;
}

}  // namespace

Place locate(const Topics& topics, const TopicLog& log, std::string_view position) {
  const PositionFormat& format = topics.format();
  switch (format.classify(position)) {
    case PositionFormat::Kind::foreign:
      return {Place::Kind::foreign, 0};
    case PositionFormat::Kind::malformed:
      return {Place::Kind::malformed, 0};
    case PositionFormat::Kind::known:
      break;
  }
  if (format.vectors()) return locate_vector(topics, log, position);
  const auto to_oldest = format.compare(position, log.evicted_position());
  if (to_oldest == std::partial_ordering::unordered) return search(topics, log, position);
  if (to_oldest < 0) return {Place::Kind::older, 0};
  if (format.compare(position, topics.now_position(log)) > 0) return {Place::Kind::ahead, log.head()};
  return {Place::Kind::here, first_not_had(format, log, position)};
}

PartStart find_start(const Topics& topics, std::span<TopicLog* const> logs, const Wish& wish, bool asked) {
  switch (wish.kind) {
    case Wish::Kind::now: {
      PartStart start;
      for (const TopicLog* log : logs) start.starts.push_back({log->head(), topics.applied(), {}});
      start.position = topics.now_position(*logs.front());
      return start;
    }
    case Wish::Kind::earliest:
      return from_oldest(topics, logs, {});
    case Wish::Kind::since:
      return since(topics, logs, wish.since_arrived);
    case Wish::Kind::no_position:
      return from_oldest(topics, logs, GapReason::no_position);
    case Wish::Kind::position:
      return at_position(topics, logs, wish.position, asked);
  }
  return {};
}

}  // namespace sluice::topic
