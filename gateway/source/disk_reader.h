// DiskReader: the side of the disk log that only reads: pages for who resumes below the rings. Owned by the disk log,
// with a connection and a thread of its own, so that no commit waits for it; blocking.
// Invariant: a page is one view of the file, and its work is bounded whatever is asked: it may end early, and says
// where.
#pragma once

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "gateway/source/disk_entry.h"
#include "gateway/source/sqlite.h"

namespace sluice::source {

class DiskReader {
 public:
  explicit DiskReader(std::unique_ptr<SqliteDatabase> database);

  [[nodiscard]] const SqliteDatabase& database() const { return *database_; }
  [[nodiscard]] DiskPage read(const DiskQuery& query);

 private:
  // The topics that a query asks for, by their rows.
  struct Wanted {
    bool all = false;
    std::unordered_set<std::int64_t> topics;
    DiskSequence evicted_through = 0;
    [[nodiscard]] bool has(std::int64_t topic) const { return all || topics.contains(topic); }
  };
  // The entries that come next, without their data. Nothing up to `through` was left out.
  struct Picked {
    std::vector<DiskSequence> sequences;
    DiskSequence through = 0;
    bool end = false;
  };
  [[nodiscard]] Wanted want(const std::vector<std::string>& topics);
  void want_rows(Wanted& wanted, SqliteStatement& rows);
  [[nodiscard]] DiskSequence last_before(DiskTime time);
  [[nodiscard]] Picked pick_by_topic(const Wanted& wanted, DiskSequence after, std::size_t entries_max);
  [[nodiscard]] Picked pick_by_scan(const Wanted& wanted, DiskSequence after, std::size_t entries_max);
  void fetch(const Picked& picked, std::size_t bytes_max, DiskPage& page);

  const std::unique_ptr<SqliteDatabase> database_;
  SqliteStatement topic_by_name_;
  SqliteStatement topics_between_;
  SqliteStatement evicted_through_;
  SqliteStatement removed_through_;
  SqliteStatement last_;
  SqliteStatement time_at_or_after_;
  SqliteStatement sequences_of_topic_;
  SqliteStatement sequences_;
  SqliteStatement entry_;
};

}  // namespace sluice::source
