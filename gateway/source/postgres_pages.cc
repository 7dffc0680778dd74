#include "gateway/source/postgres_pages.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "gateway/observe/log.h"
#include "gateway/source/page_entry.h"
#include "gateway/source/postgres_errors.h"
#include "gateway/source/sanitise.h"
#include "gateway/topic/topics.h"

namespace sluice::source {

namespace {

constexpr int rows_min = 16, rows_first = 100;
// Questions for one page that find only rows of other topics; then it goes out empty, and its subscriber asks on.
constexpr int scans_max = 50;

// The values $6 and $7 of rows_query(): texts of the topic column, and beginnings of them.
struct TopicFilter {
  std::vector<std::optional<std::string>> texts, prefixes;
  bool all = false;
};

TopicFilter filter_of(const std::vector<std::string>& topics, const std::string& source) {
  TopicFilter filter;
  for (const std::string& topic : topics) {
    const std::string below = topic.size() > source.size() ? topic.substr(source.size() + 1) : "";
    if (!topic::is_pattern(topic))
      filter.texts.emplace_back(below);
    else if (below == "**")
      filter.all = true;
    else
      filter.prefixes.emplace_back(below.substr(0, below.size() - 2));
  }
  return filter;
}

bool wants(const topic::ReadRequest& request, std::string_view topic) {
  return std::ranges::any_of(request.topics,
                             [&](const std::string& pattern) { return topic::matches(pattern, topic); });
}

}  // namespace

PostgresPages::PostgresPages(boost::asio::io_context& loop, PostgresConnection::Options options,
                             const config::Source& config, const config::Limits& limits,
                             observe::SourceMetrics& metrics)
    : config_(config),
      limits_(limits),
      metrics_(metrics),
      connection_(loop, *this, std::move(options)),
      rows_(rows_first) {}

void PostgresPages::set_table(std::shared_ptr<const PostgresTable> table) {
  table_ = std::move(table);
  serve();
}

void PostgresPages::read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) {
  Read read{.request = request, .limits = limits, .done = std::move(done)};
  read.page->after = request.after;
  if (const auto after = parse_position(request.after)) read.after = *after;
  read.from_oldest = request.after.empty();
  read.located = !request.since;
  reads_.push_back(std::move(read));
  serve();
}

void PostgresPages::on_down(const std::string& why) {
  if (std::exchange(told_, true)) return;
  observe::log_event(observe::Level::warning, "the past cannot be read for now",
                     {{"source", config_.name}, {"why", why}});
}

PostgresBatch PostgresPages::batch(const Read& read) const {
  return {.rows = std::min(rows_, static_cast<int>(read.limits.entries)),
          .bytes = read.limits.bytes,
          .row_bytes = limits_.event_size};
}

void PostgresPages::serve() {
  if (asking_ || reads_.empty() || !table_) return;
  if (!connection_.started()) return connection_.start();
  if (!connection_.up()) return;
  Read& read = reads_.front();
  const auto since = table_->since_query();
  if (!read.located && since) {
    const auto time = std::chrono::time_point_cast<std::chrono::microseconds>(*read.request.since);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const std::string text =
        fmt::format("{:%Y-%m-%d %H:%M:%S}.{:06}+00", fmt::gmtime(seconds), (time - seconds).count());
    return ask({.text = *since, .values = {text}}, &PostgresPages::on_since);
  }
  if (!std::exchange(read.located, true)) read.from_oldest = true;  // no column tells times
  asked_of_ = table_;
  const TopicFilter filter = filter_of(read.request.topics, config_.name);
  const bool filtered = !filter.all && table_->topic().pointer.empty();
  PostgresQuery query{.text = table_->rows_query(filtered, read.page->from.empty()),
                      .values = rows_values(read.after, batch(read))};
  if (filtered) {
    query.values.emplace_back(text_array(filter.texts));
    query.values.emplace_back(text_array(filter.prefixes));
  }
  ask(std::move(query), &PostgresPages::on_rows);
}

void PostgresPages::ask(PostgresQuery query, void (PostgresPages::*handler)(const PostgresAnswer&)) {
  asking_ = true;
  metrics_.pages.add();
  connection_.query(std::move(query), [this, handler](const PostgresAnswer& answer) {
    asking_ = false;
    if (answer.lost()) return;  // asked again by on_up()
    if (!answer.ok())
      return connection_.give_up(explain_postgres_refusal(answer.sqlstate(), answer.message(), config_.table));
    connection_.settle();
    (this->*handler)(answer);
    serve();
  });
}

void PostgresPages::on_since(const PostgresAnswer& answer) {
  Read& read = reads_.front();
  read.located = true;
  read.from_oldest = true;
  const auto xid = answer.rows() == 0 ? std::nullopt : answer.number(0, 0);
  if (!xid) {  // nothing is so young: from the end on
    read.after = {~std::uint64_t{0}, 0};
    return;
  }
  const auto id = static_cast<std::uint64_t>(answer.number(0, 1).value_or(0));
  read.after = {static_cast<std::uint64_t>(*xid), id};
  if (id == 0)
    --read.after.left, read.after.right = ~std::uint64_t{0};
  else
    --read.after.right;
}

bool PostgresPages::begin_page(Read& read, const PostgresRows& rows) const {
  topic::Page& page = *read.page;
  const std::int64_t last_id = asked_of_->extras().last_id;
  if (read.from_oldest) {
    page.from = position_text(rows.before_first(last_id));
  } else if (rows.after_is_unknown()) {
    page.gap = topic::GapReason::recreated;
    read.after = {};
    read.from_oldest = true;
    return false;
  } else if (rows.may_have_lost(*asked_of_)) {
    page.gap = topic::GapReason::trimmed;
    page.from = position_text(rows.before_first(last_id));
  } else {
    page.from = page.after;
  }
  return true;
}

void PostgresPages::add_entries(Read& read, const PostgresRows& rows) const {
  for (int row = 0; row != rows.final_count(); ++row) {
    if (const auto topic = rows.topic(row, *asked_of_, config_.name); topic && !wants(read.request, *topic)) continue;
    auto made = rows.event(row, *asked_of_, config_.name, limits_);
    auto* found = std::get_if<PostgresRows::Event>(&made);
    if (found == nullptr || !wants(read.request, found->topic)) continue;  // counted when it was new
    topic::Event& event = found->event;
    if (sanitise(event, limits_) == Sanity::too_large) continue;
    read.page->entries.push_back(page_entry(config_, found->topic, event, position_text(rows.place(row))));
  }
}

void PostgresPages::on_rows(const PostgresAnswer& answer) {
  Read& read = reads_.front();
  topic::Page& page = *read.page;
  // Where nothing was asked for, nothing can have been lost before it.
  const PostgresPlace after = page.from.empty() && read.from_oldest ? PostgresPlace{} : read.after;
  const PostgresRows rows(answer, after, batch(read));
  if (page.from.empty() && !begin_page(read, rows)) return;
  add_entries(read, rows);
  rows_ = rows.cut_by_bytes() ? std::max(rows.final_count(), rows_min)
                              : std::min(rows_ * 2, static_cast<int>(read.limits.entries));
  page.at_end = !rows.more();
  read.after = page.at_end ? rows.horizon(asked_of_->extras().last_id) : rows.through();
  page.through = position_text(read.after);
  if (!page.at_end && page.entries.empty() && ++read.scans != scans_max) {
    reads_.push_back(std::move(read));  // the others are not kept waiting
    reads_.pop_front();
    return;
  }
  const Read done = std::move(read);
  reads_.pop_front();
  done.done(done.page);
}

}  // namespace sluice::source
