// PostgresPages: reads the past of an outbox table in pages, on a connection of its own, so that a long page delays no
// live event. Owned by PostgresOutbox, on its thread; it connects at the first question. It knows a table only once the
// live connection has described it. Invariant: every read is answered once, however long the server is away, unless the
// source is stopped.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "gateway/observe/source_metrics.h"
#include "gateway/source/postgres_connection.h"
#include "gateway/source/postgres_rows.h"
#include "gateway/source/postgres_table.h"
#include "gateway/topic/page.h"

namespace sluice::source {

class PostgresPages final : private PostgresVisitor {
 public:
  // All but `options` outlive it.
  PostgresPages(boost::asio::io_context& loop, PostgresConnection::Options options, const config::Source& config,
                const config::Limits& limits, observe::SourceMetrics& metrics);

  // What the table looks like, now.
  void set_table(std::shared_ptr<const PostgresTable> table);
  void read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done);
  void stop() { connection_.stop(); }

 private:
  struct Read {
    topic::ReadRequest request;
    topic::ReadLimits limits;
    topic::ReadDone done;
    PostgresPlace after;  // what was read already, or is not wanted
    std::shared_ptr<topic::Page> page = std::make_shared<topic::Page>();
    bool located = false, from_oldest = false;  // `after` is where it begins; not because it was asked for
    int scans = 0;
  };

  void on_up() override {
    told_ = false;
    serve();
  }
  void on_down(const std::string& why) override;

  void serve();
  void ask(PostgresQuery query, void (PostgresPages::*handler)(const PostgresAnswer&));
  void on_since(const PostgresAnswer& answer);
  void on_rows(const PostgresAnswer& answer);
  // Whether the rows are those that the page begins with. No: the oldest are to be asked for.
  [[nodiscard]] bool begin_page(Read& read, const PostgresRows& rows) const;
  void add_entries(Read& read, const PostgresRows& rows) const;
  [[nodiscard]] PostgresBatch batch(const Read& read) const;

  const config::Source& config_;
  const config::Limits& limits_;
  observe::SourceMetrics& metrics_;
  PostgresConnection connection_;
  std::shared_ptr<const PostgresTable> table_, asked_of_;  // now; when the question in flight was asked
  std::deque<Read> reads_;                                 // the first is being read
  int rows_;                                               // of one question: as many as fit into a page's bytes
  bool asking_ = false, told_ = false;
};

}  // namespace sluice::source
