#include "gateway/source/disk_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>
#include <sqlite3.h>

namespace sluice::source {
namespace {

constexpr std::int64_t application_id = 0x736c7563;  // "sluc", where file(1) and SQLite look for it
constexpr std::int64_t format = 1;

// One row per event; the index by topic serves replay and holds only topic and sequence. `removed_through`: no topic
// without a row had evicted anything newer. `unsettled_boot`: the boot of the machine on which a gateway with
// DiskSync::process has not ended.
constexpr const char* schema = R"(
  CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, evicted_through INTEGER NOT NULL) STRICT;
  CREATE TABLE entries(sequence INTEGER PRIMARY KEY, topic INTEGER NOT NULL, time_ms INTEGER NOT NULL, type TEXT NOT NULL,
                       data BLOB NOT NULL, idempotency_key TEXT, key TEXT) STRICT;
  CREATE INDEX entries_by_topic ON entries(topic);
  CREATE UNIQUE INDEX entries_by_idempotency_key ON entries(topic, idempotency_key) WHERE idempotency_key IS NOT NULL;
)";

// Read whole at each start: 0.3 s for 110 MB of small events. A larger file would make a start slow, and is checked by
// who suspects it (sqlite3 PATH 'pragma quick_check').
constexpr std::int64_t checked_bytes_max = 128 * 1024 * 1024;
// With a write-ahead log EXTRA is what FULL is: it is synced at each commit. While a new file is made, the removal of
// its rollback journal is synced too, or a power cut could bring the journal back and undo the making.
constexpr const char* sync_each_commit = "PRAGMA synchronous=EXTRA";
// Only when the log moves into the file, so that the file is whole whatever happens.
constexpr const char* sync_no_commit = "PRAGMA synchronous=NORMAL";
// What the write-ahead log keeps of its size after a burst.
constexpr const char* log_size_kept = "PRAGMA journal_size_limit=16777216";

std::string system_text() { return std::error_code(errno, std::generic_category()).message(); }

std::string resolved(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::weakly_canonical(path, error);
  return error ? std::filesystem::absolute(path).string() : whole.string();
}

std::string boot_of_machine() {
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  return boot;
}

}  // namespace

// A lock on PATH-lock, which is left behind. Not on the database: to close any descriptor of that would drop the locks
// that SQLite has on it in this process (POSIX).
class DiskFile::Claim {
 public:
  explicit Claim(const DiskFile& file) {
    const std::string path = file.path_ + "-lock";
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd_ < 0) file.refuse(fmt::format("{}: {}", system_text(), remedy()));
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      const std::string holder = read_holder();
      ::close(fd_);
      file.refuse(fmt::format("in use by process {}: each gateway and each source needs a file of its own", holder));
    }
    const std::string pid = std::to_string(::getpid()) + '\n';
    // Only a word to who is refused: that it cannot be written hurts nobody.
    if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, pid.data(), pid.size(), 0) < 0) errno = 0;
  }
  ~Claim() { ::close(fd_); }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  static std::string_view remedy() {
    return "the folder must exist, and this user be able to write to it and the file";
  }

 private:
  [[nodiscard]] std::string read_holder() const {
    char text[24];
    const ssize_t size = ::pread(fd_, text, sizeof text, 0);
    std::string holder(text, size > 0 ? static_cast<std::size_t>(size) : 0);
    holder.erase(std::min(holder.find('\n'), holder.size()));
    return holder.empty() ? "?" : holder;
  }

  int fd_;
};

DiskFile::DiskFile(const DiskOptions& options)
    : path_(resolved(options.path)), vfs_(options.vfs), sync_(options.sync), epoch_(options.epoch_candidate) {
  claim_ = std::make_unique<Claim>(*this);
  // SQLite would make it readable for all.
  const int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) refuse(fmt::format("{}: {}", system_text(), Claim::remedy()));
  ::close(fd);

  writing_ = std::make_unique<SqliteDatabase>(path_, SqliteDatabase::Access::write, vfs_);
  writing_->run(sync_each_commit);
  check_identity();
  check_whole();
  // Deleted events are overwritten where that costs no write of its own.
  writing_->run("PRAGMA secure_delete=FAST");
  writing_->run(log_size_kept);
  settle_epoch(options);
  if (sync_ == DiskSync::process) writing_->run(sync_no_commit);
  if (options.pages_max != 0) writing_->run(fmt::format("PRAGMA max_page_count={}", options.pages_max).c_str());
  check_opened(*writing_);
}

DiskFile::~DiskFile() = default;

std::unique_ptr<SqliteDatabase> DiskFile::connect_reading() const {
  auto database = std::make_unique<SqliteDatabase>(path_, SqliteDatabase::Access::read, vfs_);
  check_opened(*database);
  return database;
}

