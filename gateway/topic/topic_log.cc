#include "gateway/topic/topic_log.h"

#include "proto/check.h"

namespace sluice::topic {

void TopicLog::append(EntryPtr entry) {
  check(entry->sequence() > (head_ == first_ ? evicted_through_ : slot(head_ - 1).sequence),
        "entries are appended in the order of their sequence");
  if (count() == slots_.size()) resize(slots_.empty() ? 8 : slots_.size() * 2);
  const std::uint32_t size = entry->size();
  footprint_ += entry->footprint();
  Slot& place = slot(head_++);
  place.sequence = entry->sequence();
  place.bytes_before = appended_bytes_;
  place.entry = std::move(entry);
  appended_bytes_ += size;
}

void TopicLog::trim(Sequence through) {
  while (first_ != head_ && slot(first_).sequence <= through) {
    Slot& oldest = slot(first_++);
    footprint_ -= oldest.entry->footprint();
    evicted_through_ = oldest.sequence;
    oldest.entry.reset();
  }
  if (first_ == head_) std::vector<Slot>().swap(slots_);  // an idle topic costs no ring
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
