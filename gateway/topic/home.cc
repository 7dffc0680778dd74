#include "gateway/topic/home.h"

#include <algorithm>

#include "proto/check.h"

namespace sluice::topic {

struct Home::Member {
  std::shared_ptr<SharedTopic> shared;
  TopicLog* log = nullptr;                              // this worker's replica
  TimePoint used{};                                     // last append or open
  std::unordered_map<std::string_view, Sequence> keys;  // views into the entries
};

Home::Home(SourceIndex source, Topics& own, const History& history, std::size_t topics_max, Broadcast broadcast)
    : source_(source), own_(own), history_(history), topics_max_(topics_max), broadcast_(std::move(broadcast)) {}
Home::~Home() = default;

void Home::send(Message&& message) {
  broadcast_(message);
  own_.apply(std::move(message));
}

std::optional<TopicIndex> Home::open(const std::string& topic, TimePoint now) {
  if (const auto found = names_.find(topic); found != names_.end()) {
    members_.at(found->second)->used = now;
    return found->second;
  }
  if (members_.size() >= topics_max_) return std::nullopt;
  auto member = std::make_unique<Member>();
  member->shared = std::make_shared<SharedTopic>();
  member->shared->name = topic;
  member->used = now;
  const TopicIndex index = next_topic_++;
  send({.kind = Message::Kind::create,
        .source = source_,
        .topic = index,
        .sequence = removed_through_,
        .entry = {},
        .shared = member->shared,
        .call = {}});
  member->log = &own_.log(index);
  names_.emplace(member->shared->name, index);
  order_.push_back(index);
  members_.emplace(index, std::move(member));
  return index;
}

Sequence Home::append(TopicIndex topic, const Event& event, TimePoint now) {
  Member& member = *members_.at(topic);
  member.used = now;
  const Sequence sequence = ++last_;
  own_.shared().last.store(sequence, std::memory_order_release);
  thread_local std::string position;
  position.clear();
  proto::append_epoch_sequence(position, own_.epoch(), sequence);
  EntryPtr entry = Entry::make({.position = position,
                                .type = event.type,
                                .data = event.data,
                                .idempotency_key = event.idempotency_key,
                                .sequence = sequence,
                                .arrived = now});
  const Sequence through = surplus(member, entry->footprint(), now);
  if (through != 0) forget_keys(member, through);
  if (!event.idempotency_key.empty()) {
    member.keys.erase(entry->idempotency_key());  // a view into an older entry must not outlive it
    member.keys.emplace(entry->idempotency_key(), sequence);
  }
  send({.kind = Message::Kind::append,
        .source = source_,
        .topic = topic,
        .sequence = through,
        .entry = std::move(entry),
        .shared = {},
        .call = {}});
  if (own_.footprint() > history_.bytes_total) shrink(topic);
  return sequence;
}

std::optional<Sequence> Home::find_key(TopicIndex topic, std::string_view idempotency_key) const {
  const Member& member = *members_.at(topic);
  const auto found = member.keys.find(idempotency_key);
  if (found == member.keys.end()) return std::nullopt;
  return found->second;
}

Sequence Home::surplus(const Member& member, std::size_t coming, TimePoint now) const {
  const TopicLog& log = *member.log;
  Sequence through = 0;
  std::size_t count = log.count() + (coming != 0 ? 1 : 0), bytes = log.footprint() + coming;
  for (Offset offset = log.first(); offset != log.head(); ++offset) {
    const Entry& oldest = log.at(offset);
    if (count <= history_.entries && bytes <= history_.bytes && oldest.arrived() + history_.age >= now) break;
    through = oldest.sequence();
    --count;
    bytes -= oldest.footprint();
  }
  return through;
}

void Home::forget_keys(Member& member, Sequence through) {
  const TopicLog& log = *member.log;
  for (Offset offset = log.first(); offset != log.head() && log.sequence_at(offset) <= through; ++offset) {
    ++evicted_;
    const Entry& entry = log.at(offset);
    if (entry.idempotency_key().empty()) continue;
    const auto found = member.keys.find(entry.idempotency_key());
    if (found != member.keys.end() && found->second == entry.sequence()) member.keys.erase(found);
  }
}

void Home::trim(TopicIndex topic, Member& member, Sequence through) {
  forget_keys(member, through);
  send({.kind = Message::Kind::trim,
        .source = source_,
        .topic = topic,
        .sequence = through,
        .entry = {},
        .shared = {},
        .call = {}});
}

void Home::shrink(TopicIndex appended) {
  // Over the source's total, the topics that have more than their share give up the older half of their entries in
  // turn; one that has a single entry gives it up, but never the one that was just appended.
  for (std::size_t looked = 0; looked < order_.size() && own_.footprint() > history_.bytes_total; ++looked) {
    const TopicIndex topic = order_[sweep_++ % order_.size()];
    Member& member = *members_.at(topic);
    const TopicLog& log = *member.log;
    const std::size_t surplus_count = topic == appended ? log.count() / 2 : (log.count() + 1) / 2;
    if (surplus_count == 0 || log.footprint() <= history_.bytes_total / order_.size()) continue;
    trim(topic, member, log.sequence_at(log.first() + surplus_count - 1));
  }
}

void Home::expire(TimePoint now) {
  constexpr std::size_t topics_per_call = 10'000;  // a full round over the largest number of topics takes 10 s
  for (std::size_t looked = std::min(order_.size(), topics_per_call); looked != 0 && !order_.empty(); --looked) {
    sweep_ = (sweep_ + 1) % order_.size();
    const TopicIndex topic = order_[sweep_];
    Member& member = *members_.at(topic);
    if (const Sequence through = surplus(member, 0, now); through != 0) trim(topic, member, through);
    if (member.log->count() != 0 || member.used + history_.linger > now || !member.shared->try_remove()) continue;
    removed_through_ = std::max(removed_through_, member.log->evicted_through());
    names_.erase(member.shared->name);
    order_[sweep_] = order_.back();
    order_.pop_back();
    send({.kind = Message::Kind::remove,
          .source = source_,
          .topic = topic,
          .sequence = 0,
          .entry = {},
          .shared = {},
          .call = {}});
    members_.erase(topic);
  }
}

}  // namespace sluice::topic
