// DiskTopics: what the writing side knows of each topic without asking the file: its row, how many entries it has, and
// up to where retention has taken them. Owned by the disk log, used on its writing thread.
// Invariant: it says what is committed; the changes of a transaction count after keep(), and are forgotten by drop().
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gateway/source/disk_entry.h"
#include "gateway/source/sqlite.h"

namespace sluice::source {

class DiskTopics {
 public:
  struct Topic {
    std::int64_t id = 0;
    std::string name;
    std::size_t entries = 0;
    DiskSequence evicted_through = 0;
  };

  // Reads what is there.
  explicit DiskTopics(SqliteDatabase& database);

  // The newest sequence that was ever given.
  [[nodiscard]] DiskSequence last() const { return last_; }
  [[nodiscard]] std::size_t entry_count() const { return entries_; }
  [[nodiscard]] std::size_t empty_count() const { return empty_; }
  [[nodiscard]] Topic* find(const std::string& name);
  [[nodiscard]] Topic* find(std::int64_t id);
  // Every topic, in no order.
  void for_each(const auto& visit) {
    for (auto& [id, topic] : topics_) visit(topic);
  }

  // --- In a transaction
  // The topic of that name, with a row made when it is new.
  [[nodiscard]] Topic& open(const std::string& name);
  void added(const Topic& topic, std::size_t count, DiskSequence last);
  // Writes the row.
  void evicted(const Topic& topic, std::size_t count, DiskSequence through);
  // Forgets topics without entries; what they had evicted is remembered as one number for all of them.
  void remove(const std::vector<std::int64_t>& ids, DiskSequence evicted_through);
  void keep();
  void drop();

 private:
  [[nodiscard]] Topic& known(std::int64_t id);
  void forget(std::int64_t id);
  void begin_anew();

  struct Change {
    std::int64_t topic = 0;
    std::size_t added = 0;
    std::size_t evicted = 0;
    DiskSequence evicted_through = 0;
  };

  SqliteStatement insert_;
  SqliteStatement evict_;
  SqliteStatement remove_;
  SqliteStatement raise_removed_;
  std::unordered_map<std::int64_t, Topic> topics_;
  std::unordered_map<std::string, std::int64_t> ids_;
  std::int64_t next_id_ = 1;
  DiskSequence last_ = 0;
  std::size_t entries_ = 0;
  std::size_t empty_ = 0;  // topics

  // Of the transaction.
  std::vector<std::int64_t> opened_;
  std::vector<Change> changes_;
  std::vector<std::int64_t> removed_;
  DiskSequence last_added_ = 0;
};

}  // namespace sluice::source
