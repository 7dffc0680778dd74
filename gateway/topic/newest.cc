#include "gateway/topic/newest.h"

#include <algorithm>
#include <vector>

#include "proto/check.h"
#include "proto/json.h"

namespace sluice::topic {

namespace {

// A snapshot that is so few entries old is as good as a new one for who comes: what is newer follows from the ring.
constexpr Offset fresh_entries = 64;

bool by_sequence(const EntryPtr& left, const EntryPtr& right) { return left->sequence() < right->sequence(); }

// The entries of `list`, which is in order, after a sequence.
template <class List>
void append_after(std::vector<EntryPtr>& out, const List& list, Sequence after) {
  auto from = list.end();
  while (from != list.begin() && (*std::prev(from))->sequence() > after) --from;
  out.insert(out.end(), from, list.end());
}

}  // namespace

std::string round_data(const Round& round, std::string_view topic) {
  std::string data = R"({"topic":)";
  proto::append_json_string(data, topic);
  data += R"(,"events":)" + std::to_string(round.entries.size());
  if (round.snapshot)
    data += round.complete ? R"(,"complete":true})" : R"(,"complete":false})";
  else
    data += R"(,"skipped":)" + std::to_string(round.skipped) + '}';
  return data;
}

void Newest::count(std::size_t more, std::size_t less) {
  bytes_ = bytes_ + more - less;
  if (limits_.all != nullptr) limits_.all->used = limits_.all->used + more - less;
}

void Newest::clear() {
  count(0, bytes_);
  by_key_.clear();
  for (List* list : {&loaded_, &taken_, &deleted_}) list->clear();
}

void Newest::put(const EntryPtr& entry, List& list) {
  count(entry->footprint(), 0);
  const auto found = by_key_.find(entry->key());
  if (found == by_key_.end()) {
    list.push_back(entry);
    by_key_.emplace(list.back()->key(), Kept{&list, std::prev(list.end())});
    return;
  }
  auto node = by_key_.extract(found);  // its name is a view into the entry that goes
  Kept& kept = node.mapped();
  count(0, (*kept.place)->footprint());
  list.splice(list.end(), *kept.list, kept.place);
  kept.list = &list;
  *kept.place = entry;
  node.key() = entry->key();
  by_key_.insert(std::move(node));
}

void Newest::take(const EntryPtr& entry) {
  if (!entry->has_key()) {
    // Of a snapshot source that is a gap: what was lost may have been the newest of any key.
    whole_ = whole_ && reads_past_;
    return;
  }
  put(entry, entry->deletes() ? deleted_ : taken_);
  shrink();
}

void Newest::restart(Sequence through, const std::string& position) {
  clear();
  if (reads_past_) want_past(position);
  covered_from_ = through;
  snapshot_.reset();
  changed_.reset();
}

void Newest::add(const Newest& of_topic) {
  covered_from_ = std::max(covered_from_, of_topic.covered_from_);
  whole_ = whole_ && of_topic.whole_;
  std::vector<EntryPtr> entries;
  for (const List* list : {&of_topic.taken_, &of_topic.deleted_})
    entries.insert(entries.end(), list->begin(), list->end());
  for (const List* list : {&taken_, &deleted_}) entries.insert(entries.end(), list->begin(), list->end());
  std::ranges::sort(entries, by_sequence);
  check(loaded_.empty() && of_topic.loaded_.empty(), "where a source can be read, the log over several topics is, too");
  clear();
  for (const EntryPtr& entry : entries) take(entry);
}

void Newest::forget(List& list) {
  const EntryPtr& oldest = list.front();
  count(0, oldest->footprint());
  if (&list != &loaded_) covered_from_ = std::max(covered_from_, oldest->sequence());
  by_key_.erase(oldest->key());
  list.pop_front();
}

// What deletes goes first: a snapshot does not need it. Then the values that have not changed for longest.
void Newest::shrink() {
  const auto full = [this] {
    return by_key_.size() > limits_.keys || bytes_ > limits_.bytes ||
           (limits_.all != nullptr && limits_.all->used > limits_.all->most);
  };
  while (!by_key_.empty() && full()) {
    if (!deleted_.empty()) {
      forget(deleted_);
      continue;
    }
    whole_ = false;
    forget(!loaded_.empty() ? loaded_ : taken_);
  }
}

void Newest::on_page(const PositionFormat& format, const PagePtr& page) {
  if (!past_) return;
  if (!page) {
    whole_ = false;
    past_.reset();
    return;
  }
  if (page->after != past_->after) return;
  for (const EntryPtr& entry : page->entries) {
    if (!entry->has_key() || !format.had(past_->until, entry->position())) continue;
    const auto found = by_key_.find(entry->key());
    if (found != by_key_.end() && found->second.list != &loaded_) continue;  // the log has a newer one
    put(entry, loaded_);
    if (!entry->deletes()) continue;
    const auto deleted = by_key_.find(entry->key());
    count(0, entry->footprint());
    const Kept kept = deleted->second;
    by_key_.erase(deleted);
    loaded_.erase(kept.place);
  }
  shrink();
  if (page->at_end || format.compare(page->through, past_->until) >= 0)
    past_.reset();
  else
    past_->after = page->through;
}

RoundPtr Newest::snapshot(const TopicLog& log, Round&& place) {
  if (RoundPtr fresh = snapshot_.lock())
    if (fresh->next >= log.first() && log.head() - fresh->next <= fresh_entries) return fresh;
  auto round = std::make_shared<Round>(std::move(place));
  round->snapshot = true;
  round->complete = whole_;
  round->entries.reserve(loaded_.size() + taken_.size());
  round->entries.insert(round->entries.end(), loaded_.begin(), loaded_.end());
  round->entries.insert(round->entries.end(), taken_.begin(), taken_.end());
  snapshot_ = round;
  return round;
}

RoundPtr Newest::changed(const TopicLog& log, Sequence after, Round&& place) {
  check(covers(after), "a round is made only of what is known");
  if (RoundPtr same = changed_.lock())
    if (changed_after_ == after && same->next == log.head()) return same;
  auto round = std::make_shared<Round>(std::move(place));
  append_after(round->entries, taken_, after);
  append_after(round->entries, deleted_, after);
  for (Offset offset = log.after(after); offset != log.head(); ++offset)
    if (!log.at(offset).has_key()) round->entries.push_back(log.pointer(offset));
  std::ranges::sort(round->entries, by_sequence);
  changed_ = round;
  changed_after_ = after;
  return round;
}

}  // namespace sluice::topic
