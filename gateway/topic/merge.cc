#include "gateway/topic/merge.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "proto/sse.h"

namespace sluice::topic {

void Merge::add(Topics& topics, std::span<TopicLog* const> logs, const PartStart& start, std::string_view position,
                PagePtr page) {
  const bool own_positions = topics.format().per_topic();
  const bool replays = start.kind == PartStart::Kind::replay;
  if (parts_.empty() || parts_.back().topics != &topics || own_positions || replays)
    parts_.push_back({.topics = &topics,
                      .name = own_positions ? logs.front()->name() : topics.source(),
                      .position = std::string(position),
                      .resumed = {},
                      .beginning = own_positions ? logs.front()->beginning() : topics.beginning(),
                      .replay = {}});
  Part& part = parts_.back();
  if (!start.resumed.empty()) part.resumed = start.resumed;
  for (std::size_t index = 0; index != logs.size(); ++index) {
    Member& member = members_.emplace_back();
    member.part = parts_.size() - 1;
    const Start begin = index < start.starts.size() ? start.starts[index] : Start{.next = logs[index]->head()};
    member.gap = begin.gap;
    if (begin.gap == GapReason::unknown_position) part.is_unknown = true;
    member.gap_from = begin.gap ? std::string(position) : std::string();
    member.cursor.join(*logs[index], begin.next, begin.after, subscriber_);
  }
  if (!replays) return;
  part.replay = std::make_unique<Replay>();
  part.replay->after = start.after;
  part.replay->gap = start.gap;
  part.replay->gap_from = position;
  part.replay->missed = start.missed;
  part.replay->asked = page != nullptr;
  if (page) on_page(parts_.size() - 1, std::move(page));
}

void Merge::leave(TimePoint now) {
  for (Member& member : members_) {
    TopicLog* log = member.cursor.log();
    member.cursor.leave();
    parts_[member.part].topics->leave(*log, now);
  }
  members_.clear();
}

// --- What comes next -----------------------------------------------------------------------------------------------

std::optional<Sequence> Merge::Member::next() const {
  const TopicLog& log = *cursor.log();
  if (has_gap()) return Sequence{0};  // a loss is announced before any event
  if (cursor.next() == log.head()) return std::nullopt;
  return log.sequence_at(cursor.next());
}

void Merge::skip_had(const Part& part, Member& member) const {
  const TopicLog& log = *member.cursor.log();
  while (!member.has_gap() && member.cursor.next() != log.head() &&
         part.topics->format().had(part.resumed, log.at(member.cursor.next()).position()))
    member.cursor.skip();
}

void Merge::skip_had(const Part& part, Replay& replay) const {
  const auto& entries = replay.page->entries;
  while (replay.next != entries.size() && part.topics->format().had(part.resumed, entries[replay.next]->position()))
    ++replay.next;
}

const Merge::Member* Merge::only_member(const Part& part) const {
  if (!part.topics->format().per_topic()) return nullptr;
  return &*std::ranges::find_if(members_, [&](const Member& member) { return &parts_[member.part] == &part; });
}

std::uint32_t Merge::beginning(const Part& part) const {
  const Member* member = only_member(part);
  return member == nullptr ? part.topics->beginning() : member->cursor.log()->beginning();
}

bool Merge::began_anew(Part& part) {
  const std::uint32_t now = beginning(part);
  if (std::exchange(part.beginning, now) == now) return false;
  part.resumed.clear();
  const Member* member = only_member(part);
  if (member == nullptr || !part.replay) return true;
  part.replay = std::make_unique<Replay>();
  part.replay->after = member->cursor.log()->begun_position();
  part.replay->gap = GapReason::recreated;
  part.replay->gap_from = part.position;
  return true;
}

Merge::Choice Merge::select_live(std::size_t first, std::size_t count) {
  Choice best;
  Sequence best_sequence = 0;
  Part& part = parts_[members_[first].part];
  if (!part.resumed.empty()) (void)began_anew(part);
  if (conflate_above_ != 0) conflate(part, first, count);
  // A round that has begun is sent whole, before any topic of the part goes on or falls behind.
  for (std::size_t index = first; index != first + count; ++index)
    if (members_[index].round && !members_[index].gap) return {&members_[index], &part, TimePoint::min()};
  for (std::size_t index = first; index != first + count; ++index) {
    Member& member = members_[index];
    if (!part.resumed.empty()) skip_had(part, member);
    if (member.cursor.has_gap() && part.topics->replays() && !member.round) {
      fall_behind(part);
      return {};
    }
    const auto next = member.next();
    if (!next || (best.member != nullptr && *next >= best_sequence)) continue;
    best_sequence = *next;
    best = {&member, &part, TimePoint::min()};
    if (!member.has_gap()) best.arrived = member.cursor.log()->at(member.cursor.next()).arrived();
  }
  return best;
}

Merge::Choice Merge::select() {
  Choice best;
  for (std::size_t first = 0; first != members_.size();) {
    std::size_t count = 1;
    while (first + count != members_.size() && members_[first + count].part == members_[first].part) ++count;
    Part& part = parts_[members_[first].part];
    if (part.replay && part.replay->page && !part.replay->gap) {
      if (!part.resumed.empty()) skip_had(part, *part.replay);
      if (part.replay->next == part.replay->page->entries.size()) end_page(part);
    }
    Choice choice;
    if (!part.replay) choice = select_live(first, count);
    if (part.replay && part.replay->page) choice = {nullptr, &part, TimePoint::min()};
    if (choice.part != nullptr && (best.part == nullptr || choice.arrived < best.arrived)) best = choice;
    first += count;
  }
  return best;
}

// --- Rounds --------------------------------------------------------------------------------------------------------

void Merge::begin_with(const TopicLog& log, RoundPtr round) {
  for (Member& member : members_)
    if (member.cursor.log() == &log) return begin_round(member, std::move(round));
}

void Merge::begin_round(Member& member, RoundPtr round) {
  member.before_round = member.cursor.sequence();
  member.cursor.move(round->next, round->through);
  member.round = std::move(round);
  member.round_next = 0;
  Part& part = parts_[member.part];
  part.missed.clear();  // by value nothing is
  if (part.base.empty() || member.round->through < part.base_through) {
    part.base = member.round->position;
    part.base_through = member.round->through;
  }
}

void Merge::conflate(Part& part, std::size_t first, std::size_t count) {
  if (!part.resumed.empty()) return;
  for (std::size_t index = first; index != first + count; ++index)
    if (members_[index].round || members_[index].gap) return;
  RoundPtr wanted;
  std::size_t slow = first;
  for (std::size_t index = first; !wanted && index != first + count; ++index) {
    const Cursor& cursor = members_[index].cursor;
    wanted = part.topics->conflate(*cursor.log(), cursor.sequence(), cursor.next(), conflate_above_);
    slow = index;
  }
  if (!wanted) return;
  std::vector<RoundPtr> rounds(count);
  rounds[slow - first] = std::move(wanted);
  for (std::size_t index = first; index != first + count; ++index) {
    const Cursor& cursor = members_[index].cursor;
    if (index == slow || cursor.next() == cursor.log()->head()) continue;
    rounds[index - first] = part.topics->changed(*cursor.log(), cursor.sequence(), cursor.next());
    if (!rounds[index - first]) return;  // it has lost what nobody knows the newest of: that is announced first
  }
  for (std::size_t index = first; index != first + count; ++index)
    if (rounds[index - first]) begin_round(members_[index], std::move(rounds[index - first]));
}

void Merge::close_round(Member& member) {
  Part& part = parts_[member.part];
  const RoundPtr round = std::exchange(member.round, nullptr);
  conflated_ += round->skipped - std::min<std::uint64_t>(round->skipped, round->entries.size());
  advance(part, round->through, round->position);
  if (const std::string now = id(); !now.empty()) proto::sse::append_id(text_, now);
  proto::sse::append_event(text_, round_event, round_data(*round, member.cursor.log()->name()));
}

bool Merge::has_lost() const {
  return std::ranges::any_of(members_, [this](const Member& member) {
    return member.cursor.has_gap() && !member.round && !parts_[member.part].replay;
  });
}

std::string Merge::id() const {
  if (parts_.size() == 1) return parts_.front().position;
  std::vector<proto::IdPartView> views;
  for (const Part& part : parts_)
    if (!part.position.empty()) views.push_back({part.name, part.position});
  std::string text;
  proto::append_event_id(text, views);
  return text;
}

// --- Gaps ----------------------------------------------------------------------------------------------------------

void Merge::advance(Part& part) {
  const TopicLog* loser = nullptr;
  for (const Member& member : members_) {
    if (&parts_[member.part] != &part) continue;
    const TopicLog& log = *member.cursor.log();
    if (loser == nullptr || log.evicted_through() > loser->evicted_through()) loser = &log;
  }
  advance(part, loser->evicted_through(), loser->evicted_position());
}

void Merge::advance(Part& part, Sequence lost, std::string_view position) {
  Sequence behind = std::numeric_limits<Sequence>::max();
  for (const Member& member : members_) {
    if (&parts_[member.part] != &part) continue;
    if (member.gap || (member.round && member.round->snapshot)) return;
    if (member.round)
      behind = std::min(behind, member.before_round);
    else if (member.cursor.has_gap())
      behind = std::min(behind, member.cursor.sequence());
    else if (const auto next = member.next())
      behind = std::min(behind, *next - 1);
  }
  const PositionFormat& format = part.topics->format();
  const auto to = format.text_of(std::min(lost, behind));
  if (!to) {  // only the engine names positions: that one, or none
    if (lost <= behind) part.position = part.position.empty() ? position : format.join(part.position, position);
    return;
  }
  const auto reached = part.is_unknown ? std::nullopt : format.sequence_of(part.position);
  if (reached && *reached >= std::min(lost, behind)) return;
  part.position = *to;
  part.is_unknown = false;
}

void Merge::announce_gap(Member& member) {
  const TopicLog& log = *member.cursor.log();
  Part& part = parts_[member.part];
  Gap gap{.topic = log.name(), .from = {}, .to = {}, .count = {}, .reason = GapReason::slow_consumer};
  std::string from = part.topics->format().text_of(member.cursor.sequence()).value_or(part.position);
  if (member.gap) {
    gap.reason = *member.gap;
    from = member.gap_from;
    member.gap.reset();
  }
  if (member.cursor.has_gap() && !member.round) gap.count = member.cursor.skip_gap();
  const std::string to = part.topics->format().text_of(log.evicted_through()).value_or(log.evicted_position());
  gap.from = from;
  gap.to = to;
  advance(part);
  ++gaps_;
  append_gap(text_, gap, id());
}

void Merge::announce_gap(Part& part) {
  Replay& replay = *part.replay;
  if (!part.resumed.empty()) skip_had(part, replay);
  // Who the page was not read for may be past its begin in a part of a vector.
  const bool own = replay.after == replay.page->after;
  const std::string to = own ? replay.page->from : part.topics->format().join(part.position, replay.page->from);
  // One topic may have lost what is newer than another's next event: the id waits for that one.
  const bool past_all = replay.next == replay.page->entries.size() ||
                        !(part.topics->format().compare(to, replay.page->entries[replay.next]->position()) >= 0);
  // While entries are filtered, those that the stream has had stand first and say nothing.
  if (past_all || !part.resumed.empty()) part.position = to;
  if (!part.resumed.empty()) part.resumed = part.position;
  // With the last of them the id moves: who is cut before that is told of all again.
  const Member* last = nullptr;
  for (const Member& member : members_)
    if (&parts_[member.part] == &part) last = &member;
  for (const Member& member : members_) {
    if (&parts_[member.part] != &part) continue;
    const Gap gap{
        .topic = member.cursor.log()->name(), .from = replay.gap_from, .to = to, .count = {}, .reason = *replay.gap};
    if (&member == last)
      append_gap(text_, gap, id());
    else
      proto::sse::append_event(text_, gap_event, gap_data(gap));
    ++gaps_;
  }
  replay.gap.reset();
}

std::size_t Merge::held_bytes() const {
  // An entry of a page that is still here is the page's.
  std::size_t bytes = replayed_ && replayed_.use_count() == 1 ? replayed_->footprint() : 0;
  for (const Part& part : parts_)
    if (part.replay && part.replay->page)
      bytes += part.replay->page->footprint() / static_cast<std::size_t>(part.replay->page.use_count());
  for (const Member& member : members_) {
    bytes += member.cursor.held_bytes();
    if (member.round) bytes += member.round->footprint / static_cast<std::size_t>(member.round.use_count());
  }
  return bytes;
}

// --- Rendering -----------------------------------------------------------------------------------------------------

std::size_t Merge::current_rest() const {
  return text_.size() - text_sent_ + (current_ == nullptr ? 0 : current_->cursor.pinned_rest()) +
         (replayed_ ? replayed_->size() - replayed_sent_ : 0);
}

bool Merge::pending() {
  if (!at_boundary()) return true;
  return !stopped_ && select().part != nullptr;
}

bool Merge::is_announced_again(const Member& member) const {
  const TopicLog& log = *member.cursor.log();
  const Offset next = member.cursor.next();
  if (!log.at(next).is_gap()) return false;
  return log.is_sent_without_id(next) || std::ranges::any_of(members_, [&](const Member& other) {
           const TopicLog& others = *other.cursor.log();
           return &other != &member && other.part == member.part && !other.has_gap() &&
                  other.cursor.next() != others.head() &&
                  others.at(other.cursor.next()).position() == log.at(next).position();
         });
}

std::uint32_t Merge::begin_entry(Part& part, const Entry& entry) {
  bool own_id = parts_.size() == 1;
  if (part.resumed.empty()) {
    part.position.assign(entry.position());
  } else {
    part.position = part.topics->format().join(part.resumed, entry.position());
    if (part.position == entry.position()) {
      part.resumed.clear();
    } else {
      own_id = false;
      part.resumed = part.position;
    }
  }
  if (own_id) return 0;
  proto::sse::append_id(text_, id());
  return entry.id_size();
}

std::uint32_t Merge::render(std::size_t room, ByteBuffer& out) {
  std::uint32_t completed = 0;
  while (room != 0) {
    if (!at_boundary())
      room -= copy_begun(room, out, completed);
    else if (stopped_ || !begin_next())
      break;
  }
  return completed;
}

std::size_t Merge::copy_begun(std::size_t room, ByteBuffer& out, std::uint32_t& completed) {
  if (!text_.empty()) {
    const std::size_t size = std::min(room, text_.size() - text_sent_);
    out.append(std::string_view(text_).substr(text_sent_, size));
    text_sent_ += size;
    if (text_sent_ == text_.size()) {
      text_.clear();
      text_sent_ = 0;
      if (at_boundary()) ++completed;  // it was a gap, or the end of a round
    }
    return size;
  }
  if (current_ != nullptr) {
    const std::size_t size = std::min(room, current_->cursor.pinned_rest());
    completed += current_->cursor.read(out.extend(size));
    if (current_->cursor.at_boundary()) current_ = nullptr;
    return size;
  }
  const auto size = std::min<std::size_t>(room, replayed_->size() - replayed_sent_);
  out.append(replayed_->bytes().substr(replayed_sent_, size));
  replayed_sent_ += static_cast<std::uint32_t>(size);
  if (replayed_sent_ == replayed_->size()) {
    replayed_.reset();
    ++completed;
  }
  return size;
}

bool Merge::begin_next() {
  const Choice choice = select();
  if (choice.part == nullptr) return false;
  if (choice.member == nullptr)
    begin_replayed(*choice.part);
  else
    begin_live(*choice.part, *choice.member);
  return true;
}

void Merge::begin_replayed(Part& part) {
  Replay& replay = *part.replay;
  if (replay.gap) return announce_gap(part);
  replayed_ = replay.page->entries[replay.next++];
  replayed_sent_ = begin_entry(part, *replayed_);
}

void Merge::begin_live(Part& part, Member& member) {
  if (member.round && !member.gap) {
    if (member.round_next == member.round->entries.size()) return close_round(member);
    replayed_ = member.round->entries[member.round_next++];
    replayed_sent_ = replayed_->id_size();  // without its id
    return;
  }
  if (member.has_gap()) return announce_gap(member);
  const TopicLog& log = *member.cursor.log();
  const Entry& entry = log.at(member.cursor.next());
  const std::uint32_t skipped = is_announced_again(member) ? entry.id_size() : begin_entry(part, entry);
  member.cursor.take(skipped);
  current_ = &member;
}

std::vector<std::string_view> Merge::topic_names() const {
  std::vector<std::string_view> names;
  for (const Member& member : members_) names.push_back(member.cursor.log()->name());
  return names;
}

}  // namespace sluice::topic
