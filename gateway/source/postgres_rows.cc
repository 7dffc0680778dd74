#include "gateway/source/postgres_rows.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "gateway/source/mapping.h"
#include "gateway/source/topic_below.h"
#include "proto/check.h"

namespace sluice::source {

std::string position_text(const PostgresPlace& place) {
  std::string text;
  write_position(place, text);
  return text;
}

void write_position(const PostgresPlace& place, std::string& text) {
  const fmt::format_int left(place.left), right(place.right);
  text.assign(left.data(), left.size()).append(1, '.').append(right.data(), right.size());
}

std::optional<PostgresPlace> parse_position(std::string_view position) {
  return topic::parse_number_pair(position, '.');
}

std::vector<std::optional<std::string>> rows_values(const PostgresPlace& after, const PostgresBatch& batch) {
  constexpr std::uint64_t id_max = std::numeric_limits<std::int64_t>::max();
  return {std::to_string(after.left), std::to_string(std::min(after.right, id_max)), std::to_string(batch.rows),
          std::to_string(batch.bytes), std::to_string(batch.row_bytes)};
}

PostgresRows::Head PostgresRows::read_head(const PostgresAnswer& answer) {
  check(answer.rows() != 0, "the head is there without any row");
  const auto flag = [&](Field field) { return answer.text(0, field) == "true"; };
  return {.low = static_cast<std::uint64_t>(answer.number(0, xid).value_or(0)),
          .high = topic::parse_number(answer.text(0, topic_text).value_or("")).value_or(0),
          .last_id = answer.number(0, id).value_or(0),
          .standby = flag(event_text),
          .anchored = flag(key_text),
          .scanned = answer.number(0, size).value_or(0)};
}

PostgresRows::PostgresRows(const PostgresAnswer& answer, const PostgresPlace& after, const PostgresBatch& batch)
    : answer_(answer), after_(after), head_(read_head(answer)), row_bytes_(batch.row_bytes), count_(answer.rows() - 1) {
  // In the order of their places, so that a few of the thousand are looked at.
  for (int end = count_; final_ != end;) {
    const int middle = final_ + (end - final_) / 2;
    if (place(middle).left < head_.low)
      final_ = middle + 1;
    else
      end = middle;
  }
  cut_by_bytes_ = count_ < head_.scanned;
  cut_ = cut_by_bytes_ || head_.scanned == batch.rows;
}

PostgresPlace PostgresRows::place(int row) const {
  return {static_cast<std::uint64_t>(number(row, xid).value_or(0)),
          static_cast<std::uint64_t>(number(row, id).value_or(0))};
}

PostgresPlace PostgresRows::horizon(std::int64_t last) const {
  // The sequence's number tells nothing while a transaction runs that may have taken one.
  const PostgresPlace below{head_.low - 1, head_.low == head_.high ? static_cast<std::uint64_t>(last) : 0};
  return std::max(through(), below);
}

bool PostgresRows::after_is_unknown() const {
  // A standby may not have heard of it yet.
  return after_.left >= head_.high && !head_.standby;
}

bool PostgresRows::may_have_lost(const PostgresTable& table) const {
  if (head_.anchored) return false;  // rows are deleted from the oldest on
  // Before the first id that was ever given there was nothing. Later ids tell nothing of other transactions: one that
  // took a smaller id may have committed after ours, and its row may have come and gone.
  const bool counted = !table.extras().id_sequence.empty();
  if (count_ == 0) return !counted || head_.last_id != 0;
  const PostgresPlace first = place(0);
  if (first.left == after_.left) return first.right != after_.right + 1;
  return !counted || after_.right != 0 || first.right != 1;
}

PostgresPlace PostgresRows::before_first(std::int64_t last) const {
  if (final_ == 0) return horizon(last);
  const PostgresPlace first = place(0);
  if (first.right != 0) return {first.left, first.right - 1};
  return {first.left - 1, std::numeric_limits<std::int64_t>::max()};
}

std::optional<std::string> PostgresRows::topic(int row, const PostgresTable& table, const std::string& source) const {
  if (!table.topic().pointer.empty()) return std::nullopt;
  const auto below = text(row, topic_text);
  return below && !below->empty() ? source + "/" + std::string(*below) : source;
}

std::variant<PostgresRows::Event, const char*> PostgresRows::event(int row, const PostgresTable& table,
                                                                   const std::string& source,
                                                                   const config::Limits& limits) const {
  const std::string_view payload = text(row, data).value_or("");
  if (number(row, size).value_or(0) > static_cast<std::int64_t>(row_bytes_))
    return "too large: dropped (limits.event_size)";
  const auto read = [&](const PostgresPart& part, Field column) -> std::optional<std::string> {
    if (!part.pointer.empty()) return by_pointer(payload, part.pointer);
    const auto value = text(row, column);
    return value ? std::optional<std::string>(*value) : std::nullopt;
  };
  const auto topic = topic_below(source, read(table.topic(), topic_text).value_or(""), limits.topic_name);
  if (!topic) return "its topic is no name: dropped";
  auto content =
      table.data().pointer.empty() ? std::optional<std::string>(payload) : by_pointer(payload, table.data().pointer);
  if (!content) return "nothing stands where map.data points: dropped";
  return Event{.topic = *topic,
               .event = {.type = read(table.event(), event_text).value_or(""),
                         .data = std::move(*content),
                         .key = read(table.key(), key_text)}};
}

}  // namespace sluice::source
