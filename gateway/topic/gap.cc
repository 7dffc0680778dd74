#include "gateway/topic/gap.h"

#include <fmt/format.h>

#include <iterator>

#include "proto/sse.h"

namespace sluice::topic {

const char* name(GapReason reason) {
  switch (reason) {
    case GapReason::trimmed:
      return "trimmed";
    case GapReason::slow_consumer:
      return "slow_consumer";
    case GapReason::unknown_epoch:
      return "unknown_epoch";
    case GapReason::unknown_position:
      return "unknown_position";
    case GapReason::no_position:
      return "no_position";
  }
  return "unknown";
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_gap(std::string& out, const Gap& gap, std::string_view id) {
  std::string data = R"({"topic":)";
  append_json_string(data, gap.topic);
  data += R"(,"from":)";
  if (gap.from.empty())
    data += "null";
  else
    append_json_string(data, gap.from);
  data += R"(,"to":)";
  append_json_string(data, gap.to);
  data += R"(,"count":)";
  data += gap.count ? std::to_string(*gap.count) : "null";
  data += R"(,"reason":")";
  data += name(gap.reason);
  data += R"("})";
  proto::sse::append_id(out, id);
  proto::sse::append_event(out, "sluice.gap", data);
}

}  // namespace sluice::topic
