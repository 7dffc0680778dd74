#include "gateway/source/nats_message.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "gateway/source/mapping.h"
#include "gateway/source/sanitise.h"
#include "gateway/source/topic_below.h"
#include "gateway/topic/position_format.h"
#include "gateway/topic/topics.h"

namespace sluice::source {

namespace {

bool is_pointer(std::string_view mapping) { return mapping.starts_with('/'); }

std::string_view payload_of(natsMsg* message) {
  return {natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message))};
}

std::optional<std::string> field(natsMsg* message, std::string_view payload, const std::string& mapping) {
  if (is_pointer(mapping)) return by_pointer(payload, mapping);
  const char* value = nullptr;
  if (natsMsgHeader_Get(message, mapping.c_str(), &value) != NATS_OK || value == nullptr) return std::nullopt;
  return std::string(value);
}

const std::string& name_or(const std::string& mapping, const std::string& otherwise) {
  return mapping.empty() ? otherwise : mapping;
}

const std::string event_header = "event", key_header = "key";

}  // namespace

NatsMapping::NatsMapping(const config::Source& config, const config::Limits& limits)
    : config_(config), limits_(limits), subjects_(config.name, config.subject, limits.topic_name) {}

bool NatsMapping::may_have(std::string_view topic) const {
  const bool below = topic.starts_with(config_.name) && topic.substr(config_.name.size()).starts_with('/');
  if (maps_topics()) return below || topic == config_.name;
  if (topic::is_pattern(topic)) return below && subjects_.has_wildcards();
  return subjects_.subject_of(topic).has_value();
}

std::optional<std::string> NatsMapping::topic_of(natsMsg* message, std::string_view payload) const {
  if (!maps_topics()) return subjects_.topic_of(natsMsg_GetSubject(message));
  const auto below = field(message, payload, config_.map.topic);
  if (!below) return std::nullopt;
  return topic_below(config_.name, *below, limits_.topic_name);
}

NatsArrival NatsMapping::arrival(natsMsg* message) const {
  const std::string_view payload = payload_of(message);
  NatsArrival arrival;
  const auto dropped = [&arrival](const char* why) {
    arrival.topic.clear();
    arrival.flaw = why;
    return std::move(arrival);
  };
  auto topic = topic_of(message, payload);
  if (!topic) return dropped("no topic can have that name: dropped");
  topic::Event& event = arrival.event;
  if (config_.map.data.empty()) {
    event.data = payload;
  } else {
    auto data = field(message, payload, config_.map.data);
    if (!data) return dropped("map.data finds nothing in it: dropped");
    event.data = std::move(*data);
  }
  event.type = field(message, payload, name_or(config_.map.event, event_header)).value_or("");
  event.key = field(message, payload, name_or(config_.map.key, key_header));
  const Sanity sanity = sanitise(event, limits_);
  if (sanity == Sanity::too_large) return dropped("too large: dropped (limits.event_size, limits.lines_per_event)");
  if (sanity == Sanity::mended)
    arrival.flaw = "not UTF-8, or a name or key that no event may have: delivered without it";
  arrival.topic = std::move(*topic);
  return arrival;
}

NatsMessage NatsMapping::publication(const std::string& subject, const std::string& reply, const topic::Event& event,
                                     std::string& why) const {
  natsMsg* made = nullptr;
  natsStatus status =
      natsMsg_Create(&made, subject.c_str(), reply.c_str(), event.data.data(), static_cast<int>(event.data.size()));
  NatsMessage message(made);
  const auto set = [&](const std::string& header, const std::string& value) {
    if (status == NATS_OK) status = natsMsgHeader_Set(made, header.c_str(), value.c_str());
  };
  const auto set_mapped = [&](const char* what, const std::string& mapping, const std::string& header,
                              const std::string& value) {
    if (value.empty()) return;
    if (is_pointer(mapping))
      why = std::string("the source reads the ") + what + " from " + mapping + " of the data: write it there";
    else
      set(name_or(mapping, header), value);
  };
  set_mapped("event's name", config_.map.event, event_header, event.type);
  set_mapped("key", config_.map.key, key_header, event.key.value_or(""));
  set("Nats-Expected-Stream", config_.stream);
  if (!event.idempotency_key.empty()) set("Nats-Msg-Id", event.idempotency_key);
  if (status != NATS_OK) why = natsStatus_GetText(status);
  return why.empty() ? std::move(message) : nullptr;
}

std::optional<NatsDelivery> parse_delivery(std::string_view reply) {
  constexpr std::size_t short_count = 9, long_count = 11;
  if (!reply.starts_with("$JS.ACK.")) return std::nullopt;
  std::array<std::string_view, long_count> tokens;
  std::size_t count = 0;
  for (; count != tokens.size() && !reply.empty(); ++count) {
    tokens[count] = reply.substr(0, reply.find('.'));
    reply.remove_prefix(std::min(tokens[count].size() + 1, reply.size()));
  }
  if (count != short_count && count != long_count) return std::nullopt;
  const std::string_view* const numbers = &tokens[count - 4];  // sequence, count, time, pending
  const auto sequence = topic::parse_number(numbers[0]), delivered = topic::parse_number(numbers[1]),
             time = topic::parse_number(numbers[2]), pending = topic::parse_number(numbers[3]);
  if (!sequence || !delivered || !time || !pending) return std::nullopt;
  return NatsDelivery{*sequence, *delivered, *time, *pending};
}

}  // namespace sluice::source
