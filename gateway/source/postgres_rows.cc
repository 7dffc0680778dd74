#include "gateway/source/postgres_rows.h"

#include <algorithm>
#include <limits>

#include "gateway/source/mapping.h"
#include "gateway/source/topic_below.h"
#include "proto/check.h"

namespace sluice::source {

std::string position_text(const PostgresPlace& place) {
  return std::to_string(place.left) + "." + std::to_string(place.right);
}

std::optional<PostgresPlace> parse_position(std::string_view position) {
  return topic::parse_number_pair(position, '.');
}

std::vector<std::optional<std::string>> rows_values(const PostgresPlace& after, const PostgresBatch& batch) {
  constexpr std::uint64_t id_max = std::numeric_limits<std::int64_t>::max();
  return {std::to_string(after.left), std::to_string(std::min(after.right, id_max)), std::to_string(batch.rows),
          std::to_string(batch.bytes), std::to_string(batch.row_bytes)};
}

PostgresRows::PostgresRows(const PostgresAnswer& answer, const PostgresPlace& after, const PostgresBatch& batch)
    : answer_(answer), after_(after), row_bytes_(batch.row_bytes) {
  check(answer.rows() != 0, "the horizon is there without any row");
  const bool any = answer.number(0, id).has_value();
  count_ = any ? answer.rows() : 0;
  // In the order of their places, so that a few of the thousand are looked at.
  const auto horizon = head(low);
  for (int end = count_; final_ != end;) {
    const int middle = final_ + (end - final_) / 2;
    if (place(middle).left < horizon)
      final_ = middle + 1;
    else
      end = middle;
  }
  const auto found = static_cast<int>(head(scanned));
  cut_by_bytes_ = count_ < found;
  cut_ = cut_by_bytes_ || found == batch.rows;
}

PostgresPlace PostgresRows::place(int row) const {
  return {static_cast<std::uint64_t>(answer_.number(row, xid).value_or(0)),
          static_cast<std::uint64_t>(answer_.number(row, id).value_or(0))};
}

PostgresPlace PostgresRows::horizon(std::int64_t last) const {
  // The sequence's number tells nothing while a transaction runs that may have taken one.
  const PostgresPlace below{head(low) - 1, head(low) == head(high) ? static_cast<std::uint64_t>(last) : 0};
  return std::max(through(), below);
}

bool PostgresRows::after_is_unknown() const {
  // A standby may not have heard of it yet.
  return after_.left >= head(high) && !answer_.flag(0, standby);
}

bool PostgresRows::may_have_lost(const PostgresTable& table) const {
  if (answer_.flag(0, anchored)) return false;  // rows are deleted from the oldest on
  const bool counted = !table.extras().id_sequence.empty();
  if (count_ == 0) return !counted || answer_.number(0, last_id).value_or(0) > static_cast<std::int64_t>(after_.right);
  const PostgresPlace first = place(0);
  return first.right != after_.right + 1 || (first.left != after_.left && !counted);
}

PostgresPlace PostgresRows::before_first(std::int64_t last) const {
  if (final_ == 0) return horizon(last);
  const PostgresPlace first = place(0);
  if (first.right != 0) return {first.left, first.right - 1};
  return {first.left - 1, std::numeric_limits<std::int64_t>::max()};
}

std::optional<std::string> PostgresRows::topic(int row, const PostgresTable& table, const std::string& source) const {
  if (!table.topic().pointer.empty()) return std::nullopt;
  const auto below = answer_.text(row, topic_text);
  return below && !below->empty() ? source + "/" + std::string(*below) : source;
}

std::variant<PostgresRows::Event, const char*> PostgresRows::event(int row, const PostgresTable& table,
                                                                   const std::string& source,
                                                                   const config::Limits& limits) const {
  const std::string_view payload = answer_.text(row, data).value_or("");
  if (answer_.number(row, size).value_or(0) > static_cast<std::int64_t>(row_bytes_))
    return "too large: dropped (limits.event_size)";
  const auto read = [&](const PostgresPart& part, Field column) -> std::optional<std::string> {
    if (!part.pointer.empty()) return by_pointer(payload, part.pointer);
    const auto text = answer_.text(row, column);
    return text ? std::optional<std::string>(*text) : std::nullopt;
  };
  const auto topic = topic_below(source, read(table.topic(), topic_text).value_or(""), limits.topic_name);
  if (!topic) return "its topic is no name: dropped";
  auto text =
      table.data().pointer.empty() ? std::optional<std::string>(payload) : by_pointer(payload, table.data().pointer);
  if (!text) return "nothing stands where map.data points: dropped";
  return Event{.topic = *topic,
               .event = {.type = read(table.event(), event_text).value_or(""),
                         .data = std::move(*text),
                         .idempotency_key = {},
                         .key = read(table.key(), key_text)}};
}

}  // namespace sluice::source
