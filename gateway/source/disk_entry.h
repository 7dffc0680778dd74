// The values of the disk log: what is asked of it, what it answers, and its options. Plain values that cross threads by
// being moved. Sequences run over all topics of one file, from 1, without a hole but for what retention has taken.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gateway/topic/event.h"
#include "proto/event_id.h"

namespace sluice::source {

using DiskSequence = std::uint64_t;
// Since 1970 by the wall clock: it outlives the process, a monotonic clock does not.
using DiskTime = std::chrono::milliseconds;

// When an append counts as stored: docs/durability.md.
enum class DiskSync : std::uint8_t {
  disk,     // the disk says that it has it: survives a power cut
  process,  // the operating system has it: survives kill -9, not a power cut
};

struct DiskOptions {
  std::string path;              // its folder exists
  proto::Epoch epoch_candidate;  // used when the file has none that is still true
  DiskSync sync = DiskSync::disk;
  // Retention. 0: no such limit. Age and entries are what is kept at least; bytes is what is used at most, but for the
  // write-ahead log and free pages (an eighth of the file).
  std::chrono::milliseconds age{0};
  std::size_t entries = 0;                     // per topic; up to 1/64 more are there for a moment
  std::size_t bytes = 0;                       // of the file's pages in use
  std::size_t queue_bytes = 16 * 1024 * 1024;  // of appends that wait for the disk
  std::size_t reads = 64;                      // that wait
  // For tests: the file's pages (disk full), SQLite's way to files, the boot of the machine, the wall clock, and how
  // often retention looks at the age of what is there.
  std::size_t pages_max = 0;
  std::string vfs;
  std::optional<std::string> boot_id;
  std::function<DiskTime()> now;
  std::chrono::milliseconds sweep{1'000};
};

struct DiskEntry {
  DiskSequence sequence = 0;
  std::string topic;
  DiskTime time{0};  // of its publishing
  topic::Event event;
};

// What became of one append: all of its events, or none.
struct DiskAppended {
  enum class Kind : std::uint8_t {
    stored,
    full,    // no space: nothing of it is there; works again when there is space
    failed,  // nothing of it is there; `problem` says why
  };
  struct Place {
    DiskSequence sequence = 0;
    bool repeated = false;  // its idempotency key was there: this is the sequence of the first
  };
  Kind kind = Kind::stored;
  std::vector<Place> places;  // one per event, in order
  std::string problem;
};

// Entries in the order of their sequences, for who resumes.
struct DiskQuery {
  std::vector<std::string> topics;  // names, or "a/**": all below a; none: all
  DiskSequence after = 0;
  std::optional<DiskTime> since;  // and nothing older than this; exact as far as the wall clock never went back
  std::size_t entries_max = 1'000;
  std::size_t bytes_max = 1024 * 1024;  // of data; the first entry is given whatever its size
};

struct DiskPage {
  std::vector<DiskEntry> entries;
  // The page has every retained entry of its topics in (after, through]: ask on from there. It may be ahead of the last
  // entry, and a page without entries may not be the end.
  DiskSequence through = 0;
  bool end = false;  // nothing of its topics was newer than `through`
  // Retention has taken entries of these topics, the newest of them this one; 0: none. Above the query's `after`:
  // something is lost to who asked. It may be too high for topics that were empty for long, never too low.
  DiskSequence evicted_through = 0;
  std::string problem;  // not empty: it failed, and nothing else is true
};

// What is in memory again after a start.
struct DiskLoadLimits {
  std::size_t entries = 10'000;                 // per topic
  std::size_t bytes = 16 * 1024 * 1024;         // per topic, data
  std::size_t bytes_total = 256 * 1024 * 1024;  // data
};

struct DiskTopic {
  std::string name;
  DiskSequence evicted_through = 0;
  // Every entry of it after this one was loaded; those up to it that are retained are on disk only.
  DiskSequence loaded_after = 0;
};

// For metrics and readiness.
struct DiskStatus {
  std::size_t entries = 0;
  std::size_t bytes = 0;         // the file's pages in use
  std::size_t queued_bytes = 0;  // of appends that wait for the disk
  std::uint64_t commits = 0;     // of appends
  std::uint64_t appended = 0;    // entries, since it was opened
  std::string problem;           // of the last write; empty: it worked
};

}  // namespace sluice::source
