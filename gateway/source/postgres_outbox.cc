#include "gateway/source/postgres_outbox.h"

#include <algorithm>

#include "gateway/observe/log.h"
#include "gateway/source/postgres_errors.h"
#include "gateway/source/postgres_open.h"

namespace sluice::source {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using observe::Level;

constexpr auto idle_wait_min = 200ms, idle_wait_max = 1000ms;
// Rows that wait for an older transaction come as soon as it ends, of which nobody notifies.
constexpr auto hold_wait_min = 5ms, hold_wait_max = 200ms;
constexpr auto hold_worth_telling = 5s;
constexpr auto pause_worth_examining = 1s;
constexpr int rows_min = 16, rows_first = 100, rows_max = 1000;

}  // namespace

PostgresOutbox::PostgresOutbox(Context&& context)
    : config_(context.config),
      limits_(context.limits),
      home_(context.home),
      metrics_(context.metrics),
      poison_(context.limits, context.metrics),
      live_(context.io, *this, postgres_options(context, "")),
      pages_(context.io, postgres_options(context, "past"), context.config, context.limits, context.metrics),
      timer_(context.io),
      batch_{.rows = rows_first, .row_bytes = context.limits.event_size} {
  if (config_.publish) inserts_.emplace(context.io, postgres_options(context, "publish"), config_);
}

void PostgresOutbox::start(topic::TimePoint) {
  live_.start();
  if (inserts_) inserts_->start();
}

void PostgresOutbox::stop() {
  alive_.reset();
  timer_.cancel();
  live_.stop();
  pages_.stop();
  if (inserts_) inserts_->stop();
  metrics_.set_state(observe::SourceState::stopped);
}

bool PostgresOutbox::may_have(std::string_view topic) const {
  return topic.starts_with(config_.name) && (topic.size() == config_.name.size() || topic[config_.name.size()] == '/');
}

void PostgresOutbox::open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) {
  if (!may_have(topic)) return done(topic::OpenResult::unknown_topic);
  if (!started_) return opening_.emplace_back(topic, std::move(done)), void();
  done(home_.open(topic, now) ? topic::OpenResult::opened : topic::OpenResult::too_many_topics);
}

void PostgresOutbox::stop_opening(const std::set<std::string>& topics) {
  std::erase_if(opening_, [&](const auto& opening) { return topics.contains(opening.first); });
}

void PostgresOutbox::publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint,
                             std::function<void(topic::PublishResult)> done) {
  if (!inserts_) return done({.kind = topic::PublishResult::Kind::not_publishable});
  inserts_->publish(topic, std::move(events), std::move(done));
}

void PostgresOutbox::read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) {
  pages_.read(request, limits, std::move(done));
}

void PostgresOutbox::pause() {
  paused_ = true;
  paused_since_ = Clock::now();
  metrics_.paused.add();
}

void PostgresOutbox::go_on() {
  paused_ = false;
  must_examine_ = must_examine_ || Clock::now() - paused_since_ > pause_worth_examining;
  poll();
}

// --- Connecting ----------------------------------------------------------------------------------------------------

void PostgresOutbox::ask(PostgresQuery query, Handler handler) {
  live_.query(std::move(query), [this, handler](const PostgresAnswer& answer) {
    if (answer.lost()) return;  // on_down() follows
    if (!answer.ok()) {
      ready_ = false;
      return live_.give_up(explain_postgres_refusal(answer.sqlstate(), answer.message(), config_.table));
    }
    (this->*handler)(answer);
  });
}

void PostgresOutbox::on_up() {
  constexpr int version_min = 130000;
  if (live_.server_version() < version_min)
    return live_.give_up("postgres at " + live_.url().authority() + " is older than 13 and has no type xid8");
  ask({.text = PostgresTable::describe_query(), .values = {config_.table}}, &PostgresOutbox::on_described);
}

