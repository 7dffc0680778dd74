// TopicLog: one worker's replica of a topic's log: a ring of pointers to shared entries, bounded by the source's home,
// which alone trims. Appending never sends: it marks the log as touched, and the worker wakes its subscribers once at
// the end of the turn. Single-threaded.
// Invariant: offsets [first(), head()) are present, their sequences rise strictly, and every entry of this topic with a
// sequence in (evicted_through(), …] that this worker has been told of is among them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/topic/entry.h"

namespace sluice::topic {

// A place in one log: dense, counted from 0 for the first entry this replica held.
using Offset = std::uint64_t;

// Somebody who reads a log and wants to know of new entries.
class Subscriber {
 public:
  // New entries are in the log, or entries were trimmed. Marks only; must not add or remove subscribers.
  virtual void on_touched() = 0;

 protected:
  ~Subscriber() = default;
};

class Newest;

class TopicLog {
 public:
  // `start`, at `start_position`: entries up to it are not in this log (evicted, or before its time). `keep_evicted`:
  // what is trimmed stays until the subscribers were woken, so that who falls behind learns where (position_before()).
  explicit TopicLog(std::string name, Sequence start = 0, std::string start_position = {}, bool keep_evicted = false);
  ~TopicLog();
  TopicLog(const TopicLog&) = delete;
  TopicLog& operator=(const TopicLog&) = delete;

  void append(EntryPtr entry);
  // Drops the entries with a sequence ≤ `through`.
  void trim(Sequence through);
  // The engine's topic is another one now: nothing of the old is here, entries come after `position`, and the next one
  // is the gap that says so.
  void restart(Sequence through, const std::string& position);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Offset first() const { return first_; }
  [[nodiscard]] Offset head() const { return head_; }
  [[nodiscard]] std::size_t count() const { return static_cast<std::size_t>(head_ - first_); }
  [[nodiscard]] const Entry& at(Offset offset) const { return *slot(offset).entry; }
  [[nodiscard]] const EntryPtr& pointer(Offset offset) const { return slot(offset).entry; }
  [[nodiscard]] Sequence sequence_at(Offset offset) const { return slot(offset).sequence; }
  // A loss of several topics stands here once for each, at one position. Only the last is sent with its id: whoever is
  // cut before that one is told of all again.
  [[nodiscard]] bool is_sent_without_id(Offset offset) const {
    return at(offset).is_gap() && offset + 1 != head_ && at(offset + 1).position() == at(offset).position();
  }
  // The bytes of it that are sent.
  [[nodiscard]] std::string_view wire_at(Offset offset) const {
    return is_sent_without_id(offset) ? at(offset).rest() : at(offset).bytes();
  }
  // Wire bytes of the entries [from, head()): what a subscriber at `from` has still to get.
  [[nodiscard]] std::uint64_t bytes_from(Offset from) const {
    return from == head_ ? 0 : appended_bytes_ - slot(from).bytes_before;
  }
  // Memory of the entries held.
  [[nodiscard]] std::size_t footprint() const { return footprint_; }
  // The sequence of the newest entry that is no longer here (or the log's start).
  [[nodiscard]] Sequence evicted_through() const { return evicted_through_; }
  [[nodiscard]] const std::string& evicted_position() const { return evicted_position_; }
  // The position of the newest entry, here or evicted.
  [[nodiscard]] std::string_view newest_position() const {
    return count() == 0 ? std::string_view(evicted_position_) : at(head_ - 1).position();
  }
  // The position of the entry before `offset` that was sent with its id; for offsets that were not yet trimmed when the
  // subscribers were last woken.
  [[nodiscard]] std::string_view position_before(Offset offset) const;
  // And of the one there; empty where it is none of those.
  [[nodiscard]] std::string_view position_at(Offset offset) const;
  // How often the engine's topic became another one; what is of the present one comes after begun_position(), ...
  [[nodiscard]] std::uint32_t beginning() const { return beginning_; }
  [[nodiscard]] const std::string& begun_position() const { return begun_position_; }
  // ... and whether a reader that stands at `next` was told of that, by the entry with which it begins here.
  [[nodiscard]] bool was_told_of_beginning(Offset next) const { return beginning_ == 0 || next > begun_at_; }
  // The first offset whose sequence is > `sequence`.
  [[nodiscard]] Offset after(Sequence sequence) const;

