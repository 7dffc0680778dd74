// PostgreSQL through libpq: rows of an outbox table (docs/sources.md), inserted by many in a statement and read by
// keyset with all that makes an event, as the source does, but without its care for rows that commit late: there is one
// writer.
#include <libpq-fe.h>
#include <poll.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "bench/engines/engine.h"
#include "bench/engines/intake.h"

namespace sluice::bench {
namespace {

using Connection = std::unique_ptr<PGconn, Destroy<PQfinish>>;
using Result = std::unique_ptr<PGresult, Destroy<PQclear>>;
using Notification = std::unique_ptr<PGnotify, Destroy<PQfreemem>>;

constexpr unsigned rows_per_insert = 2'000;
constexpr int rows_per_read = 1'000;  // what the source asks for, too

Connection connect(const EngineOptions& options) {
  Connection connection(PQconnectdb(options.url.c_str()));
  if (PQstatus(connection.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
  return connection;
}

Result execute(PGconn* connection, const std::string& sql, std::span<const char* const> values) {
  Result result(PQexecParams(connection, sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr,
                             nullptr, 0));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(connection));
  return result;
}

class PostgresWriter final : public Writer {
 public:
  explicit PostgresWriter(const EngineOptions& options)
      : connection_(connect(options)), insert_("INSERT INTO " + options.name + " (data) SELECT unnest($1::text[])") {}

  void write(std::string_view payload) override {
    rows_ += rows_.empty() ? '{' : ',';
    (rows_ += '"').append(payload) += '"';
    if (++count_ == rows_per_insert) flush();
  }
  void flush() override {
    if (std::exchange(count_, 0) == 0) return;
    const std::string rows = std::exchange(rows_, {}) + '}';
    (void)execute(connection_.get(), insert_, std::array{rows.c_str()});
  }
  void finish() override { flush(); }

 private:
  Connection connection_;
  const std::string insert_;
  std::string rows_;  // an array's text
  unsigned count_ = 0;
};

class PostgresReader final : public Reader {
 public:
  explicit PostgresReader(const EngineOptions& options)
      : connection_(connect(options)),
        select_("SELECT xid, id, topic, event, key, data FROM " + options.name +
                " WHERE (xid, id) > ($1::xid8, $2::int8) ORDER BY xid, id LIMIT " + std::to_string(rows_per_read)) {
    (void)execute(connection_.get(), "LISTEN " + options.name, {});
    if (options.from_oldest) return;
    const std::string newest = "SELECT xid, id FROM " + options.name + " ORDER BY xid DESC, id DESC LIMIT 1";
    const Result row = execute(connection_.get(), newest, {});
    if (PQntuples(row.get()) != 0) go_on_after(row.get(), 0);
  }

  void read(Intake& intake) override {
    const Result rows = execute(connection_.get(), select_, std::array{xid_.c_str(), id_.c_str()});
    const int count = PQntuples(rows.get());
    for (int row = 0; row != count; ++row)
      intake.take({PQgetvalue(rows.get(), row, 5), static_cast<std::size_t>(PQgetlength(rows.get(), row, 5))});
    if (count != 0) go_on_after(rows.get(), count - 1);
    if (count != rows_per_read) await();
  }

 private:
  void go_on_after(PGresult* rows, int row) {
    xid_ = PQgetvalue(rows, row, 0);
    id_ = PQgetvalue(rows, row, 1);
  }
  // Returns at once when rows were told of while we read.
  void await() {
    if (!notified()) {
      pollfd readable{PQsocket(connection_.get()), POLLIN, 0};
      if (poll(&readable, 1, read_wait_milliseconds) > 0 && PQconsumeInput(connection_.get()) == 0)
        throw std::runtime_error(PQerrorMessage(connection_.get()));
      (void)notified();
    }
  }
  bool notified() {
    bool any = false;
    while (Notification(PQnotifies(connection_.get()))) any = true;
    return any;
  }

  Connection connection_;
  const std::string select_;
  std::string xid_ = "0", id_ = "-1";
};

}  // namespace

std::span<const Engine> postgres_engines() {
  static const std::array<Engine, 1> engines = {{
      {"postgres", [](const EngineOptions& options) { return std::make_unique<PostgresWriter>(options); },
       [](const EngineOptions& options) { return std::make_unique<PostgresReader>(options); }},
  }};
  return engines;
}

}  // namespace sluice::bench
