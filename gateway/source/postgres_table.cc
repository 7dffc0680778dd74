#include "gateway/source/postgres_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::source {
namespace {

constexpr std::array integer_types = {"bigint", "integer", "smallint"};

std::string or_null(const PostgresPart& part) { return part.column.empty() ? "NULL" : part.column + "::text"; }

}  // namespace

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char letter : name) letter == '"' ? quoted.append("\"\"") : quoted.append(1, letter);
  return quoted + '"';
}

std::string text_array(const std::vector<std::optional<std::string>>& texts) {
  std::string array = "{";
  for (const auto& text : texts) {
    if (array.size() != 1) array += ',';
    if (!text) {
      array += "NULL";
      continue;
    }
    array += '"';
    for (const char letter : *text) {
      if (letter == '"' || letter == '\\') array += '\\';
      array += letter;
    }
    array += '"';
  }
  return array + '}';
}

// --- What it looks like --------------------------------------------------------------------------------------------

std::string PostgresTable::missing(const config::Source& config) {
  return fmt::format(
      "there is no table {0}, or the user may not see it: CREATE TABLE {0} (id bigint GENERATED ALWAYS AS IDENTITY "
      "PRIMARY KEY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(), topic text, event text, key text, data text NOT "
      "NULL, created_at timestamptz NOT NULL DEFAULT now()); CREATE INDEX ON {0} (xid, id);",
      config.table);
}

std::variant<PostgresTable, std::string> PostgresTable::from(Description description, const config::Source& config) {
  PostgresTable table(std::move(description), config);
  std::string problem = table.find_problem(config);
  if (!problem.empty()) return problem;
  return table;
}

PostgresTable::PostgresTable(Description description, const config::Source& config)
    : description_(std::move(description)),
      topic_(part(config.map.topic, "topic")),
      event_(part(config.map.event, "event")),
      key_(part(config.map.key, "key")),
      data_(part(config.map.data, "data")) {
  const std::string payload = config.map.data.empty() || !data_.pointer.empty() ? "data" : config.map.data;
  payload_ = quote_identifier(payload);
  const Column* column = find(payload);
  payload_type_ = column == nullptr ? "" : column->type;
}

const PostgresTable::Column* PostgresTable::find(std::string_view column) const {
  const auto found = std::ranges::find(description_.columns, column, &Column::name);
  return found == description_.columns.end() ? nullptr : &*found;
}

PostgresPart PostgresTable::part(const std::string& mapping, const char* usual) const {
  if (mapping.starts_with('/')) return {.pointer = mapping};
  if (!mapping.empty()) return {.column = quote_identifier(mapping)};
  return {.column = has(usual) ? quote_identifier(usual) : ""};
}

std::string PostgresTable::find_problem(const config::Source& config) const {
  const std::string& name = description_.sql_name;
  const std::string table = "table " + name;
  if (!description_.readable) return fmt::format("the user may not read {}: GRANT SELECT ON {} TO …", table, name);
  const Column* id = find("id");
  if (id == nullptr)
    return fmt::format("{} has no column id: ALTER TABLE {} ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY", table,
                       name);
  if (std::ranges::find(integer_types, id->type) == integer_types.end())
    return fmt::format(
        "column id of {} is of type {}: it must be bigint, so that rows of one transaction have an order", table,
        id->type);
  constexpr const char* add_xid = "ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()";
  const Column* xid = find("xid");
  if (xid == nullptr)
    return fmt::format(
        "{0} has no column xid, without which rows that commit late would be lost: ALTER TABLE {1} {2}; CREATE INDEX "
        "ON {1} (xid, id);",
        table, name, add_xid);
  if (xid->type != "xid8")
    return fmt::format("column xid of {} is of type {}, not xid8: ALTER TABLE {} DROP COLUMN xid, {}", table, xid->type,
                       name, add_xid);
  if (!xid->not_null && !description_.is_view)
    return fmt::format(
        "column xid of {0} may be NULL, and such rows would never be seen: ALTER TABLE {1} ALTER COLUMN "
        "xid SET DEFAULT pg_current_xact_id(), ALTER COLUMN xid SET NOT NULL",
        table, name);
  for (const auto& [key, mapping] : {std::pair("topic", &config.map.topic), std::pair("event", &config.map.event),
                                     std::pair("data", &config.map.data), std::pair("key", &config.map.key)})
    if (!mapping->empty() && !mapping->starts_with('/') && !has(*mapping))
      return fmt::format("{} has no column {}, which map.{} names", table, *mapping, key);
  if (payload_type_.empty())
    return fmt::format(
        "{0} has no column data: ALTER TABLE {1} ADD COLUMN data text NOT NULL, or name the column that "
        "has it in map.data",
        table, name);
  if (!config.publish) return {};
  if (!description_.writable)
    return fmt::format("the user may not write {0}, as publish = true wants: GRANT INSERT ON {1} TO …", table, name);
  if (!data_.pointer.empty()) return "publish = true cannot write through map.data = \"" + data_.pointer + "\"";
  return {};
}