void DiskFile::check_opened(const SqliteDatabase& database) const {
  if (!database.failed()) return;
  const SqliteProblem& problem = database.problem();
  if (problem.no_space) refuse("no space left on its file system: make room");
  switch (problem.code & 0xff) {
    case SQLITE_NOTADB:
      refuse("not a sluice history (no SQLite file): move it away, or name another path");
    case SQLITE_CORRUPT:
      refuse("damaged (" + problem.text + "): put back a copy, or move it and its -wal away to begin anew");
    case SQLITE_BUSY:
      refuse("held by another program (" + problem.text + "): end that, or wait for it");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      refuse(fmt::format("{}: {}", problem.text, Claim::remedy()));
    default:
      refuse(problem.text);
  }
}

void DiskFile::settle() {
  if (sync_ == DiskSync::disk) return;
  // One such commit syncs the whole log, and with it every commit before.
  writing_->run(sync_each_commit);
  writing_->begin();
  writing_->run("DELETE FROM meta WHERE name = 'unsettled_boot'");
  if (!writing_->commit()) writing_->roll_back();
}

void DiskFile::refuse(const std::string& what) const { throw std::runtime_error(path_ + ": " + what); }

// A new file is empty, or was left so by a process that was killed while it made it.
void DiskFile::check_identity() {
  const auto number = [&](const char* sql) { return SqliteStatement(*writing_, sql).number().value_or(0); };
  const std::int64_t owner = number("PRAGMA application_id");
  const std::int64_t version = number("PRAGMA user_version");
  const std::int64_t tables = number("SELECT count(*) FROM sqlite_schema");
  check_opened(*writing_);
  if (owner == 0 && version == 0 && tables == 0) return make();
  if (owner != application_id)
    refuse("not a sluice history, another program's SQLite file: move it away, or name another path");
  if (version != format)
    refuse(fmt::format("written by another sluice, in format {} (this one has {}): run that one, or name another path",
                       version, format));
  make_log();
}

void DiskFile::make() {
  // Before the first table, or it has no effect: the file can give back what retention frees.
  writing_->run("PRAGMA auto_vacuum=INCREMENTAL");
  writing_->begin();
  writing_->run(schema);
  writing_->run(fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", application_id, format).c_str());
  if (!writing_->commit()) check_opened(*writing_);
  make_log();
}

void DiskFile::make_log() {
  SqliteStatement mode(*writing_, "PRAGMA journal_mode=WAL");
  const bool made = mode.next() && mode.text(0) == "wal";
  mode.reset();
  check_opened(*writing_);
  if (!made) refuse("its file system cannot share memory, as a write-ahead log needs: choose a local one");
}

void DiskFile::check_whole() {
  SqliteStatement pages(*writing_, "PRAGMA page_count");
  SqliteStatement page_size(*writing_, "PRAGMA page_size");
  if (pages.number().value_or(0) * page_size.number().value_or(0) <= checked_bytes_max) {
    SqliteStatement quick_check(*writing_, "PRAGMA quick_check(1)");
    std::string found;
    if (quick_check.next()) found = quick_check.text(0);
    quick_check.reset();
    std::replace(found.begin(), found.end(), '\n', ' ');
    if (!found.empty() && found != "ok")
      refuse("damaged (" + found + "): put back a copy, or move it and its -wal away to begin anew");
  }
  check_opened(*writing_);
}

// With DiskSync::process a power cut may have taken entries whose ids were seen: their sequences would be given a
// second time. So the history before and after it gets two epochs.
void DiskFile::settle_epoch(const DiskOptions& options) {
  const std::string boot = options.boot_id.value_or(boot_of_machine());
  const std::optional<std::string> stored = meta("epoch");
  const std::optional<std::string> unsettled = meta("unsettled_boot");
  const bool cut = unsettled && (*unsettled != boot || boot.empty());
  const std::optional<proto::Epoch> kept = stored && !cut ? proto::Epoch::parse(*stored) : std::nullopt;
  if (kept) epoch_ = *kept;

  writing_->begin();
  if (!kept) set_meta("epoch", epoch_.text());
  if (sync_ == DiskSync::process)
    set_meta("unsettled_boot", boot);
  else
    writing_->run("DELETE FROM meta WHERE name = 'unsettled_boot'");
  if (!writing_->commit()) check_opened(*writing_);
}

std::optional<std::string> DiskFile::meta(std::string_view name) {
  SqliteStatement select(*writing_, "SELECT value FROM meta WHERE name = ?");
  select.with(name);
  std::optional<std::string> value;
  if (select.next()) value = select.text(0);
  select.reset();
  return value;
}

void DiskFile::set_meta(std::string_view name, std::string_view value) {
  SqliteStatement(*writing_, "INSERT OR REPLACE INTO meta VALUES (?, ?)").with(name, value).run();
}

}  // namespace sluice::source
