// Home: where a source's entries get their order. It opens topics, gives each event its sequence and position, encodes
// it, trims by count, bytes and age, remembers idempotency keys, and sends every change to all workers. One per source,
// owned by the source's home worker, on its thread.
// Invariant: every worker gets every change, in one order; a key is remembered exactly as long as its entry is
// retained.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/topic/event.h"
#include "gateway/topic/gap.h"
#include "gateway/topic/history.h"
#include "gateway/topic/topics.h"

namespace sluice::topic {

class Home {
 public:
  // Sends a message to every worker but the home itself.
  using Broadcast = std::function<void(const Message&)>;
  // `own`: this worker's replica; `topics_max`: topics with state.
  Home(SourceIndex source, Topics& own, const History& history, std::size_t topics_max, Broadcast broadcast);
  ~Home();

  // --- Where the source begins
  // Sources with one order for all topics: every event after this position of the engine will be appended. Called again
  // when the engine's stream is another one: all logs begin anew there, and an open topic is told why.
  // `last`: the sequence there, for sources whose numbering outlives this process.
  void start(const std::string& position, Sequence last = 0);
  void restart(const std::string& position, GapReason reason, TimePoint now);
  // Sources with an order per topic: this one's engine stream is another one now.
  void restart(TopicIndex topic, const std::string& position, GapReason reason, TimePoint now);

  // --- Topics
  // The topic of that full name, created when new; nullopt: `topics_max` are open. `start`: where it begins, for
  // sources with an order per topic.
  [[nodiscard]] std::optional<TopicIndex> open(const std::string& topic, TimePoint now, const std::string& start = {});
  [[nodiscard]] std::optional<TopicIndex> find(std::string_view topic) const;
  [[nodiscard]] std::size_t topic_count() const { return members_.size(); }
  // Whether `count` more topics fit below `topics_max`.
  [[nodiscard]] bool has_room(std::size_t count) const { return members_.size() + count <= topics_max_; }
  // Open topics, in no order.
  [[nodiscard]] const std::vector<TopicIndex>& all() const { return order_; }

  // --- Events
  // For sources whose order is ours: the position is the sequence's.
  Sequence append(TopicIndex topic, const Event& event, TimePoint now);
  // The same at a sequence that the source's own store gave; rising.
  void append_at(TopicIndex topic, Sequence sequence, const Event& event, TimePoint now);
  // For the others: the engine's position, which must come after the topic's newest. valid_field() text.
  Sequence append(TopicIndex topic, std::string_view position, const Event& event, TimePoint now);
  // Something of the topic may be lost before what comes next, and nobody has it: announced in its place in the order.
  // `to`: the last lost position; empty where positions are ours.
  void append_gap(TopicIndex topic, GapReason reason, std::string_view to, TimePoint now);
  // The same for whatever is not open: topics opened from now on begin behind the loss, so that nobody resumes before
  // it without a word, and wildcards that match no open topic are told.
  void lose_unopened(GapReason reason, std::string_view to, TimePoint now);
  // append_gap() in every open topic, then lose_unopened(). For sources with one order for all topics.
  void lose(GapReason reason, std::string_view to, TimePoint now);
  // Events up to `to` (empty where positions are ours) of topics that open() had no room for were not appended: every
  // wildcard is told, and topics opened from now on begin behind them.
  void pass_over(std::string_view to, TimePoint now);
  // The sequence under which this idempotency key was appended, while it is retained.
  [[nodiscard]] std::optional<Sequence> find_key(TopicIndex topic, std::string_view idempotency_key) const;
  // Trims what is too old and removes empty topics that nobody has used for the linger. Once a second; looks at a
  // bounded number of topics each time. `closed` is told of each topic removed.
  void expire(TimePoint now, const std::function<void(const std::string&)>& closed = {});

  [[nodiscard]] Topics& topics() { return own_; }
  [[nodiscard]] const History& history() const { return history_; }
  [[nodiscard]] Sequence last() const { return last_; }
  // How often the source, or one of its topics, has begun (anew): what was read of its past before may be of an
  // engine's stream that is gone.
  [[nodiscard]] std::uint64_t begun_count() const { return begun_; }
  [[nodiscard]] std::uint64_t evicted_count() const { return evicted_; }
  // Of events; gaps are none.
  [[nodiscard]] std::uint64_t appended_count() const { return appended_; }

 private:
  struct Member;
  [[nodiscard]] Member& member(TopicIndex topic);
  void send(Message&& message);
  void send_loss(GapReason reason, std::string_view to, TimePoint now, bool to_every_view);
  Sequence append_as(TopicIndex topic, Sequence sequence, std::string_view position, const Event& event, TimePoint now);
  void forget_keys(Member& member, Sequence through);
  // The sequence up to which the topic must be trimmed to take `coming` more bytes; 0: none.
  [[nodiscard]] Sequence surplus(const Member& member, std::size_t coming, TimePoint now) const;
  void trim(TopicIndex topic, Member& member, Sequence through);
  // Brings all topics together below history.bytes_total, as far as that is possible without the event just appended.
  void shrink(TopicIndex appended);

  const SourceIndex source_;
  Topics& own_;
  const History history_;
  const std::size_t topics_max_;
  const Broadcast broadcast_;
  std::unordered_map<TopicIndex, std::unique_ptr<Member>> members_;
  std::unordered_map<std::string_view, TopicIndex> names_;  // views into SharedTopic::name
  std::vector<TopicIndex> order_;                           // for sweeps, each topic once
  Member* recent_ = nullptr;                                // last opened or appended to: mostly the next, too
  std::size_t sweep_ = 0;
  TopicIndex next_topic_ = 0;
  Sequence last_ = 0;
  Sequence removed_through_ = 0;
  std::string removed_position_;
  std::uint64_t evicted_ = 0, appended_ = 0;
  std::uint64_t begun_ = 0;
};

}  // namespace sluice::topic
