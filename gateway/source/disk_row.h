// An entry as the disk log's file has it: the columns to select, and the value that a row of them is. Pure translation,
// for the files that read.
#pragma once

#include <string>
#include <string_view>

#include "gateway/source/disk_entry.h"
#include "gateway/source/sqlite.h"

namespace sluice::source {

// An entry whose topic has no row is not ours and is not seen.
inline constexpr std::string_view select_entry =
    "SELECT sequence, name, time_ms, type, data, idempotency_key, key, topic FROM entries "
    "JOIN topics ON topics.id = entries.topic ";
inline constexpr int data_column = 4;
inline constexpr int topic_column = 7;

[[nodiscard]] inline DiskEntry entry_of(const SqliteStatement& row) {
  DiskEntry entry{.sequence = static_cast<DiskSequence>(row.integer(0)),
                  .topic = std::string(row.text(1)),
                  .time = DiskTime(row.integer(2)),
                  .event = {.type = std::string(row.text(3)),
                            .data = std::string(row.text(data_column)),
                            .idempotency_key = std::string(row.text(5))}};
  if (!row.is_null(6)) entry.event.key = row.text(6);
  return entry;
}

}  // namespace sluice::source
