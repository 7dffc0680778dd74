// PostgresRows: the answer to PostgresTable::rows_query(): the rows of an outbox after a place, as far as they are
// final, and what that says of the place itself. Pure; used by the live reading and by the pages of the past, on the
// source's home worker. Invariant: a row before `final_count()` can be overtaken by no other: its transaction is older
// than every one that still runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "gateway/source/postgres_connection.h"
#include "gateway/source/postgres_table.h"
#include "gateway/topic/event.h"
#include "gateway/topic/position_format.h"

namespace sluice::source {

// (xid, id) of a row, or of a place between rows.
using PostgresPlace = topic::NumberPair;
[[nodiscard]] std::string position_text(const PostgresPlace& place);  // "7215.88"
void write_position(const PostgresPlace& place, std::string& text);   // replaces it
[[nodiscard]] std::optional<PostgresPlace> parse_position(std::string_view position);

struct PostgresBatch {
  int rows = 1000;
  std::size_t bytes = 1024 * 1024;
  std::size_t row_bytes = 1024 * 1024;  // larger data is not sent
};
// The values $1 to $5 of rows_query().
[[nodiscard]] std::vector<std::optional<std::string>> rows_values(const PostgresPlace& after,
                                                                  const PostgresBatch& batch);

class PostgresRows {
 public:
  // `answer`: an ok one, which outlives this.
  PostgresRows(const PostgresAnswer& answer, const PostgresPlace& after, const PostgresBatch& batch);

  [[nodiscard]] int final_count() const { return final_; }
  // Committed, but a transaction that began earlier still runs. Those of this batch.
  [[nodiscard]] int waiting_count() const { return count_ - final_; }
  [[nodiscard]] PostgresPlace waiting_place() const { return place(final_); }
  // There are more final rows behind these.
  [[nodiscard]] bool more() const { return cut_ && waiting_count() == 0; }
  // The limit of bytes kept them out, not that of rows.
  [[nodiscard]] bool cut_by_bytes() const { return cut_by_bytes_; }
  [[nodiscard]] PostgresPlace place(int row) const;
  // Behind the last final row; `after` where there is none.
  [[nodiscard]] PostgresPlace through() const { return final_ == 0 ? after_ : place(final_ - 1); }
  // Every row that is still to come stands behind this place.
  [[nodiscard]] PostgresPlace horizon(std::int64_t last_id) const;

  // `after` is of a transaction that this server has never had: it was made anew, or restored.
  [[nodiscard]] bool after_is_unknown() const;
  // Rows behind `after` may have been deleted: it is gone, with all before it. Only of an examined answer.
  [[nodiscard]] bool may_have_lost(const PostgresTable& table) const;
  // Just before the first row; the horizon where there is none.
  [[nodiscard]] PostgresPlace before_first(std::int64_t last_id) const;

  struct Event {
    std::string topic;  // its full name
    topic::Event event;
  };
  // The event of a row, or why there is none. Not yet sanitised.
  [[nodiscard]] std::variant<Event, const char*> event(int row, const PostgresTable& table, const std::string& source,
                                                       const config::Limits& limits) const;
  // Its topic alone, where a column tells; nullopt: the data has to be read.
  [[nodiscard]] std::optional<std::string> topic(int row, const PostgresTable& table, const std::string& source) const;

 private:
  // Columns of a row. The answer's first row is the head, and has other things in them.
  enum Field : std::uint8_t { xid, id, topic_text, event_text, key_text, size, data };
  struct Head {
    std::uint64_t low = 0, high = 0;  // the snapshot's xmin and xmax
    std::int64_t last_id = 0;         // of the sequence
    bool standby = false, anchored = false;
    std::int64_t scanned = 0;
  };
  [[nodiscard]] static Head read_head(const PostgresAnswer& answer);
  [[nodiscard]] std::optional<std::int64_t> number(int row, Field field) const {
    return answer_.number(row + 1, field);
  }
  [[nodiscard]] std::optional<std::string_view> text(int row, Field field) const {
    return answer_.text(row + 1, field);
  }

  const PostgresAnswer& answer_;
  const PostgresPlace after_;
  const Head head_;
  const std::size_t row_bytes_;
  int count_ = 0, final_ = 0;
  bool cut_ = false, cut_by_bytes_ = false;
};

}  // namespace sluice::source
