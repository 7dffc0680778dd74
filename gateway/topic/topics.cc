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
  View(std::string pattern, Sequence start) : log(std::move(pattern), start) {}
  TopicLog log;
  std::uint32_t joined = 0;
  TimePoint left{};
};

struct Topics::Replica {
  Replica(std::shared_ptr<SharedTopic> topic, Sequence start) : shared(std::move(topic)), log(shared->name, start) {}
  std::shared_ptr<SharedTopic> shared;
  TopicLog log;
  std::vector<View*> views;
};

Topics::Topics(std::shared_ptr<SharedSource> shared, const History& history)
    : shared_(std::move(shared)), history_(history) {}
Topics::~Topics() = default;

void Topics::apply(Message&& message) {
  switch (message.kind) {
    case Message::Kind::create: {
      auto replica = std::make_unique<Replica>(std::move(message.shared), message.sequence);
      for (auto& [pattern, view] : views_)
        if (matches(pattern, replica->log.name())) replica->views.push_back(view.get());
      names_[replica->log.name()] = replica.get();
      replicas_[message.topic] = std::move(replica);
      return;
    }
    case Message::Kind::append: {
      Replica& replica = *replicas_.at(message.topic);
      trim(replica.log, message.sequence);
      append(replica, std::move(message.entry));
      return;
    }
    case Message::Kind::trim:
      trim(replicas_.at(message.topic)->log, message.sequence);
      return;
    case Message::Kind::remove: {
      const auto found = replicas_.find(message.topic);
      check(found != replicas_.end() && found->second->log.subscriber_count() == 0,
            "only a topic without subscribers goes");
      TopicLog& log = found->second->log;
      trim(log, applied_);
      removed_through_ = std::max(removed_through_, log.evicted_through());
      std::erase(touched_, &log);
      names_.erase(log.name());
      replicas_.erase(found);
      return;
    }
    case Message::Kind::call:
      check(false, "calls are the worker's own");
      return;
  }
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
  touch(replica.log);
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

void Topics::wake() {
  for (TopicLog* log : touched_) log->wake_subscribers();
  touched_.clear();
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
    std::vector<Replica*> members;
    for (auto& [index, replica] : replicas_)
      if (matches(pattern, replica->log.name())) {
        members.push_back(replica.get());
        start = std::max(start, replica->log.evicted_through());
      }
    std::vector<EntryPtr> entries;
    for (Replica* member : members)
      for (Offset offset = member->log.after(start); offset != member->log.head(); ++offset)
        entries.push_back(member->log.pointer(offset));
    std::ranges::sort(entries, {}, [](const EntryPtr& entry) { return entry->sequence(); });
    auto view = std::make_unique<View>(std::string(pattern), start);
    for (EntryPtr& entry : entries) view->log.append(std::move(entry));
    trim_view(*view, now);
    for (Replica* member : members) member->views.push_back(view.get());
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

TopicLog& Topics::log(TopicIndex topic) { return replicas_.at(topic)->log; }

std::string Topics::position(Sequence sequence) const {
  std::string text;
  proto::append_epoch_sequence(text, shared_->epoch, sequence);
  return text;
}

}  // namespace sluice::topic
