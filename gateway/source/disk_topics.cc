#include "gateway/source/disk_topics.h"

#include <algorithm>

#include "proto/check.h"

namespace sluice::source {

DiskTopics::DiskTopics(SqliteDatabase& database)
    : insert_(database, "INSERT INTO topics VALUES (?, ?, 0)"),
      evict_(database, "UPDATE topics SET evicted_through = ? WHERE id = ?"),
      remove_(database, "DELETE FROM topics WHERE id = ?"),
      raise_removed_(database,
                     "INSERT INTO meta VALUES ('removed_through', ?1) ON CONFLICT DO UPDATE SET value = "
                     "max(CAST(value AS INTEGER), CAST(?1 AS INTEGER))") {
  SqliteStatement rows(database,
                       "SELECT id, name, evicted_through, (SELECT count(*) FROM entries WHERE topic = id) FROM topics");
  while (rows.next()) {
    Topic topic{.id = rows.integer(0),
                .name = std::string(rows.text(1)),
                .entries = static_cast<std::size_t>(rows.integer(3)),
                .evicted_through = static_cast<DiskSequence>(rows.integer(2))};
    last_ = std::max(last_, topic.evicted_through);
    next_id_ = std::max(next_id_, topic.id + 1);
    entries_ += topic.entries;
    if (topic.entries == 0) ++empty_;
    ids_.emplace(topic.name, topic.id);
    topics_.emplace(topic.id, std::move(topic));
  }
  for (const char* sql :
       {"SELECT max(sequence) FROM entries", "SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'removed_through'"})
    last_ = std::max(last_, static_cast<DiskSequence>(SqliteStatement(database, sql).number().value_or(0)));
}

DiskTopics::Topic* DiskTopics::find(const std::string& name) {
  const auto found = ids_.find(name);
  return found == ids_.end() ? nullptr : &topics_.at(found->second);
}

DiskTopics::Topic* DiskTopics::find(std::int64_t id) {
  const auto found = topics_.find(id);
  return found == topics_.end() ? nullptr : &found->second;
}

DiskTopics::Topic& DiskTopics::known(std::int64_t id) {
  Topic* topic = find(id);
  check(topic != nullptr, "what a transaction changes is known");
  return *topic;
}

DiskTopics::Topic& DiskTopics::open(const std::string& name) {
  if (Topic* known = find(name)) return *known;
  const std::int64_t id = next_id_++;
  insert_.with(id, std::string_view(name)).run();
  opened_.push_back(id);
  ids_.emplace(name, id);
  ++empty_;
  return topics_.emplace(id, Topic{.id = id, .name = name}).first->second;
}

void DiskTopics::added(const Topic& topic, std::size_t count, DiskSequence last) {
  changes_.push_back({.topic = topic.id, .added = count});
  last_added_ = last;
}

void DiskTopics::evicted(const Topic& topic, std::size_t count, DiskSequence through) {
  evict_.with(through, topic.id).run();
  changes_.push_back({.topic = topic.id, .evicted = count, .evicted_through = through});
}

void DiskTopics::remove(const std::vector<std::int64_t>& ids, DiskSequence evicted_through) {
  for (const std::int64_t id : ids) remove_.with(id).run();
  raise_removed_.with(std::string_view(std::to_string(evicted_through))).run();
  removed_ = ids;
}

void DiskTopics::keep() {
  for (const Change& change : changes_) {
    Topic& topic = known(change.topic);
    check(topic.entries + change.added >= change.evicted, "no more entries go than there are");
    const bool was_empty = topic.entries == 0;
    topic.entries = topic.entries + change.added - change.evicted;
    topic.evicted_through = std::max(topic.evicted_through, change.evicted_through);
    entries_ = entries_ + change.added - change.evicted;
    if (was_empty && topic.entries != 0) --empty_;
    if (!was_empty && topic.entries == 0) ++empty_;
  }
  last_ = std::max(last_, last_added_);
  for (const std::int64_t id : removed_) forget(id);
  begin_anew();
}

void DiskTopics::drop() {
  for (const std::int64_t id : opened_) forget(id);
  begin_anew();
}

void DiskTopics::begin_anew() {
  opened_.clear();
  changes_.clear();
  removed_.clear();
  last_added_ = 0;
}

void DiskTopics::forget(std::int64_t id) {
  check(known(id).entries == 0, "only an empty topic is forgotten");
  ids_.erase(known(id).name);
  topics_.erase(id);
  --empty_;
}

}  // namespace sluice::source
