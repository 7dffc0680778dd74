#include "gateway/source/sqlite.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <sqlite3.h>

#include "proto/check.h"

namespace sluice::source {
namespace {

// Another program (a backup, somebody's shell) may hold the file for a moment; ours never wait for each other.
constexpr int busy_milliseconds = 5'000;

// The write-ahead log's hook: called after each commit with the pages that it has now.
int on_commit(void* database, sqlite3*, const char*, int pages) noexcept {
  static_cast<SqliteDatabase*>(database)->committed_with(pages);
  return SQLITE_OK;
}

int last_error_of(sqlite3_file* file) {
  int error = 0;
  if (file != nullptr && file->pMethods != nullptr) file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
  return error;
}

// The system's error behind SQLite's, 0 when it told none. A failed COMMIT leaves it with the file alone: first the
// write-ahead log, then the database.
int system_error(sqlite3* handle) {
  for (const int which : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
    sqlite3_file* file = nullptr;
    if (sqlite3_file_control(handle, "main", which, &file) != SQLITE_OK) continue;
    if (const int error = last_error_of(file); error != 0) return error;
  }
  return sqlite3_system_errno(handle);
}

bool is_without_space(sqlite3* handle, int code) {
  if ((code & 0xff) == SQLITE_FULL) return true;
  if (code == SQLITE_IOERR_SHMSIZE) return true;  // the log's index could not grow
  if ((code & 0xff) != SQLITE_IOERR) return false;
  const int error = system_error(handle);
  return error == ENOSPC || error == EDQUOT;
}

// A null pointer would bind NULL.
const char* start_of(std::string_view value) { return value.data() == nullptr ? "" : value.data(); }

}  // namespace

SqliteDatabase::SqliteDatabase(const std::string& path, Access access, const std::string& vfs) {
  const int flags = access == Access::write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  const int code = sqlite3_open_v2(path.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                                   vfs.empty() ? nullptr : vfs.c_str());
  check(handle_ != nullptr, "SQLite has memory for a connection");
  if (code != SQLITE_OK) {
    fail(code);
    return;
  }
  sqlite3_busy_timeout(handle_, busy_milliseconds);
  sqlite3_wal_hook(handle_, on_commit, this);  // in place of SQLite's own, which would checkpoint inside commit()
}

SqliteDatabase::~SqliteDatabase() { sqlite3_close_v2(handle_); }

void SqliteDatabase::run(const char* sql) {
  if (failed()) return;
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

bool SqliteDatabase::commit() {
  run("COMMIT");
  return !failed();
}

SqliteProblem SqliteDatabase::roll_back() {
  SqliteProblem problem = std::move(problem_);
  problem_ = {};
  // Some failures have rolled back already. A rollback that fails leaves no transaction either.
  if (sqlite3_get_autocommit(handle_) == 0) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  return problem;
}

std::int64_t SqliteDatabase::changed() const { return sqlite3_changes64(handle_); }

void SqliteDatabase::checkpoint() {
  sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  log_pages_ = 0;  // what was left there the next commit counts again
}

void SqliteDatabase::fail(int code) {
  problem_ = {.code = code, .no_space = is_without_space(handle_, code), .text = sqlite3_errmsg(handle_)};
  const bool by_system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
  if (const int error = by_system ? system_error(handle_) : 0; error != 0)
    problem_.text += ": " + std::error_code(error, std::generic_category()).message();
}

SqliteStatement::SqliteStatement(SqliteDatabase& database, std::string_view sql) : database_(database) {
  if (database.failed()) return;
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(database.handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) database.fail(code);
}

void SqliteStatement::run() {
  while (next()) {
  }
}

bool SqliteStatement::next() {
  if (handle_ == nullptr && !database_.failed()) database_.fail(SQLITE_MISUSE);
  if (database_.failed()) {
    reset();
    return false;
  }
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_.fail(code);
  reset();
  return false;
}

std::optional<std::int64_t> SqliteStatement::number() {
  std::optional<std::int64_t> found;
  if (next()) {
    if (!is_null(0)) found = integer(0);
    reset();
  }
  return found;
}

void SqliteStatement::reset() {
  if (handle_ == nullptr) return;
  sqlite3_reset(handle_.get());  // answers the last step's code again
  sqlite3_clear_bindings(handle_.get());
}

std::int64_t SqliteStatement::integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }

std::string_view SqliteStatement::text(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

bool SqliteStatement::is_null(int column) const { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }

void SqliteStatement::bind(int index, std::string_view value) {
  if (handle_ == nullptr) return;
  check_bound(sqlite3_bind_text64(handle_.get(), index, start_of(value), value.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void SqliteStatement::bind(int index, SqliteBytes value) {
  if (handle_ == nullptr) return;
  check_bound(sqlite3_bind_blob64(handle_.get(), index, start_of(value.bytes), value.bytes.size(), SQLITE_STATIC));
}

void SqliteStatement::bind(int index, std::int64_t value) {
  if (handle_ == nullptr) return;
  check_bound(sqlite3_bind_int64(handle_.get(), index, value));
}

void SqliteStatement::bind(int index, const std::optional<std::string>& value) {
  if (value) return bind(index, std::string_view(*value));
  if (handle_ != nullptr) check_bound(sqlite3_bind_null(handle_.get(), index));
}

void SqliteStatement::check_bound(int code) {
  if (code != SQLITE_OK && !database_.failed()) database_.fail(code);
}

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }

}  // namespace sluice::source
