#include "gateway/topic/topic_log.h"

#include <algorithm>

#include "gateway/topic/newest.h"
#include "proto/check.h"

namespace sluice::topic {

TopicLog::TopicLog(std::string name, Sequence start, std::string start_position, bool keep_evicted)
    : name_(std::move(name)),
      evicted_through_(start),
      evicted_position_(std::move(start_position)),
      sent_position_(evicted_position_),
      keep_evicted_(keep_evicted) {}

TopicLog::~TopicLog() = default;

void TopicLog::keep_newest(std::unique_ptr<Newest> newest) { newest_ = std::move(newest); }

void TopicLog::append(EntryPtr entry) {
  check(entry->sequence() > (head_ == first_ ? evicted_through_ : slot(head_ - 1).sequence),
        "entries are appended in the order of their sequence");
  if (count() == slots_.size()) resize(slots_.empty() ? 8 : slots_.size() * 2);
  if (newest_) newest_->take(entry);
  const std::uint32_t size = entry->size();
  // That one goes without its id now.
  if (head_ != first_ && at(head_ - 1).is_gap() && at(head_ - 1).position() == entry->position())
    appended_bytes_ -= at(head_ - 1).id_size();
  footprint_ += entry->footprint();
  Slot& place = slot(head_++);
  place.sequence = entry->sequence();
  place.bytes_before = appended_bytes_;
  place.entry = std::move(entry);
  appended_bytes_ += size;
}

void TopicLog::trim(Sequence through) {
  // The oldest of a long ring have long left the processor's cache: asked for a few events before they go.
  constexpr Offset ahead = 4;
  while (first_ != head_ && slot(first_).sequence <= through) {
    if (head_ - first_ > ahead) {
      const char* const next = reinterpret_cast<const char*>(slot(first_ + ahead).entry.get());
      __builtin_prefetch(next, 1);
      __builtin_prefetch(next + 64);
    }
    const bool sent_with_id = !is_sent_without_id(first_);
    Slot& oldest = slot(first_++);
    footprint_ -= oldest.entry->footprint();
    evicted_through_ = oldest.sequence;
    if (newest_ && !oldest.entry->has_key()) newest_->forget_keyless(oldest.sequence);
    if (keep_evicted_ && !subscribers_.empty()) {
      if (just_evicted_.empty()) woken_position_ = sent_position_;
      evicted_position_.assign(oldest.entry->position());
      just_evicted_.push_back(std::move(oldest.entry));
    } else {
      if (!just_evicted_.empty()) forget_evicted();
      evicted_position_.assign(oldest.entry->position());
      oldest.entry.reset();
    }
    if (sent_with_id) sent_position_ = evicted_position_;
  }
  if (first_ == head_) std::vector<Slot>().swap(slots_);  // an idle topic costs no ring
}

void TopicLog::restart(Sequence through, const std::string& position) {
  trim(through);
  evicted_through_ = std::max(evicted_through_, through);
  evicted_position_ = begun_position_ = position;
  if (sent_position_.empty()) sent_position_ = position;  // it was made before its source knew where the engine ends
  begun_at_ = head_;
  ++beginning_;
  if (newest_) newest_->restart(through, position);
}

const Entry* TopicLog::before(Offset offset) const {
  if (offset > first_) return &at(offset - 1);
  const Offset oldest = first_ - just_evicted_.size();
  return offset > oldest ? just_evicted_[static_cast<std::size_t>(offset - 1 - oldest)].get() : nullptr;
}

std::string_view TopicLog::position_before(Offset offset) const {
  const Entry* entry = before(offset);
  while (entry != nullptr && entry->is_gap() && entry->position() == position_at(offset)) entry = before(--offset);
  if (entry != nullptr) return entry->position();
  return just_evicted_.empty() ? sent_position_ : woken_position_;
}

std::string_view TopicLog::position_at(Offset offset) const {
  const bool known = offset + just_evicted_.size() >= first_ && offset < head_;
  return known ? before(offset + 1)->position() : std::string_view();
}

void TopicLog::forget_evicted() {
  std::vector<EntryPtr>().swap(just_evicted_);
  woken_position_.clear();
}

Offset TopicLog::after(Sequence sequence) const {
  Offset low = first_, high = head_;
  while (low < high) {
    const Offset middle = low + (high - low) / 2;
    if (slot(middle).sequence > sequence)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

void TopicLog::add(Subscriber& subscriber, std::uint32_t& index) {
  index = static_cast<std::uint32_t>(subscribers_.size());
  // Doubled, as a vector does it by itself, the list of a popular topic has up to 16 bytes more for each subscriber.
  if (subscribers_.size() == subscribers_.capacity())
    subscribers_.reserve(subscribers_.size() + subscribers_.size() / 8 + 4);
  subscribers_.push_back({&subscriber, &index});
}

void TopicLog::remove(std::uint32_t index) {
  check(index < subscribers_.size(), "a subscriber leaves the log that it joined");
  subscribers_[index] = subscribers_.back();
  *subscribers_[index].index = index;
  subscribers_.pop_back();
}

void TopicLog::resize(std::size_t slots) {
  std::vector<Slot> ring(slots);
  for (Offset offset = first_; offset != head_; ++offset) ring[offset & (slots - 1)] = std::move(slot(offset));
  slots_ = std::move(ring);
}

}  // namespace sluice::topic
