#include "gateway/source/kafka_position.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace sluice::source {

namespace {

// `<partition>.<offset>` in canonical numbers.
std::optional<KafkaPosition::Place> parse_place(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto partition = topic::parse_number(text.substr(0, dot));
  if (!partition || *partition > std::uint64_t{std::numeric_limits<KafkaPartition>::max()}) return std::nullopt;
  KafkaPosition::Place place{static_cast<KafkaPartition>(*partition), -1};
  if (text.substr(dot + 1) == "-1") return place;
  const auto offset = topic::parse_number(text.substr(dot + 1));
  if (!offset || *offset >= std::uint64_t{std::numeric_limits<KafkaOffset>::max()}) return std::nullopt;
  place.last = static_cast<KafkaOffset>(*offset);
  return place;
}

}  // namespace

std::optional<KafkaPosition> KafkaPosition::parse(std::string_view text) {
  KafkaPosition position;
  bool first = true;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const auto place = parse_place(text.substr(begin, end - begin));
    if (!place) return std::nullopt;
    if (first) {
      position.own_ = place->partition;
    } else if (place->partition == position.own_ ||
               (position.places_.size() > 1 && place->partition <= position.places_.back().partition)) {
      return std::nullopt;
    }
    position.places_.push_back(*place);
    first = false;
    begin = end + 1;
  }
  // The own one stands first in the text: to its place.
  const auto own = position.places_.begin();
  std::rotate(own, own + 1,
              std::ranges::lower_bound(own + 1, position.places_.end(), own->partition, {}, &Place::partition));
  return position;
}

std::optional<KafkaOffset> KafkaPosition::find(KafkaPartition partition) const {
  const auto found = std::ranges::lower_bound(places_, partition, {}, &Place::partition);
  if (found == places_.end() || found->partition != partition) return std::nullopt;
  return found->last;
}

void KafkaPosition::set(KafkaPartition partition, KafkaOffset last) {
  const auto found = std::ranges::lower_bound(places_, partition, {}, &Place::partition);
  if (found != places_.end() && found->partition == partition)
    found->last = last;
  else
    places_.insert(found, {partition, last});
}

void KafkaPosition::erase(KafkaPartition partition) {
  std::erase_if(places_, [&](const Place& place) { return place.partition == partition; });
}

void KafkaPosition::write(std::string& text) const {
  text.clear();
  const auto append = [&](const Place& place) {
    if (!text.empty()) text += ',';
    const fmt::format_int partition(place.partition), last(place.last);
    text.append(partition.data(), partition.size()).append(1, '.').append(last.data(), last.size());
  };
  const auto own = find(own_);
  if (own) append({own_, *own});
  for (const Place& place : places_)
    if (!own || place.partition != own_) append(place);
}

std::string KafkaPosition::to_string() const {
  std::string text;
  write(text);
  return text;
}

std::partial_ordering compare(const KafkaPosition& left, const KafkaPosition& right) {
  bool less = false, greater = false;
  auto a = left.places().begin(), b = right.places().begin();
  const auto a_end = left.places().end(), b_end = right.places().end();
  while (a != a_end || b != b_end) {
    KafkaOffset last_a = -1, last_b = -1;
    if (b == b_end || (a != a_end && a->partition < b->partition)) {
      last_a = (a++)->last;
    } else if (a == a_end || b->partition < a->partition) {
      last_b = (b++)->last;
    } else {
      last_a = (a++)->last;
      last_b = (b++)->last;
    }
    less = less || last_a < last_b;
    greater = greater || last_a > last_b;
  }
  if (less && greater) return std::partial_ordering::unordered;
  if (less) return std::partial_ordering::less;
  return greater ? std::partial_ordering::greater : std::partial_ordering::equivalent;
}

topic::PositionFormat::Kind KafkaFormat::classify(std::string_view position) const {
  return KafkaPosition::parse(position) ? Kind::known : Kind::malformed;
}

std::partial_ordering KafkaFormat::compare(std::string_view left, std::string_view right) const {
  const auto first = KafkaPosition::parse(left), second = KafkaPosition::parse(right);
  if (!first || !second) return std::partial_ordering::unordered;
  return source::compare(*first, *second);
}

bool KafkaFormat::had(std::string_view resumed, std::string_view entry) const {
  const auto past = KafkaPosition::parse(resumed), now = KafkaPosition::parse(entry);
  if (!past || !now) return false;
  return *now->find(now->own()) <= past->find(now->own()).value_or(-1);
}

std::string KafkaFormat::join(std::string_view resumed, std::string_view entry) const {
  const auto past = KafkaPosition::parse(resumed);
  auto now = KafkaPosition::parse(entry);
  if (!past || !now) return std::string(entry);
  for (const KafkaPosition::Place& place : past->places())
    if (place.last > now->find(place.partition).value_or(-1)) now->set(place.partition, place.last);
  return now->to_string();
}

}  // namespace sluice::source
