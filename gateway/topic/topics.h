// Topics: one worker's replicas of the topic logs of one source, and its views (wildcards). The source's home sends
// changes; apply() follows them in order; wake() tells the subscribers once per turn. Owned by the worker, one per
// source, on its thread. Never asks an engine and never sends.
// Invariant: applied() is the sequence up to which this worker has seen every entry of the source.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/topic/history.h"
#include "gateway/topic/mailbox.h"
#include "gateway/topic/topic_log.h"

namespace sluice::topic {

class Topics {
 public:
  Topics(std::shared_ptr<SharedSource> shared, const History& history);
  ~Topics();

  // A message of kind create, append, trim or remove.
  void apply(Message&& message);
  // Tells the subscribers of every log touched since the last call.
  void wake();
  // wake() has somebody to tell.
  [[nodiscard]] bool touched() const { return !touched_.empty(); }
  // Drops what is too old in views, and views without subscribers since the linger. Once a second.
  void expire(TimePoint now);

  // Joins a topic by its full name ("topics/greetings"): nullptr when this worker does not know it (yet): ask its home.
  [[nodiscard]] TopicLog* join(std::string_view topic);
  // Joins all topics whose names match the pattern ("demo/**"); the view is made when nobody had asked before.
  [[nodiscard]] TopicLog& join_view(std::string_view pattern, TimePoint now);
  // Every join() and join_view() is followed by one leave().
  void leave(TopicLog& log, TimePoint now);

  [[nodiscard]] TopicLog& log(TopicIndex topic);  // a topic that was created and not removed
  [[nodiscard]] const std::string& source() const { return shared_->name; }
  [[nodiscard]] const proto::Epoch& epoch() const { return shared_->epoch; }
  // The newest sequence of the source on any worker: ≥ applied().
  [[nodiscard]] Sequence last() const { return shared_->last.load(std::memory_order_acquire); }
  [[nodiscard]] SharedSource& shared() { return *shared_; }
  [[nodiscard]] Sequence applied() const { return applied_; }
  [[nodiscard]] std::string position(Sequence sequence) const;
  [[nodiscard]] std::size_t topic_count() const { return names_.size(); }
  [[nodiscard]] std::size_t entry_count() const { return entries_; }
  [[nodiscard]] std::size_t footprint() const { return footprint_; }

 private:
  struct View;
  struct Replica;
  void touch(TopicLog& log);
  void append(Replica& replica, EntryPtr entry);
  void trim(TopicLog& log, Sequence through);
  void trim_view(View& view, TimePoint now);

  const std::shared_ptr<SharedSource> shared_;
  const History history_;
  std::unordered_map<TopicIndex, std::unique_ptr<Replica>> replicas_;
  std::map<std::string, Replica*, std::less<>> names_;
  std::map<std::string, std::unique_ptr<View>, std::less<>> views_;
  std::vector<TopicLog*> touched_;
  Sequence applied_ = 0;
  Sequence removed_through_ = 0;  // no removed topic had evicted anything newer
  std::size_t entries_ = 0, footprint_ = 0;
};

// Whether a topic name matches "a/b" (itself) or "a/**" (everything below a).
[[nodiscard]] bool matches(std::string_view pattern, std::string_view topic);
[[nodiscard]] bool is_pattern(std::string_view topic);

}  // namespace sluice::topic
