// A power cut, as bad as it can be: of each file only what was synced is left. SQLite's files go through a VFS that
// keeps a copy of each as of its last sync; a history is opened from the copies after every acknowledgement.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gateway/source/disk_log.h"
#include "tests/gateway/source/disk_owner.h"

using namespace sluice;
using source::DiskSync;
using tests::DiskOwner;
using tests::event;

namespace {

class SyncedCopies {
 public:
  explicit SyncedCopies(std::filesystem::path folder)
      : folder_(std::move(folder)), system_(*sqlite3_vfs_find(nullptr)) {
    vfs_ = system_;
    vfs_.zName = "synced-copies";
    vfs_.pAppData = this;
    vfs_.xOpen = open;
    vfs_.xDelete = remove;
    REQUIRE(sqlite3_vfs_register(&vfs_, 0) == SQLITE_OK);
    current_ = this;
  }
  ~SyncedCopies() {
    sqlite3_vfs_unregister(&vfs_);
    current_ = nullptr;
  }
  SyncedCopies(const SyncedCopies&) = delete;
  SyncedCopies& operator=(const SyncedCopies&) = delete;

  // What a power cut now would leave.
  void copy_to(const std::filesystem::path& folder) {
    const std::lock_guard lock(mutex_);
    std::filesystem::remove_all(folder);
    std::filesystem::copy(folder_, folder);
  }

 private:
  struct File {
    std::filesystem::path path;
    const sqlite3_io_methods* system = nullptr;
    sqlite3_io_methods methods{};  // the system's, but for sync and close
  };

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* handle, int flags, int* out_flags) {
    auto* self = static_cast<SyncedCopies*>(vfs->pAppData);
    const int code = self->system_.xOpen(&self->system_, name, handle, flags, out_flags);
    if (code != SQLITE_OK || name == nullptr) return code;
    const std::lock_guard lock(self->mutex_);
    File& file = self->files_[handle];
    file = {.path = name, .system = handle->pMethods, .methods = *handle->pMethods};
    file.methods.xSync = sync;
    file.methods.xClose = close;
    handle->pMethods = &file.methods;
    return code;
  }
  static int sync(sqlite3_file* handle, int flags) {
    const std::lock_guard lock(current_->mutex_);
    const File& file = current_->files_.at(handle);
    const int code = file.system->xSync(handle, flags);
    if (code == SQLITE_OK)
      std::filesystem::copy_file(file.path, current_->folder_ / file.path.filename(),
                                 std::filesystem::copy_options::overwrite_existing);
    return code;
  }
  static int close(sqlite3_file* handle) {
    const std::lock_guard lock(current_->mutex_);
    const File file = current_->files_.at(handle);
    current_->files_.erase(handle);
    handle->pMethods = file.system;
    return file.system->xClose(handle);
  }
  static int remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    auto* self = static_cast<SyncedCopies*>(vfs->pAppData);
    const std::lock_guard lock(self->mutex_);
    if (sync_folder != 0) std::filesystem::remove(self->folder_ / std::filesystem::path(name).filename());
    return self->system_.xDelete(&self->system_, name, sync_folder);
  }

  static inline SyncedCopies* current_ = nullptr;  // xSync is not told which VFS it belongs to

  const std::filesystem::path folder_;
  sqlite3_vfs system_;
  sqlite3_vfs vfs_{};
  std::mutex mutex_;
  std::map<sqlite3_file*, File> files_;
};

struct AfterCut {
  std::size_t entries = 0;
  bool same_epoch = false;
};

// Publishes; after each acknowledgement the power goes. Answers what was there after each cut.
std::vector<AfterCut> publish_and_cut(DiskSync sync) {
  const tests::TemporaryFolder copies, left;
  SyncedCopies synced(copies.path);
  DiskOwner owner;
  source::DiskOptions options = owner.options(1);
  options.sync = sync;
  options.vfs = "synced-copies";
  options.boot_id = "boot 1";
  owner.open(options);
  std::vector<AfterCut> cuts;
  // 6 MiB in all: the write-ahead log is moved into the file, and begun again.
  for (std::size_t count = 1; count <= 30; ++count) {
    if (count == 8) {  // a restart between
      owner.close();
      owner.open(options);
    }
    owner.append({event(std::to_string(count) + std::string(count % 3 * 200'000, '.'))});
    synced.copy_to(left.path / "after");

    DiskOwner heir;
    source::DiskOptions inherited = heir.options(2);
    inherited.path = left.file("after/notes.db");
    inherited.sync = sync;
    inherited.boot_id = "boot 2";
    heir.open(inherited);
    const auto entries = heir.read_all();
    cuts.push_back({entries.size(), heir.log->epoch() == options.epoch_candidate});
    for (std::size_t index = 0; index < entries.size(); ++index) {
      CHECK(entries[index].sequence == index + 1);
      CHECK(entries[index].event.data.starts_with(std::to_string(index + 1)));
    }
  }
  owner.close();
  return cuts;
}

}  // namespace

TEST_CASE("a power cut takes nothing that the disk acknowledged") {
  const std::vector<AfterCut> cuts = publish_and_cut(DiskSync::disk);
  for (std::size_t index = 0; index < cuts.size(); ++index) {
    CHECK(cuts[index].entries == index + 1);
    CHECK(cuts[index].same_epoch);
  }
}

TEST_CASE("what a power cut takes where the operating system acknowledged is the newest, and ids tell") {
  const std::vector<AfterCut> cuts = publish_and_cut(DiskSync::process);
  std::size_t lost = 0;
  for (std::size_t index = 0; index < cuts.size(); ++index) {
    lost += index + 1 - cuts[index].entries;
    CHECK_FALSE(cuts[index].same_epoch);
  }
  CHECK(lost > 0);  // or the copies would not tell a promise from its breach
}
