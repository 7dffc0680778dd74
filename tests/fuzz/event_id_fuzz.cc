// Ids of any text. Beyond crashes: what is parsed is written as the same text again (but for repeated parts), within
// the limits and without bytes that a header or a browser minds; what is written is parsed to the same parts.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/check.h"
#include "proto/event_id.h"
#include "proto/sse.h"

namespace {

using namespace sluice;
using Parts = std::vector<proto::IdPart>;

std::string write(const Parts& parts) {
  std::vector<proto::IdPartView> views;
  for (const proto::IdPart& part : parts) views.push_back({part.name, part.position});
  std::string text;
  proto::append_event_id(text, views);
  return text;
}

bool named(const Parts& parts, std::string_view name) {
  return std::any_of(parts.begin(), parts.end(), [&](const proto::IdPart& part) { return part.name == name; });
}

void check_reading(std::string_view text) {
  const auto parsed = proto::parse_event_id(text, {.bytes = 1024, .parts = 8});
  if (!parsed) return;
  check(text.size() <= 1024 && parsed->size() <= 8, "over the limits");
  check(parsed->empty() == text.empty(), "parts out of nothing");
  Parts unique;
  for (const proto::IdPart& part : *parsed) {
    check(proto::sse::valid_field(part.name) && proto::sse::valid_field(part.position), "CR, LF or NUL in a part");
    check(!part.position.empty() && (parsed->size() == 1 || !part.name.empty()), "an empty part");
    check(!named(unique, part.name), "a part twice");
    unique.push_back(part);
  }
  const std::string written = write(*parsed);
  check(written == text || (written.size() < text.size() && text.starts_with(written.substr(0, written.find(';')))),
        "another text for the same parts");
  check(*proto::parse_event_id(written) == *parsed, "other parts from the same text");
}

// Names and positions out of any bytes: "name\npos\nname\npos…".
void check_writing(std::string_view input) {
  Parts parts;
  while (!input.empty() && parts.size() < 64) {
    std::string field[2];
    for (std::string& text : field) {
      const std::size_t stop = std::min(input.find('\n'), input.size());
      text = input.substr(0, stop);
      input.remove_prefix(std::min(stop + 1, input.size()));
    }
    if (!proto::sse::valid_field(field[0]) || !proto::sse::valid_field(field[1])) return;
    if (!field[0].empty() && !field[1].empty() && !named(parts, field[0])) parts.push_back({field[0], field[1]});
  }
  const std::string text = write(parts);
  check(text.find_first_of("\"():<>?@[\\]{} \t\r\n") == std::string::npos, "a byte that is not CORS-safe");
  check(*proto::parse_event_id(text, {.bytes = text.size()}) == parts, "parts do not come back");
  if (parts.empty()) return;
  const Parts only{{"", parts.front().position}};
  check(*proto::parse_event_id(write(only), {.bytes = text.size()}) == only, "a position does not come back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  check_reading(input);
  check_writing(input);
  if (const auto position = proto::parse_epoch_sequence(input)) {
    std::string written;
    proto::append_epoch_sequence(written, position->epoch, position->sequence);
    check(written == input, "another text for the same epoch and sequence");
  }
  return 0;
}
