#include "gateway/source/postgres_table.h"

#include <doctest/doctest.h>

namespace sluice::source {
namespace {

// Its statements run against a real server in tests/end_to_end/source_postgres_test.py.

PostgresTable::Description usual() {
  return {.sql_name = "shop.outbox",
          .name = "outbox",
          .is_view = false,
          .readable = true,
          .writable = true,
          .columns = {{"id", "bigint", true}, {"xid", "xid8", true}, {"topic", "text"}, {"data", "jsonb"}}};
}

config::Source table_source() {
  config::Source source;
  source.name = "audit";
  source.table = "outbox";
  return source;
}

std::string problem(PostgresTable::Description description, const config::Source& config) {
  const auto made = PostgresTable::from(std::move(description), config);
  const auto* text = std::get_if<std::string>(&made);
  return text == nullptr ? "" : *text;
}

TEST_CASE("columns of the usual names are found, others are named by map, or pointed to inside the data") {
  auto config = table_source();
  auto made = PostgresTable::from(usual(), config);
  REQUIRE(std::holds_alternative<PostgresTable>(made));
  CHECK(std::get<PostgresTable>(made).topic().column == "\"topic\"");
  CHECK(std::get<PostgresTable>(made).data().column == "\"data\"");
  CHECK(std::get<PostgresTable>(made).event().column.empty());

  auto other = usual();
  other.columns[3].name = "Pay\"load";
  config.map = {.topic = "/a/b", .event = "topic", .data = "Pay\"load"};
  made = PostgresTable::from(other, config);
  REQUIRE(std::holds_alternative<PostgresTable>(made));
  CHECK(std::get<PostgresTable>(made).topic().pointer == "/a/b");
  CHECK(std::get<PostgresTable>(made).topic().column.empty());
  CHECK(std::get<PostgresTable>(made).event().column == "\"topic\"");
  CHECK(std::get<PostgresTable>(made).data().column == R"("Pay""load")");
}

TEST_CASE("what a table lacks is told with the SQL that adds it") {
  const auto config = table_source();
  CHECK(problem(usual(), config).empty());
  auto table = usual();
  table.columns.erase(table.columns.begin() + 1);
  CHECK(problem(table, config).find("ALTER TABLE shop.outbox ADD COLUMN xid xid8 NOT NULL") != std::string::npos);
  table = usual();
  table.columns[1].type = "bigint";
  CHECK(problem(table, config).find("is of type bigint, not xid8") != std::string::npos);
  table = usual();
  table.columns[1].not_null = false;
  CHECK(problem(table, config).find("ALTER COLUMN xid SET NOT NULL") != std::string::npos);
  table.is_view = true;  // which knows no such thing
  CHECK(problem(table, config).empty());
  table = usual();
  table.columns[0].type = "uuid";
  CHECK(problem(table, config).find("id of table shop.outbox is of type uuid") != std::string::npos);
  table = usual();
  table.columns.pop_back();
  CHECK(problem(table, config).find("ADD COLUMN data") != std::string::npos);
  table = usual();
  table.readable = false;
  CHECK(problem(table, config).find("GRANT SELECT ON shop.outbox") != std::string::npos);
  CHECK(PostgresTable::missing(config).find("CREATE TABLE outbox (id bigint") != std::string::npos);
}

TEST_CASE("publishing asks for more") {
  auto config = table_source();
  config.publish = true;
  CHECK(problem(usual(), config).empty());
  auto table = usual();
  table.writable = false;
  CHECK(problem(table, config).find("GRANT INSERT") != std::string::npos);
  config.map.data = "/body";
  CHECK(problem(usual(), config).find("cannot write through map.data") != std::string::npos);
}

TEST_CASE("texts and names are quoted as PostgreSQL reads them") {
  CHECK(quote_identifier("a\"b") == "\"a\"\"b\"");
  CHECK(text_array({}) == "{}");
  CHECK(text_array({"a", std::nullopt, "", "q\"\\{},NULL"}) == R"({"a",NULL,"","q\"\\{},NULL"})");
}

}  // namespace
}  // namespace sluice::source
