// PostgresOutbox: an outbox table as a source: `table = "outbox"`. Appends its rows in the order (xid, id), each once
// it is older than every transaction that still runs, so that a row that commits late is not lost; is woken by
// NOTIFY, and asks by itself where nobody notifies. The past is read by postgres_pages, events are written by
// postgres_inserts, each on a connection of its own. Owned by its home worker, on its thread.
// Invariant: last_ is the place of the newest row that was appended, or dropped and counted; every row behind it
// will be.
//
//   connect → what the table looks like → LISTEN → where its end is: home.start(), opens what waits → rows, rows, …
//   connect again → are the rows behind last_ still there? no: home.restart(), a gap → rows, …
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/source/passed_over.h"
#include "gateway/source/poison.h"
#include "gateway/source/postgres_connection.h"
#include "gateway/source/postgres_inserts.h"
#include "gateway/source/postgres_pages.h"
#include "gateway/source/postgres_rows.h"
#include "gateway/source/postgres_table.h"
#include "gateway/source/source.h"

namespace sluice::source {

class PostgresOutbox final : public Source, private PostgresVisitor {
 public:
  // Throws as check_postgres() does.
  explicit PostgresOutbox(Context&& context);

  void start(topic::TimePoint now) override;
  void stop() override;
  [[nodiscard]] bool may_have(std::string_view topic) const override;
  void open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) override;
  void stop_opening(const std::set<std::string>& topics) override;
  void publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint now,
               std::function<void(topic::PublishResult)> done) override;
  void read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) override;
  void pause() override;
  void go_on() override;

 private:
  using Handler = void (PostgresOutbox::*)(const PostgresAnswer&);

  void on_up() override;
  void on_down(const std::string& why) override;
  void on_notification(std::string_view payload, bool own) override;

  // Asks on the live connection. A refusal takes the source down, with its remedy.
  void ask(PostgresQuery query, Handler handler);
  void on_described(const PostgresAnswer& answer);
  void on_extras(const PostgresAnswer& answer);
  void on_listening(const PostgresAnswer& answer);
  void on_end(const PostgresAnswer& answer);
  void begin();

  void poll();
  void on_rows(const PostgresAnswer& answer);
  [[nodiscard]] bool examine(const PostgresRows& rows);
  void append(const PostgresRows& rows);
  void append(const PostgresRows& rows, int row, PassedOver& passed_over, topic::TimePoint now);
  void plan(const PostgresRows& rows);
  void poll_after(std::chrono::milliseconds wait);
  void watch_hold(const PostgresRows& rows);
  void on_holder(const PostgresAnswer& answer);

  const config::Source& config_;
  const config::Limits& limits_;
  topic::Home& home_;
  observe::SourceMetrics& metrics_;
  Poison poison_;
  PostgresConnection live_;
  PostgresPages pages_;
  std::optional<PostgresInserts> inserts_;  // publish = true
  boost::asio::steady_timer timer_;         // of the next poll
  std::shared_ptr<const PostgresTable> table_;
  std::vector<std::pair<std::string, std::function<void(topic::OpenResult)>>> opening_;  // until it has started
  PostgresPlace last_;
  std::string position_;  // of the row just appended, kept for its capacity
  PostgresBatch batch_;
  std::optional<topic::GapReason> lost_;  // to be told with the next rows
  std::chrono::milliseconds idle_wait_{}, hold_wait_{};
  PostgresPlace held_;  // the first row that waits for an older transaction, since when
  topic::TimePoint held_since_{}, paused_since_{};
  bool started_ = false, ready_ = false, polling_ = false, again_ = false, paused_ = false;
  bool examined_ = false;  // the question in flight asks whether last_ is still there
  bool must_examine_ = false, hold_told_ = false, overflow_told_ = false, was_up_ = false;
  std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sluice::source
