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

// Entries that differ in their keys are as well sent one by one, each with its id.
constexpr std::uint64_t worth_percent = 75;

// Where the entries of `list`, which is in order, after a sequence begin.
template <class List>
auto begin_after(const List& list, Sequence after) {
  auto from = list.end();
  while (from != list.begin() && (*std::prev(from))->sequence() > after) --from;
  return from;
}

template <class List>
void append_after(std::vector<EntryPtr>& out, const List& list, Sequence after) {
  out.insert(out.end(), begin_after(list, after), list.end());
}

std::size_t footprint_of(const Round& round) {
  std::size_t bytes = sizeof round;
  for (const EntryPtr& entry : round.entries) bytes += sizeof entry + entry->footprint();
  return bytes;
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

Newest::Newest(const Limits& limits, Sequence after, bool whole)
    : limits_(limits), covered_from_(after), whole_(whole) {
  if (limits_.all != nullptr) ++limits_.all->logs;
}

Newest::~Newest() {
  clear();
  if (limits_.all != nullptr) --limits_.all->logs;
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

void Newest::give_up_past() {
  past_.reset();
  whole_ = false;
  while (!loaded_.empty()) forget(loaded_);
}

void Newest::forget(List& list) {
  if (&list != &loaded_ && past_) give_up_past();
  const EntryPtr& oldest = list.front();
  count(0, oldest->footprint());
  if (&list != &loaded_) covered_from_ = std::max(covered_from_, oldest->sequence());
  by_key_.erase(oldest->key());
  list.pop_front();
}

bool Newest::is_full() const {
  if (by_key_.size() > limits_.keys || bytes_ > limits_.bytes) return true;
  return limits_.all != nullptr && limits_.all->used > limits_.all->most &&
         bytes_ > limits_.all->most / limits_.all->logs;
}

// What deletes goes first: a snapshot does not need it. Then the values that have not changed for longest.
void Newest::shrink() {
  while (!by_key_.empty() && is_full()) {
    if (!deleted_.empty()) {
      forget(deleted_);
      continue;
    }
    whole_ = false;
    forget(!loaded_.empty() ? loaded_ : taken_);
  }
}

// Pages are shared by all who read at neighbouring places: one that begins before the wanted place is as good, for what
// it has before it is put in order once more.
bool Newest::covers_wanted(const PositionFormat& format, const Page& page) const {
  if (page.after == past_->after) return true;
  return !page.after.empty() && !past_->after.empty() && format.compare(page.after, past_->after) <= 0 &&
         format.compare(past_->after, page.through) < 0;
}

void Newest::on_page(const PositionFormat& format, const PagePtr& page) {
  if (!past_) return;
  if (!page) return give_up_past();
  if (!covers_wanted(format, *page)) return;
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
  if (!past_) return;  // there was no room
  // The end that a page with entries tells of may be an old one: it may have been read for somebody a minute ago.
  if ((page->at_end && page->entries.empty()) || format.compare(page->through, past_->until) >= 0)
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
  round->footprint = footprint_of(*round);
  snapshot_ = round;
  return round;
}

std::size_t Newest::count_changed(const TopicLog& log, Sequence after) const {
  auto count = std::distance(begin_after(taken_, after), taken_.end()) +
               std::distance(begin_after(deleted_, after), deleted_.end());
  for (Offset offset = log.after(after); offset != log.head(); ++offset) count += log.at(offset).has_key() ? 0 : 1;
  return static_cast<std::size_t>(count);
}

RoundPtr Newest::changed(const TopicLog& log, Sequence after, Round&& place, bool lost, std::uint64_t patience) {
  check(covers(after), "a round is made only of what is known");
  const bool refused = log.head() < refused_until_;
  if (!lost && refused && after >= refused_after_) return nullptr;
  if (!lost && 100 * count_changed(log, after) > worth_percent * place.skipped) {
    refused_after_ = after;
    refused_until_ = log.head() + patience;
    return nullptr;
  }
  if (RoundPtr same = changed_.lock())
    if (changed_after_ == after && same->next == log.head()) return same;
  auto round = std::make_shared<Round>(std::move(place));
  append_after(round->entries, taken_, after);
  append_after(round->entries, deleted_, after);
  for (Offset offset = log.after(after); offset != log.head(); ++offset)
    if (!log.at(offset).has_key()) round->entries.push_back(log.pointer(offset));
  std::ranges::sort(round->entries, by_sequence);
  round->footprint = footprint_of(*round);
  changed_ = round;
  changed_after_ = after;
  return round;
}

}  // namespace sluice::topic
