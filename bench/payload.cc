#include "bench/payload.h"

#include <bit>
#include <cstring>

namespace sluice::bench {
namespace {

static_assert(std::endian::native == std::endian::little);

// Eight ASCII digits at once: pairs, then fours, then eight, each step one multiplication. False for another character.
bool parse_eight(const char* digits, std::uint64_t& value) {
  std::uint64_t bytes;
  std::memcpy(&bytes, digits, sizeof bytes);
  bytes ^= 0x3030303030303030;
  if (((bytes + 0x7676767676767676) | bytes) & 0x8080808080808080) return false;
  bytes = bytes * 10 + (bytes >> 8);
  value =
      ((bytes & 0x000000ff000000ff) * 0x000f424000000064 + ((bytes >> 16) & 0x000000ff000000ff) * 0x0000271000000001) >>
      32;
  return true;
}

bool parse_sixteen(const char* digits, std::uint64_t& value) {
  std::uint64_t high = 0, low = 0;
  if (!parse_eight(digits, high) || !parse_eight(digits + 8, low)) return false;
  value = high * 100'000'000 + low;
  return true;
}

void write_sixteen(char* out, std::uint64_t value) {
  for (int i = 15; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

std::string make_payload(const Payload& payload, std::size_t bytes) {
  std::string text(bytes, 'x');
  write_sixteen(text.data(), payload.sequence);
  text[16] = ' ';
  write_sixteen(text.data() + 17, payload.scheduled);
  return text;
}

std::optional<Payload> parse_payload(std::string_view text) {
  Payload payload;
  if (text.size() < payload_bytes_min || text[16] != ' ' || !parse_sixteen(text.data(), payload.sequence) ||
      !parse_sixteen(text.data() + 17, payload.scheduled))
    return std::nullopt;
  return payload;
}

}  // namespace sluice::bench