// --- Statements ----------------------------------------------------------------------------------------------------

std::string PostgresTable::describe_query() {
  return "SELECT c.oid::regclass::text, c.relname::text, c.relkind = 'v', has_table_privilege(c.oid, 'SELECT'), "
         "has_table_privilege(c.oid, 'INSERT'), a.attname::text, format_type(a.atttypid, NULL), a.attnotnull "
         "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
         "WHERE c.oid = to_regclass($1::text) ORDER BY a.attnum";
}

std::string PostgresTable::extras_query() const {
  // Places in indkey count from 0.
  constexpr const char* column_is =
      "(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[{}]) = '{}'";
  return fmt::format(
      "SELECT indexed, unique_keys, sequence::text, last_id, CASE WHEN indexed THEN coalesce((SELECT \"xid\" FROM {0} "
      "ORDER BY \"xid\" DESC, \"id\" DESC LIMIT 1) >= pg_snapshot_xmax(pg_current_snapshot()), false) ELSE false END, "
      "pg_is_in_recovery() FROM (SELECT "
      "EXISTS (SELECT FROM pg_index i WHERE i.indrelid = $1::text::regclass AND i.indisvalid AND {1} AND {2}) "
      "AS indexed, "
      "EXISTS (SELECT FROM pg_index i WHERE i.indrelid = $1::text::regclass AND i.indisvalid AND i.indisunique AND "
      "i.indnkeyatts = 1 AND i.indpred IS NULL AND {3}) AS unique_keys) AS indexes LEFT JOIN "
      // One number after the other, none kept back by a session: only then does the last one tell of rows.
      "(SELECT seqrelid AS sequence, coalesce(pg_sequence_last_value(seqrelid), 0) AS last_id FROM pg_sequence WHERE "
      "seqrelid = pg_get_serial_sequence($1::text, 'id')::regclass AND seqincrement = 1 AND seqcache = 1 AND "
      "has_sequence_privilege(seqrelid, 'USAGE, SELECT')) AS ids ON true",
      description_.sql_name, fmt::format(fmt::runtime(column_is), 0, "xid"),
      fmt::format(fmt::runtime(column_is), 1, "id"), fmt::format(fmt::runtime(column_is), 0, "idempotency_key"));
}

std::string PostgresTable::rows_query(bool filtered, bool examined) const {
  const std::string& table = description_.sql_name;
  const bool bytes = payload_type_ == "bytea";
  const std::string payload = bytes ? payload_ : payload_ + "::text";
  std::string wanted = "true";
  if (filtered && topic_.pointer.empty())
    wanted =
        "(coalesce(topic, '') = ANY($6::text[]) OR EXISTS (SELECT FROM unnest($7::text[]) AS p(prefix) WHERE "
        "starts_with(topic, prefix)))";
  const std::string anchored =
      examined ? fmt::format("EXISTS (SELECT FROM {} WHERE (\"xid\", \"id\") <= ($1::xid8, $2::int8))", table) : "true";
  const std::string last_id =
      examined && !extras_.id_sequence.empty()
          ? fmt::format("coalesce(pg_sequence_last_value({}::regclass), 0)", extras_.id_sequence)
          : "NULL::int8";
  return fmt::format(
      "WITH horizon AS MATERIALIZED (SELECT pg_snapshot_xmin(s) AS low, pg_snapshot_xmax(s) AS high "
      "FROM pg_current_snapshot() AS s), "
      "scanned AS MATERIALIZED (SELECT \"xid\" AS xid, \"id\"::int8 AS id, {topic} AS topic, {event} AS event, {key} "
      "AS key, {payload} AS data, coalesce(octet_length({payload}), 0)::int8 AS size FROM {table} "
      "WHERE (\"xid\", \"id\") > ($1::xid8, $2::int8) AND \"id\" >= 0 ORDER BY \"xid\", \"id\" LIMIT $3::int8), "
      "judged AS (SELECT scanned.*, {wanted} AND xid < low AND size <= $5::int8 AS shown FROM scanned, horizon), "
      "measured AS (SELECT *, sum(CASE WHEN shown THEN size ELSE 0 END) OVER (ORDER BY xid, id ROWS BETWEEN UNBOUNDED "
      "PRECEDING AND 1 PRECEDING) AS before FROM judged) "
      // Columns of the head that every row repeated cost more than the row.
      "SELECT xid, id, topic, event, key, size, data FROM (SELECT 0 AS part, low AS xid, {last_id} AS id, "
      "high::text AS topic, pg_is_in_recovery()::text AS event, ({anchored})::text AS key, "
      "(SELECT count(*) FROM scanned) AS size, NULL AS data FROM horizon UNION ALL "
      "SELECT 1, xid, id, topic, event, key, CASE WHEN size > $5::int8 THEN size END, "
      "CASE WHEN shown THEN data END FROM measured WHERE coalesce(before, 0) < $4::int8) AS answer "
      "ORDER BY part, xid, id",
      fmt::arg("topic", or_null(topic_)), fmt::arg("event", or_null(event_)), fmt::arg("key", or_null(key_)),
      fmt::arg("payload", payload), fmt::arg("table", table), fmt::arg("wanted", wanted),
      fmt::arg("anchored", anchored), fmt::arg("last_id", last_id));
}

