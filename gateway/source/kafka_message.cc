#include "gateway/source/kafka_message.h"

#include "gateway/source/mapping.h"
#include "gateway/source/sanitise.h"
#include "gateway/source/topic_below.h"

namespace sluice::source {

namespace {

const std::string event_header = "event";

bool is_pointer(std::string_view mapping) { return mapping.starts_with('/'); }

std::string_view value_of(const rd_kafka_message_t& message) {
  return {static_cast<const char*>(message.payload), message.len};
}

}  // namespace

std::optional<std::string> KafkaMapping::field(rd_kafka_message_t& message, const std::string& mapping) {
  if (is_pointer(mapping)) return by_pointer(value_of(message), mapping);
  rd_kafka_headers_t* headers = nullptr;  // the message's
  const void* value = nullptr;
  std::size_t size = 0;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      rd_kafka_header_get_last(headers, mapping.c_str(), &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      value == nullptr)
    return std::nullopt;
  return std::string(static_cast<const char*>(value), size);
}

KafkaArrival KafkaMapping::arrival(rd_kafka_message_t& message) const {
  const config::Mapping& map = config_.map;
  KafkaArrival arrival;
  const auto dropped = [&arrival](const char* why) {
    arrival.topic.clear();
    arrival.flaw = why;
    return std::move(arrival);
  };
  if (map.topic.empty()) {
    arrival.topic = config_.name;
  } else {
    const auto below = field(message, map.topic);
    auto topic = below ? topic_below(config_.name, *below, limits_.topic_name) : std::nullopt;
    if (!topic) return dropped("no topic can have the name that map.topic finds: dropped");
    arrival.topic = std::move(*topic);
  }
  if (message.len > limits_.event_size && map.data.empty()) return dropped("too large: dropped (limits.event_size)");
  topic::Event& event = arrival.event;
  if (message.payload != nullptr && map.data.empty()) {
    event.data = value_of(message);
  } else if (message.payload != nullptr) {
    auto data = field(message, map.data);
    if (!data) return dropped("map.data finds nothing in it: dropped");
    event.data = std::move(*data);
  }
  event.type = field(message, map.event.empty() ? event_header : map.event).value_or("");
  if (!map.key.empty())
    event.key = field(message, map.key);
  else if (message.key != nullptr)
    event.key = std::string(static_cast<const char*>(message.key), message.key_len);
  const Sanity sanity = sanitise(event, limits_);
  if (sanity == Sanity::too_large) return dropped("too large: dropped (limits.event_size, limits.lines_per_event)");
  if (sanity == Sanity::mended)
    arrival.flaw = "not UTF-8, or a name or key that no event may have: delivered without it";
  return arrival;
}

KafkaMapping::Publication KafkaMapping::publication(const std::string& topic, const topic::Event& event) const {
  const config::Mapping& map = config_.map;
  Publication made;
  made.headers.reset(rd_kafka_headers_new(2));
  const auto set = [&](const char* what, const std::string& header, std::string_view value) {
    if (is_pointer(header))
      made.why = std::string("the source reads the ") + what + " from " + header + " of the data: write it there";
    else
      rd_kafka_header_add(made.headers.get(), header.data(), static_cast<ssize_t>(header.size()), value.data(),
                          static_cast<ssize_t>(value.size()));
  };
  if (!event.type.empty()) set("event's name", map.event.empty() ? event_header : map.event, event.type);
  if (event.key && !map.key.empty()) set("key", map.key, *event.key);
  if (event.key && map.key.empty()) made.key = event.key;
  if (!map.topic.empty() && topic.size() > config_.name.size() && !is_pointer(map.topic))
    set("topic", map.topic, std::string_view(topic).substr(config_.name.size() + 1));
  return made;
}

bool KafkaMapping::may_have(std::string_view topic) const {
  if (config_.map.topic.empty()) return topic == config_.name;
  return topic.starts_with(config_.name) && (topic.size() == config_.name.size() || topic[config_.name.size()] == '/');
}

}  // namespace sluice::source
