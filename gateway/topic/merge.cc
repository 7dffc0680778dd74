#include "gateway/topic/merge.h"

#include <algorithm>
#include <limits>

#include "proto/sse.h"

namespace sluice::topic {

void Merge::add(Topics& topics, TopicLog& log, const Start& start, std::string_view position) {
  if (parts_.empty() || parts_.back().topics != &topics) parts_.push_back({&topics, std::string(position)});
  Member& member = members_.emplace_back();
  member.part = parts_.size() - 1;
  member.gap = start.gap;
  member.gap_from = start.gap ? std::string(position) : std::string();
  member.cursor.join(log, start.next, start.after, subscriber_);
}

void Merge::leave(TimePoint now) {
  for (Member& member : members_) {
    TopicLog* log = member.cursor.log();
    member.cursor.leave();
    parts_[member.part].topics->leave(*log, now);
  }
  members_.clear();
}

std::optional<Sequence> Merge::Member::next() const {
  const TopicLog& log = *cursor.log();
  if (has_gap()) return Sequence{0};  // a loss is announced before any event
  if (cursor.next() == log.head()) return std::nullopt;
  return log.sequence_at(cursor.next());
}

Merge::Member* Merge::select() {
  Member* best = nullptr;
  Sequence best_sequence = 0;
  const auto arrived = [](const Member& member) {
    return member.has_gap() ? TimePoint::min() : member.cursor.log()->at(member.cursor.next()).arrived();
  };
  std::size_t part = members_.size();
  Member* best_of_part = nullptr;
  const auto settle = [&] {  // the best of one source against the best so far, by arrival
    if (best_of_part != nullptr && (best == nullptr || arrived(*best_of_part) < arrived(*best))) best = best_of_part;
    best_of_part = nullptr;
  };
  for (Member& member : members_) {
    if (member.part != part) {
      settle();
      part = member.part;
    }
    const auto next = member.next();
    if (!next) continue;
    if (best_of_part == nullptr || *next < best_sequence) {
      best_of_part = &member;
      best_sequence = *next;
    }
  }
  settle();
  return best;
}

std::string Merge::id() const {
  if (parts_.size() == 1) return parts_.front().position;
  std::vector<proto::IdPartView> views;
  for (const Part& part : parts_) views.push_back({part.topics->source(), part.position});
  std::string text;
  proto::append_event_id(text, views);
  return text;
}

void Merge::advance(Part& part, std::size_t index) {
  Sequence lost = 0, behind = std::numeric_limits<Sequence>::max();
  for (const Member& member : members_) {
    if (member.part != index) continue;
    if (member.gap) return;
    lost = std::max(lost, member.cursor.log()->evicted_through());
    if (member.cursor.has_gap())
      behind = std::min(behind, member.cursor.sequence());
    else if (const auto next = member.next())
      behind = std::min(behind, *next - 1);
  }
  const Sequence to = std::min(lost, behind);
  const auto reached = known_sequence(*part.topics, part.position);
  if (!reached || *reached < to) part.position = part.topics->position(to);
}

void Merge::announce_gap(Member& member) {
  const TopicLog& log = *member.cursor.log();
  Part& part = parts_[member.part];
  Gap gap{.topic = log.name(), .from = {}, .to = {}, .count = {}, .reason = GapReason::slow_consumer};
  std::string from = part.topics->position(member.cursor.sequence());
  if (member.gap) {
    gap.reason = *member.gap;
    from = member.gap_from;
    member.gap.reset();
  }
  if (member.cursor.has_gap()) gap.count = member.cursor.skip_gap();
  const std::string to = part.topics->position(log.evicted_through());
  gap.from = from;
  gap.to = to;
  advance(part, member.part);
  ++gaps_;
  append_gap(text_, gap, id());
}

std::size_t Merge::current_rest() const {
  return text_.size() - text_sent_ + (current_ == nullptr ? 0 : current_->cursor.pinned_rest());
}

bool Merge::pending() const {
  if (!at_boundary()) return true;
  if (stopped_) return false;
  return std::ranges::any_of(members_, [](const Member& member) { return member.next().has_value(); });
}

std::uint32_t Merge::render(std::size_t room, ByteBuffer& out) {
  std::uint32_t completed = 0;
  while (room != 0) {
    if (!text_.empty()) {
      const std::size_t part = std::min(room, text_.size() - text_sent_);
      out.append(std::string_view(text_).substr(text_sent_, part));
      room -= part;
      text_sent_ += part;
      if (text_sent_ != text_.size()) break;
      text_.clear();
      text_sent_ = 0;
      if (current_ == nullptr) ++completed;  // it was a gap
      continue;
    }
    if (current_ != nullptr) {
      const std::size_t part = std::min(room, current_->cursor.pinned_rest());
      completed += current_->cursor.read(out.extend(part));
      room -= part;
      if (!current_->cursor.at_boundary()) break;
      current_ = nullptr;
      continue;
    }
    Member* member = stopped_ ? nullptr : select();
    if (member == nullptr) break;
    if (member->has_gap()) {
      announce_gap(*member);
      continue;
    }
    Part& part = parts_[member->part];
    const bool own_id = parts_.size() == 1;
    const TopicLog& log = *member->cursor.log();
    const Entry& entry = member->cursor.take(own_id ? 0 : log.at(member->cursor.next()).id_size());
    part.position.assign(entry.position());
    current_ = member;
    if (!own_id) proto::sse::append_id(text_, id());
  }
  return completed;
}

std::vector<std::string_view> Merge::topic_names() const {
  std::vector<std::string_view> names;
  for (const Member& member : members_) names.push_back(member.cursor.log()->name());
  return names;
}

}  // namespace sluice::topic
