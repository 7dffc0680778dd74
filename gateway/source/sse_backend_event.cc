#include "gateway/source/sse_backend_event.h"

#include <utility>

namespace sluice::source {
namespace {

using Kind = SseBackendEvent::Kind;

// Of the JSON of a sluice.gap; another server's words are one of ours.
topic::GapReason reason_in(std::string_view data) {
  for (std::size_t index = 0; index != topic::gap_reason_count; ++index) {
    const auto reason = static_cast<topic::GapReason>(index);
    if (data.find("\"reason\":\"" + std::string(name(reason)) + '"') != std::string_view::npos) return reason;
  }
  return topic::GapReason::source_lost;
}

Kind kind_of(std::string_view type) {
  if (!type.starts_with("sluice.")) return Kind::event;
  if (type == "sluice.gap") return Kind::gap;
  if (type == "sluice.open") return Kind::open;
  return type == "sluice.error" ? Kind::error : Kind::ignored;
}

}  // namespace

SseBackendEvent SseBackendReader::take(const proto::sse::EventView& view) {
  SseBackendEvent taken;
  taken.kind = kind_of(view.type);
  const auto id = encode_backend_id(view.last_event_id);
  if (view.has_id && !id && taken.kind == Kind::event) poison_.count("an id that cannot be sent on", topic_);
  taken.has_id = view.has_id && id && *id != last_;
  taken.sent_again = view.has_id && id && *id == last_;
  if (id) last_ = *id;
  if (taken.kind == Kind::event) {
    taken.event = {.type = view.type == "message" ? std::string() : std::string(view.type),
                   .data = std::string(view.data)};
    if (!poison_.pass(taken.event, topic_)) taken.kind = Kind::ignored;
  } else if (taken.kind == Kind::gap) {
    taken.reason = reason_in(view.data);
  }
  if (taken.kind == Kind::event || taken.kind == Kind::gap)
    taken.position = taken.has_id ? last_ : own_position();
  else if (taken.kind == Kind::open)
    taken.position = id.value_or("");
  return taken;
}

void SseBackendReader::on_too_large(std::string_view last_event_id) {
  poison_.count("too large: dropped (limits.event_size)", topic_);
  if (const auto id = encode_backend_id(last_event_id)) last_ = *id;
}

}  // namespace sluice::source
