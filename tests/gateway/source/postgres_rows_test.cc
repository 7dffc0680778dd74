#include "gateway/source/postgres_rows.h"

#include <doctest/doctest.h>

#include <array>

namespace sluice::source {
namespace {

constexpr std::size_t row_bytes = 100;

// An answer of the server as rows_query() gets it, made in memory.
class Answer {
 public:
  struct Head {
    std::uint64_t low = 100, high = 100;
    bool standby = false, anchored = true;
    std::int64_t last_id = 0;
    int scanned = 0;
  };

  explicit Answer(Head head) : result_(PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK)) {
    std::array<PGresAttDesc, 7> columns{};
    std::array<char, 2> name = {'c', '\0'};
    for (PGresAttDesc& column : columns) {
      column.name = name.data();
      column.format = 1;
    }
    REQUIRE(PQsetResultAttrs(result_, static_cast<int>(columns.size()), columns.data()) != 0);
    const auto flag = [](bool on) { return Text(on ? "true" : "false"); };
    add(Text(bytes(head.low)), Text(bytes(static_cast<std::uint64_t>(head.last_id))), Text(std::to_string(head.high)),
        flag(head.standby), flag(head.anchored), Text(bytes(static_cast<std::uint64_t>(head.scanned))), Text());
  }
  Answer& row(std::uint64_t xid, std::int64_t id, const char* data, const char* topic = nullptr,
              const char* event = nullptr) {
    const std::size_t size = data == nullptr ? 0 : std::string_view(data).size();
    add(bytes(xid), bytes(static_cast<std::uint64_t>(id)), or_none(topic), or_none(event), std::nullopt,
        size > row_bytes ? std::optional(bytes(size)) : std::nullopt, or_none(data));
    return *this;
  }
  PostgresAnswer take() { return PostgresAnswer(result_); }

 private:
  static std::string bytes(std::uint64_t number) {
    std::string text;
    for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(number >> shift & 0xffU);
    return text;
  }
  using Text = std::optional<std::string>;
  static Text or_none(const char* text) { return text == nullptr ? std::nullopt : Text(text); }
  template <class... Columns>
  void add(const Columns&... columns) {
    ++row_;
    int column = 0;
    (set(column++, columns), ...);
  }
  void set(int column, const Text& text) {
    REQUIRE(PQsetvalue(result_, row_, column, text ? const_cast<char*>(text->data()) : nullptr,
                       text ? static_cast<int>(text->size()) : -1) != 0);
  }

