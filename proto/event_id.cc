#include "proto/event_id.h"

#include <algorithm>
#include <charconv>

#include "proto/check.h"

namespace sluice::proto {
namespace {

class IdErrorCategory final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "event id"; }
  std::string message(int value) const override {
    switch (static_cast<IdError>(value)) {
      case IdError::too_long:
        return "the event id is too long";
      case IdError::too_many_parts:
        return "the event id has too many parts";
      case IdError::malformed:
        return "the event id is malformed";
    }
    return "unknown error of the event id";
  }
};

// Which bytes stand for themselves: printable ASCII without what Fetch calls a CORS-unsafe request-header byte (it
// would cost a preflight per reconnect), without our own separators, and without what a hand-copied query would lose.
constexpr auto plain_bytes = [] {
  std::array<bool, 256> plain{};
  for (std::size_t byte = 0x21; byte <= 0x7E; ++byte) plain[byte] = true;
  for (const char byte : std::string_view("\"():<>?@[\\]{}"  // CORS-unsafe
                                          "=;%"              // ours
                                          "&#+"))            // a query's
    plain[static_cast<unsigned char>(byte)] = false;
  return plain;
}();

bool plain(char byte) { return plain_bytes[static_cast<unsigned char>(byte)]; }

void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  while (true) {
    const auto stop = std::find_if_not(text.begin(), text.end(), plain);
    out.append(text.begin(), stop);
    if (stop == text.end()) return;
    const auto byte = static_cast<unsigned char>(*stop);
    out.append({'%', digits[byte >> 4], digits[byte & 15]});
    text = {stop + 1, text.end()};
  }
}

// The value of an upper-case hexadecimal digit, or none: a lower-case one would be a second text for the same byte.
std::optional<unsigned> hexadecimal(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<unsigned>(digit - '0');
  if (digit >= 'A' && digit <= 'F') return static_cast<unsigned>(digit - 'A' + 10);
  return std::nullopt;
}

// None unless `text` is exactly what append_encoded() makes of the result. NUL, CR and LF are refused: a position goes
// on to an engine or into a backend's header.
std::optional<std::string> decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  while (!text.empty()) {
    if (plain(text.front())) {
      decoded.push_back(text.front());
      text.remove_prefix(1);
      continue;
    }
    if (text.front() != '%' || text.size() < 3) return std::nullopt;
    const auto high = hexadecimal(text[1]), low = hexadecimal(text[2]);
    if (!high || !low) return std::nullopt;
    const char byte = static_cast<char>(*high << 4 | *low);
    if (plain(byte) || byte == '\0' || byte == '\r' || byte == '\n') return std::nullopt;
    decoded.push_back(byte);
    text.remove_prefix(3);
  }
  return decoded;
}

// Crockford's alphabet: no i, l, o, u.
constexpr std::string_view base32_digits = "0123456789abcdefghjkmnpqrstvwxyz";

}  // namespace

boost::system::error_code make_error_code(IdError error) {
  static const IdErrorCategory category;
  return {static_cast<int>(error), category};
}

boost::system::result<std::vector<IdPart>> parse_event_id(std::string_view text, const IdLimits& limits) {
  if (text.size() > limits.bytes) return IdError::too_long;
  std::vector<IdPart> parts;
  if (text.empty()) return parts;

  const bool named = text.find('=') != std::string_view::npos;
  const auto count = static_cast<std::size_t>(std::count(text.begin(), text.end(), ';')) + 1;
  if (count > limits.parts) return IdError::too_many_parts;
  if (!named && count > 1) return IdError::malformed;
  parts.reserve(count);
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t stop = std::min(text.find(';', from), text.size());
    const std::string_view part = text.substr(from, stop - from);
    from = stop + 1;

    const std::size_t equals = named ? part.find('=') : 0;
    if (equals == std::string_view::npos) return IdError::malformed;
    auto name = decode(part.substr(0, equals));
    auto position = decode(part.substr(named ? equals + 1 : 0));
    if (!name || !position || position->empty() || name->empty() == named) return IdError::malformed;
    if (std::none_of(parts.begin(), parts.end(), [&](const IdPart& earlier) { return earlier.name == *name; }))
      parts.push_back({std::move(*name), std::move(*position)});
  }
  return parts;
}

void append_event_id(std::string& out, std::span<const IdPartView> parts) {
  for (const IdPartView& part : parts) {
    const bool only = parts.size() == 1;
    check(!part.position.empty() && (only || !part.name.empty()), "an event id with an empty part");
    if (&part != parts.data()) out.push_back(';');
    if (!part.name.empty()) {
      append_encoded(out, part.name);
      out.push_back('=');
    }
    append_encoded(out, part.position);
  }
}

Epoch Epoch::from_random(std::uint32_t random) {
  Epoch epoch;
  for (char& character : epoch.characters_) {
    character = base32_digits[random & 31];
    random >>= 5;
  }
  return epoch;
}

std::optional<Epoch> Epoch::parse(std::string_view text) {
  if (text.size() != size || text.find_first_not_of(base32_digits) != std::string_view::npos) return std::nullopt;
  Epoch epoch;
  std::copy(text.begin(), text.end(), epoch.characters_.begin());
  return epoch;
}

std::optional<EpochSequence> parse_epoch_sequence(std::string_view text) {
  if (text.size() < Epoch::size + 2 || text[Epoch::size] != '.') return std::nullopt;
  const auto epoch = Epoch::parse(text.substr(0, Epoch::size));
  const std::string_view digits = text.substr(Epoch::size + 1);
  if (!epoch || (digits.front() == '0' && digits.size() > 1)) return std::nullopt;
  std::uint64_t sequence = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, sequence);
  if (error != std::errc() || stop != end) return std::nullopt;
  return EpochSequence{*epoch, sequence};
}

void append_epoch_sequence(std::string& out, const Epoch& epoch, std::uint64_t sequence) {
  char text[Epoch::size + 1 + 20];
  char* const dot = std::copy(epoch.text().begin(), epoch.text().end(), text);
  *dot = '.';
  out.append(text, std::to_chars(dot + 1, text + sizeof text, sequence).ptr);
}

}  // namespace sluice::proto
