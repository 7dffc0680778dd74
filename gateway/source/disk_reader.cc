#include "gateway/source/disk_reader.h"

#include <algorithm>
#include <queue>
#include <utility>

#include "gateway/source/disk_row.h"

namespace sluice::source {
namespace {

// Up to here each topic is read by the index of topics; beyond, to begin in each of them costs more than to read on in
// order and skip what is not wanted.
constexpr std::size_t merged_topics_max = 256;
constexpr std::size_t chunk_min = 16;
// One page looks at so many entries at most: some milliseconds.
constexpr std::size_t scanned_entries_max = 20'000;

// One topic's sequences, some at a time.
struct Feed {
  std::int64_t topic = 0;
  std::vector<DiskSequence> chunk;
  std::size_t index = 0;
  bool more = true;
};

void refill(Feed& feed, SqliteStatement& sequences, DiskSequence after, std::size_t count_max) {
  feed.chunk.clear();
  feed.index = 0;
  sequences.with(feed.topic, after, count_max);
  while (sequences.next()) feed.chunk.push_back(static_cast<DiskSequence>(sequences.integer(0)));
  feed.more = feed.chunk.size() == count_max;
}

}  // namespace

DiskReader::DiskReader(std::unique_ptr<SqliteDatabase> database)
    : database_(std::move(database)),
      topic_by_name_(*database_, "SELECT id, evicted_through FROM topics WHERE name = ?"),
      topics_between_(*database_, "SELECT id, evicted_through FROM topics WHERE name > ? AND name < ?"),
      evicted_through_(*database_, "SELECT max(evicted_through) FROM topics"),
      removed_through_(*database_, "SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'removed_through'"),
      last_(*database_, "SELECT max(sequence) FROM entries"),
      time_at_or_after_(*database_,
                        "SELECT sequence, time_ms FROM entries WHERE sequence >= ? ORDER BY sequence LIMIT 1"),
      sequences_of_topic_(*database_,
                          "SELECT sequence FROM entries WHERE topic = ? AND sequence > ? ORDER BY sequence LIMIT ?"),
      sequences_(*database_, "SELECT sequence, topic FROM entries WHERE sequence > ? ORDER BY sequence"),
      entry_(*database_, std::string(select_entry) + "WHERE sequence = ?") {}

DiskPage DiskReader::read(const DiskQuery& query) {
  DiskPage page;
  database_->begin_reading();
  const Wanted wanted = want(query.topics);
  const DiskSequence after = query.since ? std::max(query.after, last_before(*query.since)) : query.after;
  const std::size_t entries_max = std::max<std::size_t>(query.entries_max, 1);
  Picked picked = wanted.all || wanted.topics.size() > merged_topics_max ? pick_by_scan(wanted, after, entries_max)
                                                                         : pick_by_topic(wanted, after, entries_max);
  page.evicted_through = wanted.evicted_through;
  if (picked.end) {
    const auto last = static_cast<DiskSequence>(last_.number().value_or(0));
    picked.through = std::max({after, last, wanted.evicted_through});
  }
  fetch(picked, query.bytes_max, page);
  if (!database_->commit()) page = {.problem = database_->roll_back().text};
  return page;
}

DiskReader::Wanted DiskReader::want(const std::vector<std::string>& topics) {
  Wanted wanted;
  // Topics that were removed have no row of their own any more.
  const auto removed_through = static_cast<DiskSequence>(removed_through_.number().value_or(0));
  if (topics.empty()) {
    wanted.all = true;
    wanted.evicted_through =
        std::max(removed_through, static_cast<DiskSequence>(evicted_through_.number().value_or(0)));
  }
  for (const std::string& topic : topics) {
    const std::size_t known = wanted.topics.size();
    const bool is_pattern = topic.ends_with("/**");
    if (is_pattern) {
      // "a/**": all names from "a/" to before "a0", '0' being the character after '/'.
      const std::string below = topic.substr(0, topic.size() - 2);
      std::string beyond = below;
      ++beyond.back();
      want_rows(wanted, topics_between_.with(std::string_view(below), std::string_view(beyond)));
    } else {
      want_rows(wanted, topic_by_name_.with(std::string_view(topic)));
    }
    if (is_pattern || wanted.topics.size() == known)
      wanted.evicted_through = std::max(wanted.evicted_through, removed_through);
  }
  return wanted;
}

void DiskReader::want_rows(Wanted& wanted, SqliteStatement& rows) {
  while (rows.next()) {
    wanted.topics.insert(rows.integer(0));
    wanted.evicted_through = std::max(wanted.evicted_through, static_cast<DiskSequence>(rows.integer(1)));
  }
}

// Times rise with sequences: halves the range until the border is found.
DiskSequence DiskReader::last_before(DiskTime time) {
  DiskSequence before = 0;                                                // entries up to here are older
  auto from = static_cast<DiskSequence>(last_.number().value_or(0)) + 1;  // from here on they are not
  while (before + 1 < from) {
    const DiskSequence middle = before + (from - before) / 2;
    time_at_or_after_.with(middle);
    if (!time_at_or_after_.next()) break;
    const auto sequence = static_cast<DiskSequence>(time_at_or_after_.integer(0));
    const bool older = DiskTime(time_at_or_after_.integer(1)) < time;
    time_at_or_after_.reset();
    if (older)
      before = sequence;
    else
      from = middle;
  }
  return before;
}

DiskReader::Picked DiskReader::pick_by_topic(const Wanted& wanted, DiskSequence after, std::size_t entries_max) {
  Picked picked{.through = after};
  if (wanted.topics.empty()) return {.through = after, .end = true};
  const std::size_t chunk = std::max(chunk_min, 2 * entries_max / wanted.topics.size());
  std::vector<Feed> feeds;
  using Next = std::pair<DiskSequence, std::size_t>;
  std::priority_queue<Next, std::vector<Next>, std::greater<>> next;  // the oldest first
  for (const std::int64_t topic : wanted.topics) {
    Feed& feed = feeds.emplace_back(Feed{.topic = topic});
    refill(feed, sequences_of_topic_, after, chunk);
    if (!feed.chunk.empty()) next.emplace(feed.chunk.front(), feeds.size() - 1);
  }
  while (!next.empty() && picked.sequences.size() < entries_max) {
    const auto [sequence, index] = next.top();
    next.pop();
    picked.sequences.push_back(sequence);
    picked.through = sequence;
    Feed& feed = feeds[index];
    if (++feed.index == feed.chunk.size() && feed.more) refill(feed, sequences_of_topic_, sequence, chunk);
    if (feed.index < feed.chunk.size()) next.emplace(feed.chunk[feed.index], index);
  }
  picked.end = next.empty();
  return picked;
}

DiskReader::Picked DiskReader::pick_by_scan(const Wanted& wanted, DiskSequence after, std::size_t entries_max) {
  Picked picked{.through = after, .end = true};
  std::size_t scanned = 0;
  sequences_.with(after);
  while (sequences_.next()) {
    const auto sequence = static_cast<DiskSequence>(sequences_.integer(0));
    const bool is_wanted = wanted.has(sequences_.integer(1));
    if (scanned++ == scanned_entries_max || (is_wanted && picked.sequences.size() == entries_max)) {
      picked.through = sequence - 1;
      picked.end = false;
      break;
    }
    if (is_wanted) picked.sequences.push_back(sequence);
  }
  sequences_.reset();
  return picked;
}

void DiskReader::fetch(const Picked& picked, std::size_t bytes_max, DiskPage& page) {
  page.through = picked.through;
  page.end = picked.end;
  page.entries.reserve(picked.sequences.size());
  std::size_t bytes = 0;
  for (const DiskSequence sequence : picked.sequences) {
    entry_.with(sequence);
    if (!entry_.next()) continue;  // a failure, which commit() tells
    bytes += entry_.text(data_column).size();
    if (bytes > bytes_max && !page.entries.empty()) {
      page.through = sequence - 1;
      page.end = false;
      break;
    }
    page.entries.push_back(entry_of(entry_));
    entry_.reset();
  }
  entry_.reset();
}

}  // namespace sluice::source