  PGresult* result_;
  int row_ = -1;
};

PostgresTable table(bool counted = true) {
  config::Source config;
  config.table = "outbox";
  auto made = PostgresTable::from(
      {.sql_name = "outbox",
       .name = "outbox",
       .readable = true,
       .writable = true,
       .columns =
           {{"id", "bigint", true}, {"xid", "xid8", true}, {"topic", "text"}, {"event", "text"}, {"data", "text"}}},
      config);
  auto table = std::get<PostgresTable>(std::move(made));
  if (counted) table.set_extras({.id_sequence = "16384"});
  return table;
}

const PostgresBatch batch{.rows = 10, .bytes = 1000, .row_bytes = row_bytes};

TEST_CASE("rows of transactions as old as one that still runs wait for it") {
  const auto answer =
      Answer({.low = 7, .high = 20, .scanned = 3}).row(5, 1, "a").row(6, 9, "b").row(7, 2, nullptr).take();
  const PostgresRows rows(answer, {4, 1}, batch);
  CHECK(rows.final_count() == 2);
  CHECK(rows.waiting_count() == 1);
  CHECK(rows.waiting_place() == PostgresPlace{7, 2});
  CHECK(rows.through() == PostgresPlace{6, 9});
  CHECK(!rows.more());
  CHECK(position_text(rows.horizon(3)) == "6.9");
  CHECK(position_text(rows.before_first(3)) == "5.0");
}

TEST_CASE("there is more where the limit of rows or of bytes was reached, unless the rest waits") {
  CHECK(!PostgresRows(Answer({.scanned = 1}).row(1, 1, "a").take(), {}, batch).more());
  const PostgresRows by_bytes(Answer({.scanned = 2}).row(1, 1, "a").take(), {}, batch);
  CHECK(by_bytes.more());
  CHECK(by_bytes.cut_by_bytes());
  const PostgresRows by_rows(Answer({.scanned = 10}).row(1, 1, "a").take(), {}, PostgresBatch{.rows = 10});
  CHECK(by_rows.more());
  CHECK(!PostgresRows(Answer({.low = 1, .scanned = 2}).row(1, 1, "a").take(), {}, batch).more());
}

TEST_CASE("an empty table ends just below the oldest transaction that runs") {
  const auto quiet = Answer({.low = 50, .high = 50}).take();
  CHECK(position_text(PostgresRows(quiet, {}, batch).horizon(7)) == "49.7");
  const auto busy = Answer({.low = 50, .high = 51}).take();
  CHECK(position_text(PostgresRows(busy, {}, batch).horizon(7)) == "49.0");  // somebody may have taken a number
  CHECK(position_text(PostgresRows(quiet, {60, 1}, batch).horizon(7)) == "60.1");
  CHECK(PostgresRows(quiet, {60, 1}, batch).through() == PostgresPlace{60, 1});
}

TEST_CASE("a place of a transaction that the server never had is unknown, but to a standby") {
  CHECK(PostgresRows(Answer({.low = 5, .high = 9}).take(), {9, 1}, batch).after_is_unknown());
  CHECK(!PostgresRows(Answer({.low = 5, .high = 9}).take(), {8, 1}, batch).after_is_unknown());
  CHECK(!PostgresRows(Answer({.low = 5, .high = 9, .standby = true}).take(), {9, 1}, batch).after_is_unknown());
}

TEST_CASE("rows may be lost where neither the place's row nor an older one is there, unless nothing was between") {
  const auto lost = [](const Answer::Head& head, const PostgresPlace& after, std::optional<PostgresPlace> first,
                       bool counted = true) {
    Answer answer(head);
    if (first) answer.row(first->left, static_cast<std::int64_t>(first->right), "a");
    const PostgresAnswer taken = answer.take();
    return PostgresRows(taken, after, batch).may_have_lost(table(counted));
  };
  CHECK(!lost({.anchored = true}, {5, 3}, PostgresPlace{9, 9}));
  CHECK(lost({.anchored = false}, {5, 3}, PostgresPlace{9, 9}));
  CHECK(!lost({.anchored = false}, {5, 3}, PostgresPlace{5, 4}, false));  // inside one transaction
  CHECK(lost({.anchored = false}, {5, 3}, PostgresPlace{5, 5}));
  CHECK(lost({.anchored = false}, {5, 3}, PostgresPlace{9, 4}));   // 6.2 may have been between
  CHECK(!lost({.anchored = false}, {5, 0}, PostgresPlace{9, 1}));  // a table that was new
  CHECK(lost({.anchored = false}, {5, 0}, PostgresPlace{9, 2}));
  CHECK(lost({.anchored = false}, {5, 0}, PostgresPlace{9, 1}, false));
  CHECK(lost({.anchored = false, .last_id = 3}, {5, 3}, std::nullopt));
  CHECK(!lost({.anchored = false, .last_id = 0}, {5, 0}, std::nullopt));
  CHECK(lost({.anchored = false, .last_id = 0}, {5, 0}, std::nullopt, false));
}

TEST_CASE("a row becomes an event, or says why not") {
  config::Limits limits;
  limits.topic_name = 20;
  const auto made = [&](const char* data, const char* topic, const char* event) {
    const auto answer = Answer({.scanned = 1}).row(1, 1, data, topic, event).take();
    return PostgresRows(answer, {}, batch).event(0, table(), "audit", limits);
  };
  auto event = std::get<PostgresRows::Event>(made("text", "eu", "sale"));
  CHECK(event.topic == "audit/eu");
  CHECK(event.event == topic::Event{.type = "sale", .data = "text"});
  event = std::get<PostgresRows::Event>(made(nullptr, "", nullptr));
  CHECK(event.topic == "audit");
  CHECK(event.event == topic::Event{});
  CHECK(std::holds_alternative<const char*>(made("x", "a//b", nullptr)));
  CHECK(std::holds_alternative<const char*>(made(std::string(101, 'x').c_str(), nullptr, nullptr)));
}

}  // namespace
}  // namespace sluice::source
