#include "gateway/topic/gap.h"

#include "proto/json.h"
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
    case GapReason::recreated:
      return "recreated";
    case GapReason::source_lost:
      return "source_lost";
    case GapReason::too_many_topics:
      return "too_many_topics";
  }
  return "unknown";
}

std::string gap_data(const Gap& gap) {
  std::string data = R"({"topic":)";
  proto::append_json_string(data, gap.topic);
  data += R"(,"from":)";
  if (gap.from.empty())
    data += "null";
  else
    proto::append_json_string(data, gap.from);
  data += R"(,"to":)";
  proto::append_json_string(data, gap.to);
  data += R"(,"count":)";
  data += gap.count ? std::to_string(*gap.count) : "null";
  data += R"(,"reason":")";
  data += name(gap.reason);
  data += R"("})";
  return data;
}

void append_gap(std::string& out, const Gap& gap, std::string_view id) {
  proto::sse::append_id(out, id);
  proto::sse::append_event(out, gap_event, gap_data(gap));
}

}  // namespace sluice::topic
