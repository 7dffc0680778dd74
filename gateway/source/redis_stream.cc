#include "gateway/source/redis_stream.h"

#include <algorithm>
#include <limits>

#include "gateway/source/mapping.h"
#include "gateway/source/sanitise.h"
#include "proto/json.h"

namespace sluice::source {

namespace {

using proto::RedisReply;

const std::string* find_field(const RedisEntry& entry, std::string_view name) {
  const std::vector<RedisReply>& fields = *entry.fields;
  for (std::size_t index = 0; index + 1 < fields.size(); index += 2)
    if (fields[index].text == name) return &fields[index + 1].text;
  return nullptr;
}

// A field of the entry, or with a leading `/` a value inside its payload.
void read(std::string& to, const RedisEntry& entry, const std::string& mapping, std::string_view otherwise,
          std::string_view payload) {
  to.clear();
  if (mapping.starts_with('/'))
    to = by_pointer(payload, mapping).value_or("");
  else if (const std::string* field = find_field(entry, mapping.empty() ? otherwise : std::string_view(mapping)))
    to = *field;
}

// Of [id, [name, value, …]].
std::size_t size_of(const RedisReply& entry) {
  std::size_t size = 0;
  if (entry.elements.size() != 2) return size;
  for (const RedisReply& field : entry.elements[1].elements) size += field.text.size();
  return size;
}

std::string whole_entry(const RedisEntry& entry) {
  std::string json = "{";
  const std::vector<RedisReply>& fields = *entry.fields;
  for (std::size_t index = 0; index + 1 < fields.size(); index += 2) {
    if (index != 0) json += ',';
    proto::append_json_string(json, with_valid_utf8(fields[index].text));
    json += ':';
    proto::append_json_string(json, with_valid_utf8(fields[index + 1].text));
  }
  return json + '}';
}

}  // namespace

std::optional<RedisStreamInfo> parse_stream_info(const RedisReply& reply) {
  RedisStreamInfo info;
  if (reply.is_error()) {
    if (reply.text.find("no such key") == std::string::npos) return std::nullopt;
    return info;
  }
  info.exists = true;
  for (std::size_t index = 0; index + 1 < reply.elements.size(); index += 2) {
    const std::string& name = reply.elements[index].text;
    const RedisReply& value = reply.elements[index + 1];
    if (name == "length") info.length = static_cast<std::uint64_t>(value.integer);
    if (name == "last-generated-id")
      info.last = topic::parse_number_pair(value.text, '-').value_or(topic::NumberPair{});
    if (name == "first-entry" && !value.elements.empty())
      info.first = topic::parse_number_pair(value.elements.front().text, '-').value_or(topic::NumberPair{});
    if (name == "last-entry") info.newest_size = size_of(value);
    if (name == "entries-added") {
      info.added = static_cast<std::uint64_t>(value.integer);
      info.counted = true;
    }
  }
  // Before Redis 7 nobody counted: what is gone is then not known to be nothing.
  if (!info.counted) info.added = info.last == topic::NumberPair{} ? 0 : info.length + 1;
  return info;
}

std::string redis_id(const topic::NumberPair& id) { return std::to_string(id.left) + "-" + std::to_string(id.right); }

topic::NumberPair redis_id_before(const topic::NumberPair& id) {
  if (id.right != 0) return {id.left, id.right - 1};
  if (id.left == 0) return {};
  return {id.left - 1, std::numeric_limits<std::uint64_t>::max()};
}

std::vector<RedisEntry> parse_entries(const RedisReply& array) {
  std::vector<RedisEntry> entries;
  entries.reserve(array.elements.size());
  for (const RedisReply& element : array.elements) {
    if (element.elements.size() != 2) continue;  // XREAD of a deleted entry: [id, nil] has no fields
    const auto id = topic::parse_number_pair(element.elements[0].text, '-');
    if (id) entries.push_back({*id, element.elements[0].text, &element.elements[1].elements});
  }
  return entries;
}

std::size_t largest_entry(const RedisReply& array) {
  std::size_t largest = 0;
  for (const RedisReply& entry : array.elements) largest = std::max(largest, size_of(entry));
  return largest;
}

topic::Event to_event(const RedisEntry& entry, const config::Mapping& map) {
  topic::Event event;
  set_event(event, entry, map);
  return event;
}

void set_event(topic::Event& event, const RedisEntry& entry, const config::Mapping& map) {
  const std::string* payload = find_field(entry, "data");
  const std::string_view json = payload == nullptr ? std::string_view() : std::string_view(*payload);
  if (map.data.empty() && payload == nullptr)
    event.data = whole_entry(entry);
  else
    read(event.data, entry, map.data, "data", json);
  read(event.type, entry, map.event, "event", json);
  read(event.key.emplace(), entry, map.key, "key", json);
  if (event.key->empty()) event.key.reset();
}

}  // namespace sluice::source
