// What replies about one Redis stream say: XINFO STREAM, and the entries of XREAD and XRANGE, as values; and an entry
// as an event. Pure; used by the Redis streams adapter on its home worker's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/topic/event.h"
#include "gateway/topic/position_format.h"
#include "proto/redis.h"

namespace sluice::source {

// A stream's state, of a key that need not exist.
struct RedisStreamInfo {
  topic::NumberPair last;   // last-generated-id; 0-0: nothing was ever added
  topic::NumberPair first;  // of the oldest entry that there is; 0-0: none
  std::uint64_t added = 0;  // entries-added, in the stream's life
  std::uint64_t length = 0;
  std::size_t newest_size = 0;  // of the last entry that there is, in bytes
  bool exists = false;
  bool counted = false;  // `added` is what the server says, since Redis 7
  // Entries that were added and are gone.
  [[nodiscard]] std::uint64_t removed() const { return added - std::min(added, length); }
};
// nullopt: an error that is not "no such key"; its text is in `reply`.
[[nodiscard]] std::optional<RedisStreamInfo> parse_stream_info(const proto::RedisReply& reply);

[[nodiscard]] std::string redis_id(const topic::NumberPair& id);  // "1795332250205-0"
// The greatest id below; of 0-0 itself.
[[nodiscard]] topic::NumberPair redis_id_before(const topic::NumberPair& id);

struct RedisEntry {
  topic::NumberPair id;
  std::string_view position;                               // the id as Redis writes it; in the reply
  const std::vector<proto::RedisReply>* fields = nullptr;  // name, value, name, value, …; in the reply
};
// Of the array that XRANGE answers, and XREAD for each key. Entries that are none are left out.
[[nodiscard]] std::vector<RedisEntry> parse_entries(const proto::RedisReply& array);

// The bytes of the largest of them.
[[nodiscard]] std::size_t largest_entry(const proto::RedisReply& array);

// By `map.*`; without: `data`, `event` and `key`, or the whole entry as JSON where it has no `data`.
[[nodiscard]] topic::Event to_event(const RedisEntry& entry, const config::Mapping& map);
// The same over another event, whose memory is used again.
void set_event(topic::Event& event, const RedisEntry& entry, const config::Mapping& map);

}  // namespace sluice::source
