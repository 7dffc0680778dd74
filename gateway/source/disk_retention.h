// DiskRetention: takes the oldest entries when they are too old, too many of a topic, or too large together, and gives
// the file's free pages back. In steps of one small transaction each, so that appends go between them. Owned by the
// disk log, used on its writing thread; blocking. Invariant: what is taken is taken from a topic's old end, and its row
// says up to where in the same transaction.
#pragma once

#include <deque>
#include <set>
#include <string>
#include <vector>

#include "gateway/source/disk_entry.h"
#include "gateway/source/disk_topics.h"
#include "gateway/source/sqlite.h"

namespace sluice::source {

class DiskRetention {
 public:
  DiskRetention(SqliteDatabase& database, DiskTopics& topics, const DiskOptions& options);

  // The topic's entries up to this sequence go.
  void trim(std::string topic, DiskSequence through) { asked_.push_back({std::move(topic), through}); }
  // The topic got entries: it may have too many now.
  void added(const std::string& topic);
  // The next step. True: it did something, and there may be more to do. False: nothing to do, or problem() says why
  // not.
  [[nodiscard]] bool step(DiskTime now);
  [[nodiscard]] const std::string& problem() const { return problem_; }
  // Of the file, in use after the last step.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Trim {
    std::string topic;
    DiskSequence through;
  };
  struct Row {
    DiskSequence sequence;
    std::int64_t topic;
  };
  // Each: the rows that go next for this reason.
  [[nodiscard]] std::vector<Row> find_asked();
  [[nodiscard]] std::vector<Row> find_crowded();
  [[nodiscard]] std::vector<Row> find_old_or_large(DiskTime now);
  [[nodiscard]] std::vector<Row> oldest_of(const DiskTopics::Topic& topic, DiskSequence through, std::size_t count_max);
  [[nodiscard]] bool is_crowded(const DiskTopics::Topic& topic) const;
  // Each: false, there was nothing to do.
  [[nodiscard]] bool take(const std::vector<Row>& rows);
  [[nodiscard]] bool shrink_file();
  [[nodiscard]] bool forget_empty_topics();
  void conclude();
  [[nodiscard]] std::size_t used_bytes();

  SqliteDatabase& database_;
  DiskTopics& topics_;
  const std::chrono::milliseconds age_max_;
  const std::size_t entries_max_;
  const std::size_t bytes_max_;
  SqliteStatement oldest_;
  SqliteStatement oldest_of_topic_;
  SqliteStatement delete_;
  SqliteStatement page_count_;
  SqliteStatement free_page_count_;
  std::size_t page_size_ = 0;
  std::size_t bytes_ = 0;
  std::deque<Trim> asked_;
  std::set<std::string> crowded_;  // topics that had too many, until they have entries_max_
  bool making_room_ = false;       // bytes_max_ was crossed: go on to somewhat below it
  std::string problem_;
};

}  // namespace sluice::source
