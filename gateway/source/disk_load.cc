#include "gateway/source/disk_load.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "gateway/source/disk_row.h"

namespace sluice::source {
namespace {

// How much of the file a start looks at, as a multiple of the data that it may load: one busy topic hides the others
// behind entries that its own limit leaves out.
constexpr std::size_t looked_at_factor = 2;

struct Loading {
  DiskTopic topic;
  std::size_t entries = 0;
  std::size_t bytes = 0;
  bool full = false;
};
using Topics = std::unordered_map<std::int64_t, Loading>;

Topics read_topics(SqliteDatabase& database) {
  Topics topics;
  SqliteStatement rows(database, "SELECT id, name, evicted_through FROM topics");
  while (rows.next()) {
    const auto evicted_through = static_cast<DiskSequence>(rows.integer(2));
    topics[rows.integer(0)].topic = {
        .name = std::string(rows.text(1)), .evicted_through = evicted_through, .loaded_after = evicted_through};
  }
  return topics;
}

// From the newest entry back: where each topic begins. Answers the sequence up to which nothing is loaded.
DiskSequence choose(SqliteDatabase& database, const DiskLoadLimits& limits, Topics& topics) {
  std::size_t chosen_bytes = 0, looked_at_bytes = 0;
  SqliteStatement rows(database, "SELECT sequence, topic, length(data) FROM entries ORDER BY sequence DESC");
  while (rows.next()) {
    const auto sequence = static_cast<DiskSequence>(rows.integer(0));
    const auto size = static_cast<std::size_t>(rows.integer(2));
    looked_at_bytes += size;
    if (chosen_bytes + size > limits.bytes_total || looked_at_bytes > looked_at_factor * limits.bytes_total)
      return sequence;
    const auto found = topics.find(rows.integer(1));
    if (found == topics.end() || found->second.full) continue;
    Loading& loading = found->second;
    if (loading.entries == limits.entries || loading.bytes + size > limits.bytes) {
      loading.full = true;
      loading.topic.loaded_after = sequence;
      continue;
    }
    ++loading.entries;
    loading.bytes += size;
    chosen_bytes += size;
  }
  return 0;
}

}  // namespace

std::vector<DiskTopic> load_newest(SqliteDatabase& database, const DiskLoadLimits& limits,
                                   const std::function<void(DiskEntry&&)>& each) {
  database.begin_reading();
  Topics topics = read_topics(database);
  const DiskSequence begin = choose(database, limits, topics);
  for (auto& [id, loading] : topics) loading.topic.loaded_after = std::max(loading.topic.loaded_after, begin);

  SqliteStatement rows(database, std::string(select_entry) + "WHERE sequence > ? ORDER BY sequence");
  rows.with(begin);
  while (rows.next()) {
    const auto found = topics.find(rows.integer(topic_column));
    if (found == topics.end()) continue;
    DiskEntry entry = entry_of(rows);
    if (entry.sequence > found->second.topic.loaded_after) each(std::move(entry));
  }
  std::vector<DiskTopic> answer;
  answer.reserve(topics.size());
  for (auto& [id, loading] : topics) answer.push_back(std::move(loading.topic));
  if (!database.commit()) answer.clear();
  return answer;
}

}  // namespace sluice::source
