#include "gateway/topic/home.h"

#include <algorithm>

#include "proto/check.h"

namespace sluice::topic {

struct Home::Member {
  TopicIndex index = 0;
  std::shared_ptr<SharedTopic> shared;
  TopicLog* log = nullptr;                              // this worker's replica
  TimePoint used{};                                     // last append or open
  std::optional<TimePoint> left;                        // since when nobody is subscribed, as far as a sweep saw it
  std::unordered_map<std::string_view, Sequence> keys;  // views into the entries
};

Home::Home(SourceIndex source, Topics& own, const History& history, std::size_t topics_max, Broadcast broadcast)
    : source_(source),
      own_(own),
      history_(history),
      topics_max_(topics_max),
      broadcast_(std::move(broadcast)),
      removed_position_(own.format().text_of(0).value_or("")) {}
Home::~Home() = default;

Home::Member& Home::member(TopicIndex topic) {
  if (recent_ == nullptr || recent_->index != topic) recent_ = members_.at(topic).get();
  return *recent_;
}

void Home::send(Message&& message) {
  broadcast_(message);
  own_.apply(std::move(message));
}

namespace {

std::shared_ptr<SharedTopic> place_of(const std::string& position) {
  auto shared = std::make_shared<SharedTopic>();
  shared->start_position = position;
  return shared;
}

}  // namespace

void Home::start(const std::string& position, Sequence last) {
  ++begun_;
  last_ = std::max(last_, last);
  for (auto& [index, member] : members_) forget_keys(*member, last_);
  removed_through_ = last_;
  removed_position_ = position;
  send({.kind = Message::Kind::start, .source = source_, .topic = 0, .sequence = last_, .shared = place_of(position)});
}

void Home::restart(const std::string& position, GapReason reason, TimePoint now) {
  start(position);
  lose(reason, position, now);
}

void Home::restart(TopicIndex topic, const std::string& position, GapReason reason, TimePoint now) {
  ++begun_;
  forget_keys(*members_.at(topic), last_);
  send({.kind = Message::Kind::restart,
        .source = source_,
        .topic = topic,
        .sequence = last_,
        .shared = place_of(position)});
  append_gap(topic, reason, position, now);
}

std::optional<TopicIndex> Home::find(std::string_view topic) const {
  const auto found = names_.find(topic);
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

std::optional<TopicIndex> Home::open(const std::string& topic, TimePoint now, const std::string& start) {
  if (recent_ == nullptr || recent_->shared->name != topic)
    if (const auto found = names_.find(topic); found != names_.end()) recent_ = &member(found->second);
  if (recent_ != nullptr && recent_->shared->name == topic) {
    recent_->used = now;
    recent_->left.reset();  // whoever asks is about to join
    return recent_->index;
  }
  if (members_.size() >= topics_max_) return std::nullopt;
  auto member = std::make_unique<Member>();
  member->shared = std::make_shared<SharedTopic>();
  member->shared->name = topic;
  member->shared->start_position = start.empty() ? removed_position_ : start;
  member->used = now;
  const TopicIndex index = member->index = next_topic_++;
  send({.kind = Message::Kind::create,
        .source = source_,
        .topic = index,
        .sequence = start.empty() ? removed_through_ : last_,
        .shared = member->shared});
  member->log = &own_.log(index);
  names_.emplace(member->shared->name, index);
  order_.push_back(index);
  members_.emplace(index, std::move(member));
  return index;
}

Sequence Home::append(TopicIndex topic, const Event& event, TimePoint now) {
  const Sequence sequence = ++last_;
  const auto position = own_.format().text_of(sequence);
  check(position.has_value(), "a source without an order of its own says where in its engine an event stands");
  return append_as(topic, sequence, *position, event, now);
}

void Home::append_at(TopicIndex topic, Sequence sequence, const Event& event, TimePoint now) {
  check(sequence > last_, "a source's store gives rising sequences");
  last_ = sequence;
  append_as(topic, sequence, own_.format().text_of(sequence).value_or(""), event, now);
}

Sequence Home::append(TopicIndex topic, std::string_view position, const Event& event, TimePoint now) {
  return append_as(topic, ++last_, position, event, now);
}

void Home::append_gap(TopicIndex topic, GapReason reason, std::string_view to, TimePoint now) {
  const Sequence sequence = ++last_;
  const std::string position = to.empty() ? own_.format().text_of(sequence).value_or("") : std::string(to);
  const TopicLog& log = *members_.at(topic)->log;
  const Gap gap{.topic = log.name(), .from = log.newest_position(), .to = position, .reason = reason};
  append_as(topic, sequence, position, {.type = std::string(gap_event), .data = gap_data(gap)}, now);
  --appended_;
}

void Home::lose_unopened(GapReason reason, std::string_view to, TimePoint now) { send_loss(reason, to, now, false); }

void Home::pass_over(std::string_view to, TimePoint now) { send_loss(GapReason::too_many_topics, to, now, true); }

void Home::send_loss(GapReason reason, std::string_view to, TimePoint now, bool to_every_view) {
  const PositionFormat& format = own_.format();
  const std::string all = own_.source() + "/**";
  const std::string from = format.text_of(last_).value_or(removed_position_);
  removed_through_ = ++last_;
  removed_position_ = to.empty() ? format.text_of(last_).value_or("") : std::string(to);
  const Gap gap{.topic = all, .from = from, .to = removed_position_, .reason = reason};
  send({.kind = Message::Kind::lose,
        .to_every_view = to_every_view,
        .source = source_,
        .topic = 0,
        .sequence = last_,
        .entry = Entry::make({.position = removed_position_,
                              .type = gap_event,
                              .data = gap_data(gap),
                              .sequence = last_,
                              .arrived = now})});
}

void Home::lose(GapReason reason, std::string_view to, TimePoint now) {
  for (const TopicIndex topic : order_) append_gap(topic, reason, to, now);
  lose_unopened(reason, to, now);
}

Sequence Home::append_as(TopicIndex topic, Sequence sequence, std::string_view position, const Event& event,
                         TimePoint now) {
  Member& member = this->member(topic);
  member.used = now;
  ++appended_;
  const bool is_value = history_.snapshot && event.type != gap_event;
  const std::string key = history_.keyed ? conflation_key(member.shared->name, event.key, is_value) : std::string();
  EntryPtr entry = Entry::make({.position = position,
                                .type = event.type,
                                .data = event.data,
                                .idempotency_key = event.idempotency_key,
                                .key = key,
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
        .entry = std::move(entry)});
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
  send({.kind = Message::Kind::trim, .source = source_, .topic = topic, .sequence = through});
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

void Home::expire(TimePoint now, const std::function<void(const std::string&)>& closed) {
  constexpr std::size_t topics_per_call = 10'000;  // a full round over the largest number of topics takes 10 s
  for (std::size_t looked = std::min(order_.size(), topics_per_call); looked != 0 && !order_.empty(); --looked) {
    sweep_ = (sweep_ + 1) % order_.size();
    const TopicIndex topic = order_[sweep_];
    Member& member = *members_.at(topic);
    if (const Sequence through = surplus(member, 0, now); through != 0) trim(topic, member, through);
    if (member.shared->subscribers.load(std::memory_order_relaxed) != 0)
      member.left.reset();
    else if (!member.left)
      member.left = now;
    // Where the engine has the past too, and a place of its own for each topic, a ring that nobody reads is no reason
    // to follow the engine's topic any longer.
    const bool dispensable =
        own_.replays() && own_.format().per_topic() && member.left && *member.left + history_.linger <= now;
    const bool empty = member.log->count() == 0 && member.used + history_.linger <= now;
    // What only this process knows: the values of a snapshot outlive the ring.
    const Newest* newest = member.log->newest();
    const bool has_values = history_.snapshot && !own_.replays() && newest != nullptr && newest->value_count() != 0;
    if ((!dispensable && !empty) || has_values || !member.shared->try_remove()) continue;
    if (member.log->evicted_through() >= removed_through_) {
      removed_through_ = member.log->evicted_through();
      removed_position_ = member.log->evicted_position();
    }
    if (closed) closed(member.shared->name);
    names_.erase(member.shared->name);
    order_[sweep_] = order_.back();
    order_.pop_back();
    send({.kind = Message::Kind::remove, .source = source_, .topic = topic, .sequence = 0});
    if (recent_ == &member) recent_ = nullptr;
    members_.erase(topic);
  }
}

}  // namespace sluice::topic
