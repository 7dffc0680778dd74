#include <algorithm>
#include <utility>

#include "gateway/topic/merge.h"

// What a merge reads of the past: the pages of a part that is behind its rings, until it stands in them again. The
// rest: merge.cc.
namespace sluice::topic {

void Merge::remember_missed() {
  for (const Member& member : members_) {
    Part& part = parts_[member.part];
    if (part.replay || !part.missed.empty() || !member.cursor.has_gap() || !part.topics->replays()) continue;
    // The first of them all: the others' next ones are here, or were lost in this same turn.
    for (const Member& other : members_) {
      if (other.part != member.part) continue;
      const std::string_view next = other.cursor.log()->position_at(other.cursor.next());
      if (!next.empty() && (part.missed.empty() || part.topics->format().compare(next, part.missed) < 0))
        part.missed = next;
    }
  }
}

void Merge::fall_behind(Part& part) {
  part.resumed.clear();
  const Member* member = only_member(part);
  if (member != nullptr && member->cursor.log()->was_told_of_beginning(member->cursor.next()))
    part.beginning = beginning(part);
  part.replay = std::make_unique<Replay>();
  part.replay->after = part.position.empty() ? part.base : part.position;
  part.replay->missed = std::exchange(part.missed, {});
}

std::optional<Merge::Want> Merge::take_want() {
  for (std::size_t index = 0; index != parts_.size(); ++index) {
    Part& part = parts_[index];
    if (!part.replay || part.replay->page || part.replay->asked) continue;
    (void)began_anew(part);
    part.replay->asked = true;
    Want want{.part = index, .topics = part.topics, .request = {.after = part.replay->after}};
    for (const Member& member : members_)
      if (member.part == index) want.request.topics.push_back(member.cursor.log()->name());
    return want;
  }
  return std::nullopt;
}

bool Merge::tells_loss(const Part& part, const Page& page) {
  const PositionFormat& format = part.topics->format();
  const Replay& replay = *part.replay;
  if (!page.tells_loss_after(format, replay.after)) return false;
  // A topic that was quiet for long stands far back in its engine. What retention took before its next event was not
  // its own, which only its ring can know.
  return page.gap != GapReason::trimmed || replay.missed.empty() || !(format.compare(page.from, replay.missed) < 0);
}

void Merge::on_page(std::size_t index, PagePtr page) {
  Part& part = parts_[index];
  if (!part.replay || part.replay->page) return;
  if (only_member(part) != nullptr && began_anew(part)) return;  // it is of a topic that is gone
  if (!page) {
    const GapReason reason = part.replay->gap.value_or(GapReason::trimmed);
    part.replay.reset();
    if (part.topics->format().vectors()) part.resumed = part.position;
    for (Member& member : members_) {
      if (member.part != index) continue;
      member.cursor.move(member.cursor.log()->first(), member.cursor.log()->evicted_through());
      member.gap = reason;
      member.gap_from = part.position;
    }
    return;
  }
  Replay& replay = *part.replay;
  // A page that was read for a neighbour may tell of a loss that this stream is past.
  if (!replay.gap && tells_loss(part, *page)) {
    replay.gap = page->gap;
    replay.gap_from = replay.after;
  }
  if (part.position.empty()) part.position = page->from;
  replay.next = 0;
  // And it begins before this stream's place.
  if (!replay.after.empty() && page->after != replay.after) part.resumed = replay.after;
  const std::size_t read = page->entries.size();
  replay.page = conflate_above_ != 0 && read > conflate_above_ ? newest_of(page) : std::move(page);
  conflated_ += read - replay.page->entries.size();
}

void Merge::end_page(Part& part) {
  Replay& replay = *part.replay;
  const PagePtr page = std::move(replay.page);
  // What was filtered out of the page is behind this stream too; a neighbour's page may end before its place.
  const PositionFormat& format = part.topics->format();
  if (!(format.compare(page->through, part.position) <= 0)) part.position = format.join(part.position, page->through);
  part.resumed.clear();
  replay.after = part.position;
  replay.asked = false;
  if (began_anew(part)) return;  // its engine tells what is left of where this stream was
  if (enter_rings(part)) return part.replay.reset();
  // The engine had nothing after this place, and the rings begin later: nobody has what is between. But what they have
  // evicted since it was asked may be newer than its answer: it is asked again.
  if (page->at_end && page->entries.empty() && evicted_through(part) <= page->appended)
    on_page(static_cast<std::size_t>(&part - parts_.data()), nullptr);
}

Sequence Merge::evicted_through(const Part& part) const {
  Sequence evicted = 0;
  for (const Member& member : members_)
    if (&parts_[member.part] == &part) evicted = std::max(evicted, member.cursor.log()->evicted_through());
  return evicted;
}

bool Merge::enter_rings(Part& part) {
  bool filter = false;
  for (const Member& member : members_) {
    if (&parts_[member.part] != &part) continue;
    const Place place = locate(*part.topics, *member.cursor.log(), part.position);
    if (place.kind == Place::Kind::ahead || place.filter) filter = true;
    if (place.kind != Place::Kind::here && place.kind != Place::Kind::ahead) return false;
  }
  for (Member& member : members_) {
    if (&parts_[member.part] != &part) continue;
    const TopicLog& log = *member.cursor.log();
    const Place place = locate(*part.topics, log, part.position);
    member.cursor.move(place.next, place.next == log.first() ? log.evicted_through() : log.sequence_at(place.next - 1));
  }
  if (filter) part.resumed = part.position;
  return true;
}

void Merge::release_single() {
  members_.front().cursor.leave();
  members_.clear();
}

bool Merge::is_single() const {
  return members_.size() == 1 && !parts_.front().replay && parts_.front().resumed.empty() && at_boundary() &&
         !members_.front().has_gap() && !members_.front().round && !stopped_;
}

}  // namespace sluice::topic
