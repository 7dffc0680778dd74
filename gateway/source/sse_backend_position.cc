#include "gateway/source/sse_backend_position.h"

#include <algorithm>

namespace sluice::source {
namespace {

constexpr std::size_t encoded_size_max = 1024;  // a quarter of limits.last_event_id: several fit into one id
constexpr std::string_view digits = "0123456789ABCDEF";

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == ',' ||
         c == '_' || c == '-';
}

void append_escaped(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += {'!', digits[byte >> 4], digits[byte & 15]};
}

std::optional<std::string> decode(std::string_view text) {
  std::string id;
  while (!text.empty()) {
    if (text.front() != '!') {
      id += text.front();
      text.remove_prefix(1);
      continue;
    }
    const std::size_t high = text.size() < 3 ? digits.npos : digits.find(text[1]);
    const std::size_t low = text.size() < 3 ? digits.npos : digits.find(text[2]);
    if (high == digits.npos || low == digits.npos) return std::nullopt;
    id += static_cast<char>(high << 4 | low);
    text.remove_prefix(3);
  }
  return id;
}

}  // namespace

std::optional<std::string> encode_backend_id(std::string_view id) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (id.empty() || id.front() == ' ' || id.back() == ' ' || std::ranges::any_of(id, is_control)) return std::nullopt;
  std::string text;
  for (const char c : id) is_plain(c) ? text.push_back(c) : append_escaped(text, c);
  if (id == "earliest") {  // a client's word for the beginning
    text.clear();
    append_escaped(text, id.front());
    text += id.substr(1);
  }
  if (text.size() > encoded_size_max) return std::nullopt;
  return text;
}

std::optional<SseBackendPosition> parse_backend_position(std::string_view text) {
  const std::size_t tilde = text.find('~');
  const std::string_view encoded = text.substr(0, tilde);
  SseBackendPosition position;
  if (tilde != text.npos) {
    position.own = proto::parse_epoch_sequence(text.substr(tilde + 1));
    if (!position.own) return std::nullopt;
    if (encoded.empty()) return position;
  }
  auto id = decode(encoded);
  if (!id || encode_backend_id(*id) != encoded) return std::nullopt;
  position.id = *std::move(id);
  return position;
}

topic::PositionFormat::Kind SseBackendFormat::classify(std::string_view text) const {
  const auto position = parse_backend_position(text);
  if (!position) return Kind::malformed;
  return position->id.empty() && position->own->epoch != epoch_ ? Kind::foreign : Kind::known;
}

std::partial_ordering SseBackendFormat::compare(std::string_view left, std::string_view right) const {
  return left == right ? std::partial_ordering::equivalent : std::partial_ordering::unordered;
}

std::string SseBackendFormat::own_position(std::string_view encoded_id, std::uint64_t number) const {
  std::string text(encoded_id);
  text += '~';
  proto::append_epoch_sequence(text, epoch_, number);
  return text;
}

}  // namespace sluice::source
