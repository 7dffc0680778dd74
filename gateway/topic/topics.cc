#include "gateway/topic/topics.h"

#include <algorithm>

#include "proto/check.h"

namespace sluice::topic {

bool is_pattern(std::string_view topic) { return topic.ends_with("/**"); }

bool matches(std::string_view pattern, std::string_view topic) {
  if (!is_pattern(pattern)) return pattern == topic;
  const std::string_view prefix = pattern.substr(0, pattern.size() - 2);  // keeps the '/'
  return topic.size() > prefix.size() && topic.starts_with(prefix);
}

// A wildcard: one ring of pointers over all topics that match, shared by all who asked for it.
struct Topics::View {
  View(std::string pattern, Sequence start, std::string position, bool keep_evicted)
      : log(std::move(pattern), start, std::move(position), keep_evicted) {}
  TopicLog log;
  std::uint32_t joined = 0;
  Sequence told_of_loss = 0;  // the gap that it got as the only one of the source's loss
  TimePoint left{};
};

struct Topics::Replica {
  Replica(TopicIndex topic_index, std::shared_ptr<SharedTopic> topic, Sequence start, bool keep_evicted)
      : index(topic_index), shared(std::move(topic)), log(shared->name, start, shared->start_position, keep_evicted) {}
  const TopicIndex index;
  std::shared_ptr<SharedTopic> shared;
  TopicLog log;
  std::vector<View*> views;
};

Topics::Topics(std::shared_ptr<SharedSource> shared, const History& history)
    : shared_(std::move(shared)),
      history_(history),
      newest_budget_{.used = 0, .most = history.bytes_total},
      applied_position_(format().text_of(0).value_or("")),
      removed_position_(applied_position_) {}
Topics::~Topics() = default;

void Topics::apply(Message&& message) {
  if (message.kind == Message::Kind::create || message.kind == Message::Kind::start) ++revision_;
  switch (message.kind) {
    case Message::Kind::create: {
      auto replica =
          std::make_unique<Replica>(message.topic, std::move(message.shared), message.sequence, shared_->replays);
      for (auto& [pattern, view] : views_)
        if (matches(pattern, replica->log.name())) replica->views.push_back(view.get());
      if (history_.snapshot && !shared_->replays) keep_newest(replica->log);
      names_[replica->log.name()] = replica.get();
      replicas_[message.topic] = std::move(replica);
      return;
    }
    case Message::Kind::append: {
      Replica& of = replica(message.topic);
      trim(of.log, message.sequence);
      append(of, std::move(message.entry));
      return;
    }
    case Message::Kind::trim:
      trim(replicas_.at(message.topic)->log, message.sequence);
      return;
    case Message::Kind::start:
      return start(message);
    case Message::Kind::restart:
      restart(*replicas_.at(message.topic), message);
      return;
    case Message::Kind::remove: {
      const auto found = replicas_.find(message.topic);
      check(found != replicas_.end() && found->second->log.subscriber_count() == 0,
            "only a topic without subscribers goes");
      TopicLog& log = found->second->log;
      trim(log, applied_);
      if (log.evicted_through() >= removed_through_) {
        removed_through_ = log.evicted_through();
        removed_position_ = log.evicted_position();
      }
      if (newest_log_ == &log) {
        applied_position_ = log.newest_position();
        newest_log_ = nullptr;
      }
      std::erase(touched_, &log);
      if (recent_ == found->second.get()) recent_ = nullptr;
      names_.erase(log.name());
      replicas_.erase(found);
      return;
    }
    case Message::Kind::lose:
      return lose(message);
    case Message::Kind::call:
      check(false, "calls are the worker's own");
      return;
  }
}

Topics::Replica& Topics::replica(TopicIndex topic) {
  if (recent_ == nullptr || recent_->index != topic) recent_ = replicas_.at(topic).get();
  return *recent_;
}

void Topics::append(Replica& replica, EntryPtr entry) {
  applied_ = entry->sequence();
  ++entries_;
  footprint_ += entry->footprint();
  for (View* view : replica.views) {
    view->log.append(entry);
    trim_view(*view, entry->arrived());
    touch(view->log);
  }
  replica.log.append(std::move(entry));
  newest_log_ = &replica.log;
  touch(replica.log);
}

void Topics::start(const Message& message) {
  for (auto& [index, replica] : replicas_) restart(*replica, message);
  for (auto& [pattern, view] : views_) {
    view->log.restart(message.sequence, message.shared->start_position);
    touch(view->log);
  }
  ++beginning_;
  newest_log_ = nullptr;
  removed_through_ = message.sequence;
  applied_ = std::max(applied_, message.sequence);
  applied_position_ = removed_position_ = message.shared->start_position;
}

void Topics::lose(const Message& message) {
  newest_log_ = nullptr;
  removed_through_ = applied_ = message.sequence;
  removed_position_ = applied_position_ = message.entry->position();
  for (auto& [pattern, view] : views_) {
    // Its topics have told it; and an engine that fails for hours fills no ring.
    const auto is_told = [one = view.get()](const auto& entry) {
      return std::ranges::count(entry.second->views, one) != 0;
    };
    if (!message.to_every_view && std::ranges::any_of(replicas_, is_told)) continue;
    TopicLog& log = view->log;
    if (!message.to_every_view && log.count() != 0 && log.sequence_at(log.head() - 1) == view->told_of_loss) continue;
    log.append(message.entry);
    if (!message.to_every_view) view->told_of_loss = message.sequence;
    trim_view(*view, message.entry->arrived());
    touch(log);
  }
}

void Topics::restart(Replica& replica, const Message& message) {
  trim(replica.log, message.sequence);
  replica.log.restart(message.sequence, message.shared->start_position);
  touch(replica.log);
}

std::string_view Topics::now_position(const TopicLog& log) const {
  if (format().per_topic()) return log.newest_position();
  return newest_log_ != nullptr ? newest_log_->newest_position() : std::string_view(applied_position_);
}

void Topics::trim(TopicLog& log, Sequence through) {
  if (log.count() == 0 || log.sequence_at(log.first()) > through) return;
  entries_ -= log.count();
  footprint_ -= log.footprint();
  log.trim(through);
  entries_ += log.count();
  footprint_ += log.footprint();
  touch(log);
}

void Topics::trim_view(View& view, TimePoint now) {
  TopicLog& log = view.log;
  while (log.count() != 0 && (log.count() > history_.entries || (log.count() > 1 && log.footprint() > history_.bytes) ||
                              log.at(log.first()).arrived() + history_.age < now))
    log.trim(log.sequence_at(log.first()));
}

void Topics::touch(TopicLog& log) {
  if (!log.mark_touched()) return;
  touched_.push_back(&log);
}

TimePoint Topics::wake(TimePoint now) {
  TimePoint next = TimePoint::max();
  std::erase_if(touched_, [&](TopicLog* log) {
    if (log->next_wake() > now && !log->has_just_evicted()) {  // those entries are kept until it is woken
      next = std::min(next, log->next_wake());
      return false;
    }
    log->wake_subscribers(now);
    return true;
  });
  return next;
}

void Topics::expire(TimePoint now) {
  for (auto it = views_.begin(); it != views_.end();) {
    View& view = *it->second;
    trim_view(view, now);
    if (view.joined == 0 && view.left + history_.linger < now) {
      for (auto& [index, replica] : replicas_) std::erase(replica->views, &view);
      std::erase(touched_, &view.log);
      it = views_.erase(it);
    } else {
      ++it;
    }
  }
}

TopicLog* Topics::join(std::string_view topic) {
  const auto found = names_.find(topic);
  if (found == names_.end() || !found->second->shared->join()) return nullptr;
  return &found->second->log;
}

TopicLog& Topics::join_view(std::string_view pattern, TimePoint now) {
  auto found = views_.find(pattern);
  if (found == views_.end()) {
    // Complete only above what any of its topics has lost.
    Sequence start = removed_through_;
    std::string_view position = removed_position_;
    std::vector<Replica*> members;
    for (auto& [index, replica] : replicas_)
      if (matches(pattern, replica->log.name())) {
        members.push_back(replica.get());
        if (replica->log.evicted_through() < start) continue;
        start = replica->log.evicted_through();
        position = replica->log.evicted_position();
      }
    std::vector<EntryPtr> entries;
    for (Replica* member : members)
      for (Offset offset = member->log.after(start); offset != member->log.head(); ++offset)
        entries.push_back(member->log.pointer(offset));
    std::ranges::sort(entries, {}, [](const EntryPtr& entry) { return entry->sequence(); });
    auto view = std::make_unique<View>(std::string(pattern), start, std::string(position), shared_->replays);
    for (EntryPtr& entry : entries) view->log.append(std::move(entry));
    trim_view(*view, now);
    for (Replica* member : members) member->views.push_back(view.get());
    if (history_.snapshot && !shared_->replays) {
      keep_newest(view->log);
      for (Replica* member : members) view->log.newest()->add(*member->log.newest());
    }
    found = views_.emplace(std::string(pattern), std::move(view)).first;
  }
  ++found->second->joined;
  return found->second->log;
}

void Topics::leave(TopicLog& log, TimePoint now) {
  if (is_pattern(log.name())) {
    View& view = *views_.find(log.name())->second;
    check(view.joined > 0, "a view is left once for each join");
    if (--view.joined == 0) view.left = now;
    return;
  }
  names_.find(log.name())->second->shared->leave();
}

// --- By value --------------------------------------------------------------------------------------------------------

void Topics::keep_newest(TopicLog& log) {
  if (log.newest() != nullptr) return;
  // A view is given what its topics know.
  const Sequence forgotten = is_pattern(log.name()) ? removed_through_ : log.evicted_through();
  const bool whole = shared_->replays || (shared_->whole && forgotten == 0);
  auto newest =
      std::make_unique<Newest>(Newest::Limits{.keys = history_.keys, .bytes = history_.bytes, .all = &newest_budget_},
                               log.evicted_through(), whole);
  for (Offset offset = log.first(); offset != log.head(); ++offset) newest->take(log.pointer(offset));
  if (history_.snapshot && shared_->replays) newest->want_past(log.evicted_position());
  log.keep_newest(std::move(newest));
}

Round Topics::place_now(const TopicLog& log) const {
  return {.next = log.head(), .through = applied_, .position = std::string(now_position(log))};
}

RoundPtr Topics::snapshot(const TopicLog& log) const { return log.newest()->snapshot(log, place_now(log)); }

RoundPtr Topics::conflate(const TopicLog& log, Sequence after, Offset next, std::uint64_t lag_max) const {
  const bool lost = next < log.first();
  if (!lost && log.head() - next <= lag_max) return nullptr;
  if (log.newest() == nullptr || !log.newest()->covers(after)) return nullptr;
  Round place = place_now(log);
  place.skipped = log.head() - next;
  return log.newest()->changed(log, after, std::move(place), lost, lag_max);
}

RoundPtr Topics::changed(const TopicLog& log, Sequence after, Offset next) const {
  if (log.newest() == nullptr || !log.newest()->covers(after)) return nullptr;
  Round place = place_now(log);
  place.skipped = log.head() - next;
  return log.newest()->changed(log, after, std::move(place), true, 0);
}

TopicLog& Topics::log(TopicIndex topic) { return replicas_.at(topic)->log; }

}  // namespace sluice::topic
