#include "gateway/source/disk_retention.h"

#include <algorithm>
#include <map>

namespace sluice::source {
namespace {

// A step holds appends up: 1,000 rows are some milliseconds, 4 MiB of free pages too.
constexpr std::size_t step_rows = 1'000;
constexpr std::size_t step_bytes = 4 * 1024 * 1024;
constexpr const char* give_back_pages = "PRAGMA incremental_vacuum(1024)";
// What an entry takes beside its data: its row, and its places in the indexes.
constexpr std::size_t entry_overhead_bytes = 64;
// Appends use free pages first: only more than an eighth of the file is given back.
constexpr std::size_t free_pages_kept = 256;
// Rows of topics without entries say what they lost; beyond this many the oldest share one number.
constexpr std::size_t empty_topics_max = 10'000;

}  // namespace

DiskRetention::DiskRetention(SqliteDatabase& database, DiskTopics& topics, const DiskOptions& options)
    : database_(database),
      topics_(topics),
      age_max_(options.age),
      entries_max_(options.entries),
      bytes_max_(options.bytes),
      oldest_(database, "SELECT sequence, topic, time_ms, length(data) FROM entries ORDER BY sequence LIMIT ?"),
      oldest_of_topic_(database,
                       "SELECT sequence FROM entries WHERE topic = ? AND sequence <= ? ORDER BY sequence LIMIT ?"),
      delete_(database, "DELETE FROM entries WHERE sequence = ?"),
      page_count_(database, "PRAGMA page_count"),
      free_page_count_(database, "PRAGMA freelist_count"),
      page_size_(static_cast<std::size_t>(SqliteStatement(database, "PRAGMA page_size").number().value_or(0))) {
  bytes_ = used_bytes();
  topics.for_each([&](const DiskTopics::Topic& topic) {
    if (is_crowded(topic)) crowded_.insert(topic.name);
  });
}

void DiskRetention::added(const std::string& topic) {
  const DiskTopics::Topic* found = topics_.find(topic);
  if (found != nullptr && is_crowded(*found)) crowded_.insert(topic);
}

bool DiskRetention::is_crowded(const DiskTopics::Topic& topic) const {
  return entries_max_ != 0 && topic.entries > entries_max_ + entries_max_ / 64;
}

bool DiskRetention::step(DiskTime now) {
  problem_.clear();
  const bool did = take(find_asked()) || take(find_crowded()) || take(find_old_or_large(now)) || shrink_file() ||
                   forget_empty_topics();
  bytes_ = used_bytes();
  if (database_.failed()) problem_ = database_.roll_back().text;
  return did && problem_.empty();
}

std::size_t DiskRetention::used_bytes() {
  const std::int64_t used = page_count_.number().value_or(0) - free_page_count_.number().value_or(0);
  return static_cast<std::size_t>(used) * page_size_;
}

std::vector<DiskRetention::Row> DiskRetention::find_asked() {
  while (!asked_.empty() && !database_.failed()) {
    const Trim& trim = asked_.front();
    if (const DiskTopics::Topic* topic = topics_.find(trim.topic))
      if (auto rows = oldest_of(*topic, trim.through, step_rows); !rows.empty()) return rows;
    if (!database_.failed()) asked_.pop_front();
  }
  return {};
}

std::vector<DiskRetention::Row> DiskRetention::find_crowded() {
  while (!crowded_.empty() && !database_.failed()) {
    const DiskTopics::Topic* topic = topics_.find(*crowded_.begin());
    if (topic != nullptr && topic->entries > entries_max_)
      return oldest_of(*topic, topics_.last(), std::min(step_rows, topic->entries - entries_max_));
    crowded_.erase(crowded_.begin());
  }
  return {};
}

std::vector<DiskRetention::Row> DiskRetention::find_old_or_large(DiskTime now) {
  const std::size_t used = bytes_max_ == 0 ? 0 : used_bytes();
  const std::size_t wanted = bytes_max_ - bytes_max_ / 64;
  making_room_ = bytes_max_ != 0 && (used > bytes_max_ || (making_room_ && used > wanted));
  if (age_max_.count() == 0 && !making_room_) return {};

  std::vector<Row> rows;
  std::size_t freed = 0;
  oldest_.with(step_rows);
  while (freed < step_bytes && oldest_.next()) {
    const bool old = age_max_.count() != 0 && DiskTime(oldest_.integer(2)) < now - age_max_;
    const bool large = making_room_ && freed < used - wanted;
    if (!old && !large) break;
    rows.push_back({static_cast<DiskSequence>(oldest_.integer(0)), oldest_.integer(1)});
    freed += static_cast<std::size_t>(oldest_.integer(3)) + entry_overhead_bytes;
  }
  oldest_.reset();
  return rows;
}

std::vector<DiskRetention::Row> DiskRetention::oldest_of(const DiskTopics::Topic& topic, DiskSequence through,
                                                         std::size_t count_max) {
  std::vector<Row> rows;
  oldest_of_topic_.with(topic.id, through, count_max);
  while (oldest_of_topic_.next()) rows.push_back({static_cast<DiskSequence>(oldest_of_topic_.integer(0)), topic.id});
  return rows;
}

bool DiskRetention::take(const std::vector<Row>& rows) {
  if (rows.empty()) return false;
  struct Loss {
    std::size_t count = 0;
    DiskSequence through = 0;
  };
  std::map<std::int64_t, Loss> losses;  // by topic; rows are in rising order
  database_.begin();
  for (const Row& row : rows) {
    delete_.with(row.sequence).run();
    Loss& loss = losses[row.topic];
    loss = {.count = loss.count + 1, .through = row.sequence};
  }
  for (const auto& [id, loss] : losses)
    if (const DiskTopics::Topic* topic = topics_.find(id)) topics_.evicted(*topic, loss.count, loss.through);
  conclude();
  return true;
}

bool DiskRetention::shrink_file() {
  const auto count = static_cast<std::size_t>(page_count_.number().value_or(0));
  const auto free = static_cast<std::size_t>(free_page_count_.number().value_or(0));
  if (free <= std::max(free_pages_kept, count / 8)) return false;
  database_.run(give_back_pages);
  return static_cast<std::size_t>(free_page_count_.number().value_or(0)) < free;
}

bool DiskRetention::forget_empty_topics() {
  if (topics_.empty_count() <= empty_topics_max) return false;
  std::vector<std::pair<DiskSequence, std::int64_t>> empty;
  topics_.for_each([&](const DiskTopics::Topic& topic) {
    if (topic.entries == 0) empty.emplace_back(topic.evicted_through, topic.id);
  });
  std::sort(empty.begin(), empty.end());
  empty.resize(std::min(empty.size(), step_rows));
  std::vector<std::int64_t> ids;
  for (const auto& [through, id] : empty) ids.push_back(id);
  database_.begin();
  topics_.remove(ids, empty.back().first);
  conclude();
  return true;
}

// Ends a step's transaction.
void DiskRetention::conclude() {
  if (database_.commit()) return topics_.keep();
  topics_.drop();
  problem_ = database_.roll_back().text;
}

}  // namespace sluice::source
