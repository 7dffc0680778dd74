// PostgresInserts: writes published events into an outbox table, on a connection of its own: each request is one
// transaction with one NOTIFY, answered after its commit with the rows' positions. Owned by PostgresOutbox, on its
// thread; the events come back through the source. It never appends and never repeats a write: who published does, with
// idempotency keys where the table has a column for them. Invariant: every publish is answered once, unless stopped.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/source/postgres_connection.h"
#include "gateway/source/postgres_table.h"
#include "gateway/topic/provider.h"

namespace sluice::source {

class PostgresInserts final : private PostgresVisitor {
 public:
  using Done = std::function<void(topic::PublishResult)>;

  PostgresInserts(boost::asio::io_context& loop, PostgresConnection::Options options, const config::Source& config);

  void start() { connection_.start(); }
  void stop() { connection_.stop(); }
  void set_table(std::shared_ptr<const PostgresTable> table) { table_ = std::move(table); }
  // `topic`: its full name.
  void publish(const std::string& topic, std::vector<topic::Event> events, Done done);

 private:
  struct Publish {
    std::string topic;              // below the source; empty: the source's own
    std::vector<std::string> keys;  // by event; empty: none
    std::shared_ptr<const PostgresTable> table;
    Done done;
    std::vector<std::string> positions;  // by event, as far as known
    std::map<std::string, std::string, std::less<>> by_key;
    std::size_t repeated = 0;
  };

  void on_up() override { told_ = false; }
  void on_down(const std::string& why) override;
  void on_inserted(const std::shared_ptr<Publish>& publish, const PostgresAnswer& answer);
  void on_found(const std::shared_ptr<Publish>& publish, const PostgresAnswer& answer);
  // Why the table cannot take them; empty: it can.
  [[nodiscard]] std::string refusal(const std::string& below, const std::vector<topic::Event>& events) const;
  [[nodiscard]] topic::PublishResult failure(const PostgresAnswer& answer) const;

  const config::Source& config_;
  PostgresConnection connection_;
  std::shared_ptr<const PostgresTable> table_;
  bool told_ = false;  // that it is down
};

}  // namespace sluice::source
