// PostgresTable: what an outbox table looks like, as its server tells, and the statements that read and fill it. Pure:
// made from the answers to its own questions; shared by the live reading, the pages of the past and publishing.
// Invariant: a table that exists here has all that reading needs; what it lacks is told with the SQL that adds it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gateway/config/config.h"

namespace sluice::source {

// A part of an event: a column, a JSON pointer into the data column, or nothing.
struct PostgresPart {
  std::string column;   // SQL, quoted; empty: not a column
  std::string pointer;  // RFC 6901; empty: not a pointer
};

class PostgresTable {
 public:
  struct Column {
    std::string name, type;  // as format_type() has it: "bigint", "xid8", "character varying"
    bool not_null = false;
  };
  struct Description {
    std::string sql_name;  // quoted where it must be, with its schema where that is not on the search path
    std::string name;      // alone: also the channel on which writers tell that there is more
    bool is_view = false, readable = false, writable = false;
    std::vector<Column> columns;
  };
  // What only sometimes is there.
  struct Extras {
    bool indexed = false;      // on (xid, id)
    bool unique_keys = false;  // a unique index on idempotency_key
    std::string id_sequence;   // the OID of the sequence that gives ids, one by one; empty: none that can be followed
    std::int64_t last_id = 0;  // that it had given before anything was read
  };

  // The table, or why it cannot be read and the remedy.
  [[nodiscard]] static std::variant<PostgresTable, std::string> from(Description description,
                                                                     const config::Source& config);
  [[nodiscard]] static std::string missing(const config::Source& config);
  // $1: the table as configured. No row: there is none. Columns: sql_name, name, is_view, readable, writable, column,
  // type, not_null.
  [[nodiscard]] static std::string describe_query();
  // $1: sql_name. One row: the members of Extras, whether rows of transactions are there that this server has not
  // reached (a restored dump), whether it is a standby.
  [[nodiscard]] std::string extras_query() const;

  // Rows after a place. $1 xid, $2 id, $3 rows, $4 bytes of data together, $5 bytes of data that one row may have; with
  // `filtered`: $6 topics, $7 prefixes of topics whose data is wanted. The answer: postgres_rows.h. `examined`: says
  // also whether rows up to that place are still there.
  [[nodiscard]] std::string rows_query(bool filtered, bool examined) const;
  // The oldest transaction that still runs, whether it is the only one to come, and the newest row of older ones.
  // Columns: xmin, xmin is xmax, xid, id.
  [[nodiscard]] std::string end_query() const;
  // The place of the first row from a time on ($1); nullopt: no column tells.
  [[nodiscard]] std::optional<std::string> since_query() const;
  // The oldest transaction that still runs, for a person. One text.
  [[nodiscard]] static std::string holder_query();
  // Events as arrays: $1 topics, $2 events, $3 data, $4 keys, $5 idempotency keys; $6 the channel. Rows: xid, id,
  // idempotency key.
  [[nodiscard]] std::string insert_query() const;
  // $1: idempotency keys. Rows: idempotency key, xid, id, topic.
  [[nodiscard]] std::string find_keys_query() const;

  [[nodiscard]] const Description& description() const { return description_; }
  [[nodiscard]] bool has(std::string_view column) const { return find(column) != nullptr; }
  [[nodiscard]] const PostgresPart& topic() const { return topic_; }
  [[nodiscard]] const PostgresPart& event() const { return event_; }
  [[nodiscard]] const PostgresPart& key() const { return key_; }
  [[nodiscard]] const PostgresPart& data() const { return data_; }
  [[nodiscard]] const Extras& extras() const { return extras_; }
  void set_extras(Extras extras) { extras_ = std::move(extras); }

 private:
  PostgresTable(Description description, const config::Source& config);
  [[nodiscard]] const Column* find(std::string_view column) const;
  [[nodiscard]] PostgresPart part(const std::string& mapping, const char* usual) const;
  [[nodiscard]] std::string find_problem(const config::Source& config) const;

  Description description_;
  Extras extras_;
  PostgresPart topic_, event_, key_, data_;
  std::string payload_, payload_type_;  // the column that pointers point into, quoted; empty type: it is not there
};

[[nodiscard]] std::string quote_identifier(std::string_view name);
// An array of texts as PostgreSQL writes it; nullopt is NULL.
[[nodiscard]] std::string text_array(const std::vector<std::optional<std::string>>& texts);

}  // namespace sluice::source
