#include "gateway/source/postgres_inserts.h"

#include <optional>
#include <set>
#include <utility>

#include "gateway/observe/log.h"
#include "gateway/source/postgres_errors.h"
#include "gateway/source/postgres_rows.h"

namespace sluice::source {

using Kind = topic::PublishResult::Kind;
using Texts = std::vector<std::optional<std::string>>;

namespace {

topic::PublishResult refused(Kind kind, std::string detail) { return {.kind = kind, .detail = std::move(detail)}; }

std::optional<std::string> or_null(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

std::string place_of(const PostgresAnswer& answer, int row, int column) {
  return position_text({static_cast<std::uint64_t>(answer.number(row, column).value_or(0)),
                        static_cast<std::uint64_t>(answer.number(row, column + 1).value_or(0))});
}

}  // namespace

PostgresInserts::PostgresInserts(boost::asio::io_context& loop, PostgresConnection::Options options,
                                 const config::Source& config)
    : config_(config), connection_(loop, *this, std::move(options)) {}

void PostgresInserts::on_down(const std::string& why) {
  if (std::exchange(told_, true)) return;
  observe::log_event(observe::Level::warning, "nothing can be published for now",
                     {{"source", config_.name}, {"why", why}});
}

std::string PostgresInserts::refusal(const std::string& below, const std::vector<topic::Event>& events) const {
  const std::string table = "table " + table_->description().sql_name;
  const auto lacks = [&](const PostgresPart& part, const char* what) -> std::string {
    if (part.column.empty()) return table + " has no column for " + what;
    return {};
  };
  if (!below.empty() && table_->topic().column.empty()) return lacks(table_->topic(), "a topic below the source");
  for (const topic::Event& event : events) {
    if (!event.type.empty() && table_->event().column.empty()) return lacks(table_->event(), "an event's name");
    if (event.key && table_->key().column.empty()) return lacks(table_->key(), "an event's key");
    if (!event.idempotency_key.empty() && !table_->extras().unique_keys)
      return table +
             " has no unique column idempotency_key, without which an id cannot keep an event from being written "
             "twice: ALTER TABLE … ADD COLUMN idempotency_key text UNIQUE, or publish without id";
    if (has_nul(event.data) || has_nul(event.key.value_or(""))) return "text of PostgreSQL holds no NUL";
  }
  return {};
}

void PostgresInserts::publish(const std::string& topic, std::vector<topic::Event> events, Done done) {
  if (!table_ || !connection_.up())
    return done(refused(Kind::unavailable, "source " + config_.name + " is down, nothing was written" +
                                               (connection_.error().empty() ? "" : ": " + connection_.error())));
  auto publish = std::make_shared<Publish>();
  publish->topic = topic.size() > config_.name.size() ? topic.substr(config_.name.size() + 1) : "";
  if (std::string why = refusal(publish->topic, events); !why.empty())
    return done(refused(Kind::refused, std::move(why)));
  publish->table = table_;
  publish->done = std::move(done);
  publish->positions.resize(events.size());
  Texts topics, types, data, keys, idempotency_keys;
  for (topic::Event& event : events) {
    topics.push_back(or_null(publish->topic));
    types.push_back(or_null(event.type));
    data.emplace_back(std::move(event.data));
    keys.push_back(std::move(event.key));
    idempotency_keys.push_back(or_null(event.idempotency_key));
    publish->keys.push_back(std::move(event.idempotency_key));
  }
  connection_.query({.text = table_->insert_query(),
                     .values = {text_array(topics), text_array(types), text_array(data), text_array(keys),
                                text_array(idempotency_keys), table_->description().name}},
                    [this, publish](const PostgresAnswer& answer) { on_inserted(publish, answer); });
}

topic::PublishResult PostgresInserts::failure(const PostgresAnswer& answer) const {
  if (answer.lost())
    return refused(Kind::unavailable,
                   "the connection to PostgreSQL was lost: whether the events were written, nobody "
                   "knows; with an id each they can be sent again");
  const std::string_view state = answer.sqlstate();
  const std::string why = explain_postgres_refusal(state, answer.message(), config_.table);
  if (state == "53100") return refused(Kind::storage_full, why);
  // Data and constraints, rights and what the table looks like: sent again it fails again.
  const bool final = state.starts_with("22") || state.starts_with("23") || state.starts_with("42");
  return refused(final ? Kind::refused : Kind::unavailable, why);
}

void PostgresInserts::on_inserted(const std::shared_ptr<Publish>& publish, const PostgresAnswer& answer) {
  if (!answer.ok()) return publish->done(failure(answer));
  connection_.settle();
  std::vector<std::string> unkeyed;  // in order
  for (int row = 0; row != answer.rows(); ++row) {
    if (const auto key = answer.text(row, 2))
      publish->by_key.emplace(*key, place_of(answer, row, 0));
    else
      unkeyed.push_back(place_of(answer, row, 0));
  }
  Texts known;
  std::size_t next = 0;
  std::set<std::string_view> seen;
  for (std::size_t event = 0; event != publish->keys.size(); ++event) {
    const std::string& key = publish->keys[event];
    if (key.empty()) {
      if (next != unkeyed.size()) publish->positions[event] = unkeyed[next++];
      continue;
    }
    const bool again = !seen.insert(key).second;
    const auto inserted = publish->by_key.find(key);
    if (inserted == publish->by_key.end())
      known.emplace_back(key);
    else
      publish->positions[event] = inserted->second;
    if (again || inserted == publish->by_key.end()) ++publish->repeated;
  }
  if (known.empty()) return publish->done({.positions = std::move(publish->positions), .repeated = publish->repeated});
  connection_.query({.text = publish->table->find_keys_query(), .values = {text_array(known)}},
                    [this, publish](const PostgresAnswer& found) { on_found(publish, found); });
}

void PostgresInserts::on_found(const std::shared_ptr<Publish>& publish, const PostgresAnswer& answer) {
  if (!answer.ok()) return publish->done(failure(answer));
  for (int row = 0; row != answer.rows(); ++row) {
    if (answer.text(row, 3).value_or("") != publish->topic)
      return publish->done(refused(Kind::refused, "the id " + std::string(answer.text(row, 0).value_or("")) +
                                                      " is known, of an event of another topic: ids are unique in the "
                                                      "table; the other events of this request are written"));
    publish->by_key.emplace(answer.text(row, 0).value_or(""), place_of(answer, row, 1));
  }
  for (std::size_t event = 0; event != publish->keys.size(); ++event) {
    if (!publish->positions[event].empty()) continue;
    const auto found = publish->by_key.find(publish->keys[event]);
    if (found == publish->by_key.end())
      return publish->done(refused(Kind::unavailable, "the row of the id " + publish->keys[event] +
                                                          " has been deleted at this moment: send it again"));
    publish->positions[event] = found->second;
  }
  publish->done({.positions = std::move(publish->positions), .repeated = publish->repeated});
}

}  // namespace sluice::source
