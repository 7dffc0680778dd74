// Cursor: one subscriber's place in one log, and how much of the entry under it has been sent. It pins that entry, so
// that retention never cuts an event in half. Owned by an EventStream, on its worker's thread.
// Invariant: pinned_ is set exactly while sent_ bytes of an entry are out and the rest is not; then next_ is the offset
// after it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "gateway/topic/topic_log.h"

namespace sluice::topic {

class Cursor {
 public:
  Cursor() = default;
  // Joins the log's subscribers; leave() before the log or the subscriber goes.
  // `sent`: the entries up to this sequence are behind it.
  void join(TopicLog& log, Offset next, Sequence sent, Subscriber& subscriber) {
    log_ = &log;
    next_ = next;
    sequence_ = sent;
    log.add(subscriber, index_);
  }
  void leave() {
    if (log_ != nullptr) log_->remove(index_);
    log_ = nullptr;
  }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  [[nodiscard]] TopicLog* log() const { return log_; }
  [[nodiscard]] Offset next() const { return next_; }
  // The sequence of the last entry sent whole.
  [[nodiscard]] Sequence sequence() const { return sequence_; }
  [[nodiscard]] bool at_boundary() const { return !pinned_; }
  [[nodiscard]] bool at_head() const { return !pinned_ && next_ == log_->head(); }
  // Entries behind the head.
  [[nodiscard]] std::uint64_t lag() const { return log_->head() - std::min(next_, log_->head()); }

  // Retention has taken entries that this cursor had still to read.
  [[nodiscard]] bool has_gap() const { return next_ < log_->first(); }
  // Goes on at the oldest entry that there is. Returns how many were lost.
  std::uint64_t skip_gap() {
    const std::uint64_t lost = log_->first() - next_;
    next_ = log_->first();
    sequence_ = log_->evicted_through();
    return lost;
  }

  // Goes on at `next`; `sent`: the entries up to this sequence are behind it. Only at a boundary.
  void move(Offset next, Sequence sent) {
    next_ = next;
    sequence_ = sent;
  }
  // Passes over the entry under it.
  void skip() { sequence_ = log_->sequence_at(next_++); }

  // Bytes that read() could give now, without crossing a gap.
  [[nodiscard]] std::uint64_t pending() const {
    std::uint64_t bytes = pinned_ ? pinned_->size() - sent_ : 0;
    if (!has_gap()) bytes += log_->bytes_from(next_);
    return bytes;
  }
  // Copies exactly out.size() ≤ pending() bytes and moves on. Returns the number of entries completed.
  std::uint32_t read(std::span<std::uint8_t> out);

  // For streams whose id is not the entry's: takes the entry under the cursor, of which `skip` bytes are not sent.
  const Entry& take(std::uint32_t skip) {
    pinned_ = log_->pointer(next_++);
    sent_ = skip;
    return *pinned_;
  }
  [[nodiscard]] std::size_t pinned_rest() const { return pinned_ ? pinned_->size() - sent_ : 0; }
  // Its share of an entry that retention has let go, and that those keep who have sent half of it.
  [[nodiscard]] std::size_t held_bytes() const {
    return pinned_ && next_ <= log_->first() ? pinned_->footprint() / pinned_.use_count() : 0;
  }

 private:
  TopicLog* log_ = nullptr;
  Offset next_ = 0;
  Sequence sequence_ = 0;
  EntryPtr pinned_;
  std::uint32_t sent_ = 0;
  std::uint32_t index_ = 0;
};

}  // namespace sluice::topic
