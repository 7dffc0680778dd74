#include "gateway/topic/position_format.h"

#include <charconv>

namespace sluice::topic {

PositionFormat::Kind EpochFormat::classify(std::string_view position) const {
  const auto parsed = proto::parse_epoch_sequence(position);
  if (!parsed) return Kind::malformed;
  return parsed->epoch == epoch_ ? Kind::known : Kind::foreign;
}

std::partial_ordering EpochFormat::compare(std::string_view left, std::string_view right) const {
  const auto first = proto::parse_epoch_sequence(left), second = proto::parse_epoch_sequence(right);
  if (!first || !second || first->epoch != second->epoch) return std::partial_ordering::unordered;
  return first->sequence <=> second->sequence;
}

std::optional<std::string> EpochFormat::text_of(Sequence sequence) const {
  std::string text;
  proto::append_epoch_sequence(text, epoch_, sequence);
  return text;
}

std::optional<Sequence> EpochFormat::sequence_of(std::string_view position) const {
  const auto parsed = proto::parse_epoch_sequence(position);
  if (!parsed || parsed->epoch != epoch_) return std::nullopt;
  return parsed->sequence;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  if (text.empty() || (text.front() == '0' && text.size() > 1)) return std::nullopt;
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<NumberPair> parse_number_pair(std::string_view text, char separator) {
  const std::size_t middle = text.find(separator);
  if (middle == std::string_view::npos) return std::nullopt;
  const auto left = parse_number(text.substr(0, middle)), right = parse_number(text.substr(middle + 1));
  if (!left || !right) return std::nullopt;
  return NumberPair{*left, *right};
}

PositionFormat::Kind PairFormat::classify(std::string_view position) const {
  return parse_number_pair(position, separator_) ? Kind::known : Kind::malformed;
}

std::partial_ordering PairFormat::compare(std::string_view left, std::string_view right) const {
  const auto first = parse_number_pair(left, separator_), second = parse_number_pair(right, separator_);
  if (!first || !second) return std::partial_ordering::unordered;
  return *first <=> *second;
}

}  // namespace sluice::topic