  // --- For who reads by value: the newest entry of each key, from now on (topic/newest)
  void keep_newest(std::unique_ptr<Newest> newest);
  // nullptr: nobody reads it so.
  [[nodiscard]] Newest* newest() const { return newest_.get(); }

  // --- Subscribers: kept until they leave, woken once per turn in which the log was touched, ...
  void add(Subscriber& subscriber, std::uint32_t& index);
  void remove(std::uint32_t index);
  [[nodiscard]] std::size_t subscriber_count() const { return subscribers_.size(); }
  // ... and not more often than the shortest interval of those who have joined since nobody was there. Before add().
  void limit_wakes(std::chrono::milliseconds interval) {
    wake_interval_ = subscribers_.empty() ? interval : std::min(wake_interval_, interval);
  }
  // When subscribers may be woken again.
  [[nodiscard]] TimePoint next_wake() const { return woken_ + wake_interval_; }
  [[nodiscard]] bool has_just_evicted() const { return !just_evicted_.empty(); }
  // True when the log was not marked since the subscribers were last woken.
  [[nodiscard]] bool mark_touched() { return !std::exchange(touched_, true); }
  void wake_subscribers(TimePoint now) {
    touched_ = false;
    woken_ = now;
    // Of ten thousand subscribers few are in the processor's cache when their event comes: asked for a few before.
    constexpr std::size_t ahead = 12;
    for (std::size_t index = 0; index != subscribers_.size(); ++index) {
      if (index + ahead < subscribers_.size()) {
        __builtin_prefetch(subscribers_[index + ahead].subscriber);
        __builtin_prefetch(subscribers_[index + ahead].index);
      }
      subscribers_[index].subscriber->on_touched();
    }
    if (!just_evicted_.empty()) forget_evicted();
  }

 private:
  struct Slot {
    EntryPtr entry;
    Sequence sequence = 0;
    std::uint64_t bytes_before = 0;  // wire bytes appended before this entry
  };
  struct Listed {
    Subscriber* subscriber;
    std::uint32_t* index;  // where the subscriber keeps its place in subscribers_
  };
  [[nodiscard]] const Slot& slot(Offset offset) const { return slots_[offset & (slots_.size() - 1)]; }
  [[nodiscard]] Slot& slot(Offset offset) { return slots_[offset & (slots_.size() - 1)]; }
  // The entry before `offset`; nullptr: it is not known any more.
  [[nodiscard]] const Entry* before(Offset offset) const;
  void resize(std::size_t slots);
  void forget_evicted();

  std::string name_;
  std::vector<Slot> slots_;  // a power of two, or empty
  Offset first_ = 0, head_ = 0, begun_at_ = 0;
  std::uint64_t appended_bytes_ = 0;
  std::size_t footprint_ = 0;
  Sequence evicted_through_;
  std::string evicted_position_, begun_position_;
  std::string sent_position_;  // of the newest evicted entry that was sent with its id; restart() does not move it
  std::vector<EntryPtr> just_evicted_;  // since the subscribers were last woken: [first_ - size, first_)
  std::string woken_position_;          // of the entry before them
  std::vector<Listed> subscribers_;
  std::unique_ptr<Newest> newest_;
  std::chrono::milliseconds wake_interval_{0};
  TimePoint woken_{};
  std::uint32_t beginning_ = 0;
  const bool keep_evicted_;
  bool touched_ = false;
};

}  // namespace sluice::topic
