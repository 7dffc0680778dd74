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
#include "gateway/topic/newest.h"
#include "gateway/topic/topic_log.h"

namespace sluice::topic {

class Topics {
 public:
  Topics(std::shared_ptr<SharedSource> shared, const History& history);
  ~Topics();

  // A message of any kind but call.
  void apply(Message&& message);
  // Tells the subscribers of every log touched since the last call, but for those that were woken a moment ago and
  // asked not to be so often. When the first of them may be; TimePoint::max(): there are none.
  TimePoint wake(TimePoint now);
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

  // --- For who reads by value
  // Keeps the newest entry of each key of this log from now on, if that is not done already.
  void keep_newest(TopicLog& log);
  // The source's subscribers are given snapshots.
  [[nodiscard]] bool snapshots() const { return history_.snapshot; }
  // Everything up to now, by value. The log's newest entries are kept, and no page of the past is wanted.
  [[nodiscard]] RoundPtr snapshot(const TopicLog& log) const;
  // What has changed in it after this entry, the one before `next`, for who is more than `lag_max` entries behind or
  // has lost some. nullptr: who is not, who would save little, and who asks for what is not known any more.
  [[nodiscard]] RoundPtr conflate(const TopicLog& log, Sequence after, Offset next, std::uint64_t lag_max) const;
  // The same however little is behind, and however little it saves; nullptr: the newest of what was lost is not known.
  [[nodiscard]] RoundPtr changed(const TopicLog& log, Sequence after, Offset next) const;

  [[nodiscard]] TopicLog& log(TopicIndex topic);  // a topic that was created and not removed
  [[nodiscard]] const std::string& source() const { return shared_->name; }
  [[nodiscard]] const PositionFormat& format() const { return *shared_->format; }
  // Where "now" is, is known; not before the engine of a source with one order for all topics was heard of.
  [[nodiscard]] bool started() const { return format().per_topic() || !applied_position_.empty(); }
  // What is older than the logs can be read from the engine.
  [[nodiscard]] bool replays() const { return shared_->replays; }
  [[nodiscard]] Sequence applied() const { return applied_; }
  // Changes whenever a topic came or a source began anew: who waits for that may try again.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }
  // How often the source began anew: a position from before means nothing of what is in the logs.
  [[nodiscard]] std::uint32_t beginning() const { return beginning_; }
  // The position up to which every entry of this log's topics was seen here: where "now" is.
  [[nodiscard]] std::string_view now_position(const TopicLog& log) const;
  [[nodiscard]] std::size_t topic_count() const { return names_.size(); }
  [[nodiscard]] std::size_t entry_count() const { return entries_; }
  [[nodiscard]] std::size_t footprint() const { return footprint_; }

 private:
  struct View;
  struct Replica;
  [[nodiscard]] Replica& replica(TopicIndex topic);
  void touch(TopicLog& log);
  void append(Replica& replica, EntryPtr entry);
  void start(const Message& message);
  void lose(const Message& message);
  void restart(Replica& replica, const Message& message);
  void trim(TopicLog& log, Sequence through);
  void trim_view(View& view, TimePoint now);
  [[nodiscard]] Round place_now(const TopicLog& log) const;

  const std::shared_ptr<SharedSource> shared_;
  const History history_;
  Newest::Budget newest_budget_;  // of the logs below
  std::unordered_map<TopicIndex, std::unique_ptr<Replica>> replicas_;
  Replica* recent_ = nullptr;  // last appended to: mostly the next, too
  std::map<std::string, Replica*, std::less<>> names_;
  std::map<std::string, std::unique_ptr<View>, std::less<>> views_;
  std::vector<TopicLog*> touched_;
  Sequence applied_ = 0;
  std::uint64_t revision_ = 0;
  std::uint32_t beginning_ = 0;
  std::string applied_position_;          // of the source's newest entry, but for those in newest_log_
  const TopicLog* newest_log_ = nullptr;  // which was appended to last
  Sequence removed_through_ = 0;          // no removed topic had evicted anything newer
  std::string removed_position_;
  std::size_t entries_ = 0, footprint_ = 0;
};

// Whether a topic name matches "a/b" (itself) or "a/**" (everything below a).
[[nodiscard]] bool matches(std::string_view pattern, std::string_view topic);
[[nodiscard]] bool is_pattern(std::string_view topic);

}  // namespace sluice::topic
