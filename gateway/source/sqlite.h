// SQLite's two handles, owned: a connection and its prepared statements. Owned by the disk log's files, each connection
// on one thread at a time. It never throws after the opening and never prints.
// A failure sticks: until roll_back() nothing is executed any more on that connection and every answer is "no row", so
// that a transaction is written straight through and asked once, by commit(), whether all of it worked.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::source {

// Why something failed. A failure without space is one that passes when there is space again.
struct SqliteProblem {
  int code = 0;  // SQLite's extended code
  bool no_space = false;
  std::string text;
};

// Bytes that SQLite takes as they are: a text's length in characters is not what the disk holds.
struct SqliteBytes {
  std::string_view bytes;
};

class SqliteDatabase {
 public:
  enum class Access : std::uint8_t { read, write };
  // The file must exist. `vfs`: how SQLite reaches files, empty: its own way. Failed when failed().
  SqliteDatabase(const std::string& path, Access access, const std::string& vfs);
  ~SqliteDatabase();
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  // Any statements that answer nothing of interest.
  void run(const char* sql);
  [[nodiscard]] bool failed() const { return problem_.code != 0; }
  [[nodiscard]] const SqliteProblem& problem() const { return problem_; }

  // A transaction that writes from its beginning: it waits for other programs here and nowhere later.
  void begin() { run("BEGIN IMMEDIATE"); }
  // One that sees the database as it is now.
  void begin_reading() { run("BEGIN"); }
  // False: it failed, then or earlier, and roll_back() tells why.
  [[nodiscard]] bool commit();
  // Ends a transaction without effect, if there is one, and the failure with it.
  SqliteProblem roll_back();

  // Rows that the last insert, update or delete changed.
  [[nodiscard]] std::int64_t changed() const;
  // Moves what is committed from the write-ahead log into the file, as far as no reader needs it there. A failure is
  // no failure of the connection: the next one tries again.
  void checkpoint();
  // Pages in the write-ahead log after the last commit; 0 after a checkpoint.
  [[nodiscard]] int log_pages() const { return log_pages_; }
  void committed_with(int log_pages) { log_pages_ = log_pages; }

 private:
  friend class SqliteStatement;
  void fail(int code);

  sqlite3* handle_ = nullptr;
  SqliteProblem problem_;
  int log_pages_ = 0;
};

// `run()` or a loop over `next()` ends it; one that stops earlier calls reset(), because an open statement holds back
// the write-ahead log.
class SqliteStatement {
 public:
  // `sql` is ours: what does not compile is a bug, unless the file is broken.
  SqliteStatement(SqliteDatabase& database, std::string_view sql);

  // The parameters, in order; text must outlive the execution.
  template <class... Values>
  SqliteStatement& with(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    return *this;
  }
  void run();
  // There is one more row, or: the end, or a failure.
  [[nodiscard]] bool next();
  // The first row's first number.
  [[nodiscard]] std::optional<std::int64_t> number();
  void reset();

  // Columns of the current row, from 0. Text is valid until the next call of next() or reset().
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  void bind(int index, std::string_view value);
  void bind(int index, SqliteBytes value);
  void bind(int index, std::int64_t value);
  // SQLite knows no greater number than the greatest signed one: what is above it, as an id may claim, is that.
  void bind(int index, std::unsigned_integral auto value) {
    constexpr auto greatest = std::numeric_limits<std::int64_t>::max();
    bind(index, std::in_range<std::int64_t>(value) ? static_cast<std::int64_t>(value) : greatest);
  }
  void bind(int index, const std::optional<std::string>& value);
  void check_bound(int code);

  SqliteDatabase& database_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

}  // namespace sluice::source
