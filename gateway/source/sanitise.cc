#include "gateway/source/sanitise.h"

#include <cstddef>

#include "proto/sse.h"

namespace sluice::source {

namespace {

// The bytes at the front of `text` that belong together: a whole UTF-8 sequence, or the longest beginning of one.
struct Piece {
  std::size_t size = 1;
  bool whole = false;
};

Piece front_piece(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, true};
  if (lead < 0xc2 || lead > 0xf4) return {};
  const std::size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // Unicode 15 table 3-7: only the second byte has ranges of its own.
  const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (text.size() < 2 || byte(1) < low || byte(1) > high) return {};
  for (std::size_t index = 2; index != size; ++index)
    if (index == text.size() || (byte(index) & 0xc0) != 0x80) return {index, false};
  return {size, true};
}

bool valid_name(std::string_view text, std::size_t size_max) {
  return text.size() <= size_max && proto::sse::valid_field(text) && proto::sse::valid_utf8(text);
}

}  // namespace

std::string with_valid_utf8(std::string_view text) {
  if (proto::sse::valid_utf8(text)) return std::string(text);
  std::string valid;
  valid.reserve(text.size() + 16);
  while (!text.empty()) {
    const Piece piece = front_piece(text);
    piece.whole ? valid.append(text.substr(0, piece.size)) : valid.append("\xef\xbf\xbd");
    text.remove_prefix(piece.size);
  }
  return valid;
}

Sanity sanitise(topic::Event& event, const config::Limits& limits) {
  bool changed = false;
  if (event.data.size() > limits.event_size) return Sanity::too_large;
  if (!proto::sse::valid_utf8(event.data)) {
    event.data = with_valid_utf8(event.data);
    changed = true;
  }
  if (event.data.find('\0') != std::string::npos) {
    std::erase(event.data, '\0');
    changed = true;
  }
  // A replacement has up to three bytes for one; a line needs a byte, so short data cannot have too many.
  if (event.data.size() > limits.event_size) return Sanity::too_large;
  if (event.data.size() >= limits.lines_per_event && proto::sse::line_count(event.data) > limits.lines_per_event)
    return Sanity::too_large;
  if (!valid_name(event.type, limits.event_name) || event.type.starts_with("sluice.")) {
    event.type.clear();
    changed = true;
  }
  if (!valid_name(event.idempotency_key, limits.event_id)) {
    event.idempotency_key.clear();
    changed = true;
  }
  if (event.key && !valid_name(*event.key, limits.event_key)) {
    event.key.reset();
    changed = true;
  }
  return changed ? Sanity::mended : Sanity::good;
}

}  // namespace sluice::source
