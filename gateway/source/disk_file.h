// DiskFile: one database file, claimed by this process for as long as the object lives, and the connections to it. It
// makes what is new, and refuses, in one line with path and remedy, what is not ours, newer than us, broken or in use.
// Owned by the disk log; the writing connection belongs to its writing thread once that runs.
// Invariants: no two gateways, and no two sources of one, have the same file. One epoch never names two histories.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/source/disk_entry.h"
#include "gateway/source/sqlite.h"

namespace sluice::source {

class DiskFile {
 public:
  // Throws std::runtime_error.
  explicit DiskFile(const DiskOptions& options);
  ~DiskFile();
  DiskFile(const DiskFile&) = delete;
  DiskFile& operator=(const DiskFile&) = delete;

  [[nodiscard]] const proto::Epoch& epoch() const { return epoch_; }
  [[nodiscard]] SqliteDatabase& writing() { return *writing_; }
  // One more connection, for one other thread. Throws std::runtime_error.
  [[nodiscard]] std::unique_ptr<SqliteDatabase> connect_reading() const;
  // Throws what the database's failure, if it has one, means at a start.
  void check_opened(const SqliteDatabase& database) const;
  // Before the end: all that is committed is on disk after this, and the next start may rely on it.
  void settle();

 private:
  class Claim;
  [[noreturn]] void refuse(const std::string& what) const;
  void check_identity();
  void make();
  void make_log();
  void check_whole();
  void settle_epoch(const DiskOptions& options);
  [[nodiscard]] std::optional<std::string> meta(std::string_view name);
  void set_meta(std::string_view name, std::string_view value);

  const std::string path_;
  const std::string vfs_;
  const DiskSync sync_;
  proto::Epoch epoch_;
  std::unique_ptr<Claim> claim_;
  std::unique_ptr<SqliteDatabase> writing_;
};

}  // namespace sluice::source
