// load_newest(): what a start puts into the rings: the newest entries of a disk log within the limits of memory.
// Blocking, before there are subscribers; each entry is handed on at once, so that nothing is in memory twice.
// Invariant: of each topic it gives everything after one sequence, and says which; the rest is replayed from disk.
#pragma once

#include <functional>
#include <vector>

#include "gateway/source/disk_entry.h"
#include "gateway/source/sqlite.h"

namespace sluice::source {

// In the order of sequences. Answers every topic that has a row. A failure is left in the database.
[[nodiscard]] std::vector<DiskTopic> load_newest(SqliteDatabase& database, const DiskLoadLimits& limits,
                                                 const std::function<void(DiskEntry&&)>& each);

}  // namespace sluice::source