std::string PostgresTable::end_query() const {
  return fmt::format(
      "SELECT low, low = high, xid, id FROM (SELECT pg_snapshot_xmin(s) AS low, pg_snapshot_xmax(s) AS high FROM "
      "pg_current_snapshot() AS s) AS horizon LEFT JOIN LATERAL (SELECT \"xid\" AS xid, \"id\"::int8 AS id FROM {} "
      "WHERE \"xid\" < low AND \"id\" >= 0 ORDER BY \"xid\" DESC, \"id\" DESC LIMIT 1) AS newest ON true",
      description_.sql_name);
}

std::string PostgresTable::holder_query() {
  return "SELECT coalesce((SELECT format('pid %s (user %s, database %s, application %s, %s, open for %s s)', pid, "
         "usename, datname, application_name, state, extract(epoch FROM clock_timestamp() - xact_start)::int) FROM "
         "pg_stat_activity WHERE backend_xid = low::xid LIMIT 1), (SELECT format('prepared transaction %s (user %s, "
         "database %s): COMMIT or ROLLBACK PREPARED', gid, owner, database) FROM pg_prepared_xacts WHERE transaction = "
         "low::xid LIMIT 1), 'one that this user may not see: GRANT pg_read_all_stats') FROM (SELECT "
         "pg_snapshot_xmin(pg_current_snapshot()) AS low) AS horizon";
}

std::optional<std::string> PostgresTable::since_query() const {
  const Column* created = find("created_at");
  if (created == nullptr || !created->type.starts_with("timestamp")) return std::nullopt;
  return fmt::format(
      "SELECT \"xid\", \"id\"::int8 FROM {} WHERE \"created_at\" >= $1::timestamptz AND \"id\" >= 0 ORDER BY \"xid\", "
      "\"id\" LIMIT 1",
      description_.sql_name);
}

std::string PostgresTable::insert_query() const {
  std::string columns = "\"xid\", " + payload_;
  std::string values =
      "pg_current_xact_id(), " + (payload_type_ == "bytea" ? "convert_to(e.data, 'UTF8')" : "e.data::" + payload_type_);
  const auto add = [&](const PostgresPart& part, const char* value) {
    if (part.column.empty()) return;
    columns += ", " + part.column;
    values += std::string(", e.") + value;
  };
  add(topic_, "topic");
  add(event_, "event");
  add(key_, "key");
  std::string conflict, key = "NULL::text";
  if (extras_.unique_keys) {
    add({.column = "\"idempotency_key\""}, ("idempotency_key::" + find("idempotency_key")->type).c_str());
    conflict = "ON CONFLICT (\"idempotency_key\") DO NOTHING ";
    key = "\"idempotency_key\"::text";
  }
  return fmt::format(
      "WITH inserted AS (INSERT INTO {} ({}) SELECT {} FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], "
      "$5::text[]) WITH ORDINALITY AS e(topic, event, data, key, idempotency_key, place) ORDER BY place {}RETURNING "
      "\"xid\" AS xid, \"id\"::int8 AS id, {} AS idempotency_key) SELECT xid, id, idempotency_key, pg_notify($6, '') "
      "FROM inserted ORDER BY id",
      description_.sql_name, columns, values, conflict, key);
}

std::string PostgresTable::find_keys_query() const {
  return fmt::format(
      "SELECT \"idempotency_key\"::text, \"xid\", \"id\"::int8, {} FROM {} WHERE \"idempotency_key\" = "
      "ANY($1::text[]::{}[])",
      or_null(topic_), description_.sql_name, find("idempotency_key")->type);
}

}  // namespace sluice::source
