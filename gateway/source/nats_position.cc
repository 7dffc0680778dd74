#include "gateway/source/nats_position.h"

#include <cstddef>

namespace sluice::source {

namespace {
constexpr std::string_view digits = "0123456789abcdefghjkmnpqrstvwxyz";  // Crockford's base32, as in proto/event_id
constexpr std::size_t digit_count = 4;
}  // namespace

Incarnation incarnation_of(std::int64_t created_nanoseconds) {
  // The last steps of MurmurHash3: times that differ in any bit differ in every bit with the same chance.
  auto hash = static_cast<std::uint64_t>(created_nanoseconds);
  hash = (hash ^ (hash >> 33)) * 0xff51'afd7'ed55'8ccdULL;
  hash = (hash ^ (hash >> 33)) * 0xc4ce'b9fe'1a85'ec53ULL;
  return static_cast<Incarnation>(hash >> 44);
}

std::string StreamPosition::text() const {
  std::string text(digit_count, ' ');
  for (std::size_t index = 0; index != digit_count; ++index)
    text[index] = digits[(incarnation >> (5 * (digit_count - 1 - index))) & 31];
  return text.append(".").append(std::to_string(sequence));
}

std::optional<StreamPosition> StreamPosition::parse(std::string_view text) {
  if (text.size() < digit_count + 2 || text[digit_count] != '.') return std::nullopt;
  StreamPosition position;
  for (const char c : text.substr(0, digit_count)) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    position.incarnation = position.incarnation * 32 + static_cast<Incarnation>(digit);
  }
  const auto sequence = topic::parse_number(text.substr(digit_count + 1));
  if (!sequence) return std::nullopt;
  position.sequence = *sequence;
  return position;
}

topic::PositionFormat::Kind StreamPositionFormat::classify(std::string_view position) const {
  const auto parsed = StreamPosition::parse(position);
  if (!parsed) return Kind::malformed;
  const auto known = current();
  return known && *known != parsed->incarnation ? Kind::foreign : Kind::known;
}

std::partial_ordering StreamPositionFormat::compare(std::string_view left, std::string_view right) const {
  const auto first = StreamPosition::parse(left), second = StreamPosition::parse(right);
  if (!first || !second || first->incarnation != second->incarnation) return std::partial_ordering::unordered;
  return first->sequence <=> second->sequence;
}

std::optional<Incarnation> StreamPositionFormat::current() const {
  const std::uint32_t current = current_.load();
  if (current == unknown) return std::nullopt;
  return current;
}

}  // namespace sluice::source