void PostgresOutbox::on_described(const PostgresAnswer& answer) {
  if (answer.rows() == 0) return live_.give_up(PostgresTable::missing(config_));
  PostgresTable::Description description{.sql_name = std::string(answer.text(0, 0).value_or("")),
                                         .name = std::string(answer.text(0, 1).value_or("")),
                                         .is_view = answer.flag(0, 2),
                                         .readable = answer.flag(0, 3),
                                         .writable = answer.flag(0, 4)};
  for (int row = 0; row != answer.rows(); ++row)
    description.columns.push_back({.name = std::string(answer.text(row, 5).value_or("")),
                                   .type = std::string(answer.text(row, 6).value_or("")),
                                   .not_null = answer.flag(row, 7)});
  auto made = PostgresTable::from(std::move(description), config_);
  if (const auto* problem = std::get_if<std::string>(&made)) return live_.give_up(*problem);
  table_ = std::make_shared<PostgresTable>(std::get<PostgresTable>(std::move(made)));
  ask({.text = table_->extras_query(), .values = {table_->description().sql_name}}, &PostgresOutbox::on_extras);
}

void PostgresOutbox::on_extras(const PostgresAnswer& answer) {
  auto table = std::make_shared<PostgresTable>(*table_);
  table->set_extras({.indexed = answer.flag(0, 0),
                     .unique_keys = answer.flag(0, 1),
                     .id_sequence = std::string(answer.text(0, 2).value_or("")),
                     .last_id = answer.number(0, 3).value_or(0)});
  table_ = std::move(table);
  pages_.set_table(table_);
  if (inserts_) inserts_->set_table(table_);
  const auto warn = [this](std::string_view what) {
    if (!was_up_) observe::log_event(Level::warning, what, {{"source", config_.name}, {"table", config_.table}});
  };
  if (!table_->extras().indexed) warn("the table has no index on (xid, id): each question reads all of it");
  if (answer.flag(0, 4))
    warn(
        "the table has rows of transactions that this server has not reached, as after a restore from a dump: they "
        "wait for it. UPDATE them SET xid = pg_current_xact_id()");
  const bool standby = answer.flag(0, 5);  // where nobody can LISTEN
  if (standby) return begin();
  ask({.text = "LISTEN " + quote_identifier(table_->description().name)}, &PostgresOutbox::on_listening);
}

void PostgresOutbox::on_listening(const PostgresAnswer&) { begin(); }

void PostgresOutbox::begin() {
  if (!started_) return ask({.text = table_->end_query()}, &PostgresOutbox::on_end);
  ready_ = must_examine_ = true;
  idle_wait_ = idle_wait_min;
  poll();
}

void PostgresOutbox::on_end(const PostgresAnswer& answer) {
  const auto low = static_cast<std::uint64_t>(answer.number(0, 0).value_or(1));
  if (const auto id = answer.number(0, 3))
    last_ = {static_cast<std::uint64_t>(answer.number(0, 2).value_or(0)), static_cast<std::uint64_t>(*id)};
  else  // what commits later has at least `low`
    last_ = {low - 1, answer.flag(0, 1) ? static_cast<std::uint64_t>(table_->extras().last_id) : 0};
  const topic::TimePoint now = Clock::now();
  home_.start(position_text(last_));
  started_ = ready_ = true;
  for (auto& [topic, done] : std::exchange(opening_, {}))
    done(home_.open(topic, now) ? topic::OpenResult::opened : topic::OpenResult::too_many_topics);
  poll();
}

void PostgresOutbox::on_down(const std::string& why) {
  ready_ = polling_ = again_ = false;
  timer_.cancel();
  metrics_.lag.set(-1);
  metrics_.set_state(observe::SourceState::down, why);
}

// --- Rows ----------------------------------------------------------------------------------------------------------

void PostgresOutbox::on_notification(std::string_view, bool) { poll(); }

void PostgresOutbox::poll() {
  if (!ready_ || paused_) return;
  if (std::exchange(polling_, true)) {
    again_ = true;
    return;
  }
  timer_.cancel();
  again_ = false;
  examined_ = must_examine_;
  ask({.text = table_->rows_query(false, examined_), .values = rows_values(last_, batch_)}, &PostgresOutbox::on_rows);
}

void PostgresOutbox::poll_after(std::chrono::milliseconds wait) {
  timer_.expires_after(wait);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!alive.expired() && !error) poll();
  });
}

