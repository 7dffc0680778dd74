#include "gateway/source/redis_publish.h"

#include <utility>

namespace sluice::source {

using boost::system::result;
using proto::RedisReply;
using topic::PublishResult;

namespace {

// ARGV: how long ids are remembered in ms; then id, data, event, key of each event. Answers, for each, "0" or "1"
// (known) and the stream's id. Everything that can fail is tried before anything is written: only the type of the key
// can.
constexpr const char* script = R"(
local answer = {}
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'stream' then return redis.error_reply('WRONGTYPE the key is no stream') end
for at = 2, #ARGV, 4 do
  local known = false
  local memory = 'sluice:id:' .. KEYS[1] .. ':' .. ARGV[at]
  if ARGV[at] ~= '' then known = redis.call('GET', memory) end
  if known then
    answer[#answer + 1] = '1'
    answer[#answer + 1] = known
  else
    local fields = {'data', ARGV[at + 1]}
    if ARGV[at + 2] ~= '' then fields[#fields + 1] = 'event'; fields[#fields + 1] = ARGV[at + 2] end
    if ARGV[at + 3] ~= '' then fields[#fields + 1] = 'key'; fields[#fields + 1] = ARGV[at + 3] end
    local id = redis.call('XADD', KEYS[1], '*', unpack(fields))
    if ARGV[at] ~= '' then redis.call('SET', memory, id, 'PX', ARGV[1]) end
    answer[#answer + 1] = '0'
    answer[#answer + 1] = id
  end
end
return answer
)";

// What an answer that is none means for who published.
PublishResult refusal(const result<RedisReply>& reply) {
  if (!reply && reply.error() == boost::system::errc::connection_aborted)
    return {.kind = PublishResult::Kind::unavailable,
            .detail =
                "the connection to Redis was lost before it answered: the events may have been written; publish "
                "again with the same ids"};
  if (!reply)
    return {.kind = PublishResult::Kind::unavailable, .detail = "Redis is not to be reached; nothing was written"};
  if (reply->text.starts_with("OOM"))
    return {.kind = PublishResult::Kind::storage_full,
            .detail = "Redis is out of memory (maxmemory); nothing was written"};
  return {.kind = PublishResult::Kind::refused, .detail = "Redis refused: " + reply->text};
}

}  // namespace

void redis_publish(RedisLink& link, const std::string& key, const std::vector<topic::Event>& events,
                   const config::Source& config, std::function<void(PublishResult)> done) {
  std::vector<std::string> words = {"EVAL", script, "1", key, std::to_string(config.history.age.count())};
  for (const topic::Event& event : events)
    words.insert(words.end(), {event.idempotency_key, event.data, event.type, event.key.value_or("")});
  link.ask(words, [done = std::move(done)](const result<RedisReply>& reply) {
    if (!reply || reply->is_error()) return done(refusal(reply));
    PublishResult published;
    for (std::size_t index = 0; index + 1 < reply->elements.size(); index += 2) {
      published.repeated += reply->elements[index].text == "1" ? 1 : 0;
      published.positions.push_back(reply->elements[index + 1].text);
    }
    done(std::move(published));
  });
}

void redis_announce(RedisLink& link, const std::string& channel, const std::vector<topic::Event>& events,
                    std::function<void(PublishResult)> done) {
  constexpr std::size_t events_max = 1000;  // a tenth of the commands that may be in flight
  if (events.size() > events_max)
    return done({.kind = PublishResult::Kind::refused, .detail = "a Redis channel takes at most 1000 events at once"});
  for (const topic::Event& event : events)
    if (!event.type.empty() || event.key || !event.idempotency_key.empty())
      return done({.kind = PublishResult::Kind::refused,
                   .detail = "a Redis channel carries data alone: no event name, id or key"});
  std::vector<std::vector<std::string>> commands;
  commands.reserve(events.size());
  for (const topic::Event& event : events) commands.push_back({"PUBLISH", channel, event.data});
  link.transaction(commands, [done = std::move(done)](const result<RedisReply>& reply) {
    if (!reply || reply->is_error()) return done(refusal(reply));
    done({});
  });
}

}  // namespace sluice::source
