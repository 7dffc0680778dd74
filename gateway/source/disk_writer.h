// DiskWriter: the side of the disk log that changes the file: many appends in one transaction, all of them or none.
// Owned by the disk log, used on its writing thread; blocking, and it knows no other thread.
// Invariant: what append() answers as stored is committed, and after a restart it is there at those sequences.
#pragma once

#include <string>
#include <vector>

#include "gateway/source/disk_entry.h"
#include "gateway/source/disk_topics.h"
#include "gateway/source/sqlite.h"

namespace sluice::source {

// The events of one publish.
struct DiskBatch {
  std::string topic;
  DiskTime time{0};
  std::vector<topic::Event> events;
};

class DiskWriter {
 public:
  DiskWriter(SqliteDatabase& database, DiskTopics& topics);

  // One answer per batch, in order.
  [[nodiscard]] std::vector<DiskAppended> append(const std::vector<DiskBatch>& batches);

 private:
  void insert(const DiskBatch& batch, DiskSequence& last, DiskAppended& answer);

  SqliteDatabase& database_;
  DiskTopics& topics_;
  SqliteStatement insert_;
  SqliteStatement find_key_;
};

}  // namespace sluice::source