void PostgresOutbox::on_rows(const PostgresAnswer& answer) {
  polling_ = false;
  const PostgresRows rows(answer, last_, batch_);
  if (examined_ && !examine(rows)) return poll();
  if (metrics_.state() != observe::SourceState::up) {
    if (std::exchange(was_up_, true)) metrics_.reconnects.add();
    live_.settle();
    metrics_.set_state(observe::SourceState::up);
  }
  append(rows);
  watch_hold(rows);
  plan(rows);
}

// Whether the rows may be taken. No: they are to be asked for anew, from the oldest on.
bool PostgresOutbox::examine(const PostgresRows& rows) {
  if (rows.after_is_unknown()) {
    lost_ = topic::GapReason::recreated;
    last_ = {};
    return false;
  }
  must_examine_ = false;
  if (!lost_ && rows.may_have_lost(*table_)) lost_ = topic::GapReason::trimmed;
  if (!lost_) return true;
  last_ = rows.before_first(table_->extras().last_id);
  observe::log_event(Level::warning, "rows may have gone before they were read",
                     {{"source", config_.name}, {"reason", topic::name(*lost_)}, {"from", position_text(last_)}});
  metrics_.gaps.add();
  home_.restart(position_text(last_), *std::exchange(lost_, {}), Clock::now());
  return true;
}

void PostgresOutbox::append(const PostgresRows& rows) {
  const topic::TimePoint now = Clock::now();
  PassedOver passed_over(home_);
  for (int row = 0; row != rows.final_count(); ++row) append(rows, row, passed_over, now);
  if (rows.final_count() != 0) last_ = rows.through();
  passed_over.tell(now);
}

void PostgresOutbox::append(const PostgresRows& rows, int row, PassedOver& passed_over, topic::TimePoint now) {
  write_position(rows.place(row), position_);
  auto made = rows.event(row, *table_, config_.name, limits_);
  if (const auto* why = std::get_if<const char*>(&made)) return poison_.count(*why, position_);
  auto& [topic, event] = std::get<PostgresRows::Event>(made);
  if (!poison_.pass(event, position_)) return;
  const auto index = home_.open(topic, now);
  if (!index) {
    passed_over.add(position_);
    if (!std::exchange(overflow_told_, true))
      observe::log_event(Level::warning, "limits.topics topics have state: events of others are read when asked for",
                         {{"source", config_.name}});
    return;
  }
  passed_over.tell(now);
  home_.append(*index, position_, event, now);
  metrics_.events.add();
}

void PostgresOutbox::plan(const PostgresRows& rows) {
  metrics_.lag.set(rows.more() ? -1 : rows.waiting_count());
  batch_.rows = rows.cut_by_bytes() ? std::max(rows.final_count(), rows_min) : std::min(batch_.rows * 2, rows_max);
  if (rows.more() || again_) return poll();
  if (rows.waiting_count() != 0) {
    poll_after(hold_wait_);
    hold_wait_ = std::min(hold_wait_ * 2, std::chrono::milliseconds(hold_wait_max));
    return;
  }
  hold_wait_ = hold_wait_min;
  idle_wait_ = rows.final_count() != 0 ? std::chrono::milliseconds(idle_wait_min)
                                       : std::min(idle_wait_ + 100ms, std::chrono::milliseconds(idle_wait_max));
  poll_after(idle_wait_);
}

// A write transaction of any database of the cluster that stays open holds back all rows that commit after it began.
void PostgresOutbox::watch_hold(const PostgresRows& rows) {
  if (rows.waiting_count() == 0) {
    held_ = {};
    return;
  }
  if (rows.waiting_place() != held_) {
    held_ = rows.waiting_place();
    held_since_ = Clock::now();
    hold_told_ = false;
    hold_wait_ = hold_wait_min;
  } else if (!hold_told_ && Clock::now() - held_since_ > hold_worth_telling) {
    hold_told_ = true;
    ask({.text = PostgresTable::holder_query()}, &PostgresOutbox::on_holder);
  }
}

void PostgresOutbox::on_holder(const PostgresAnswer& answer) {
  observe::log_event(Level::warning,
                     "rows wait for a write transaction that began earlier and is still open; they come when it ends",
                     {{"source", config_.name}, {"transaction", answer.text(0, 0).value_or("")}});
}

}  // namespace sluice::source
