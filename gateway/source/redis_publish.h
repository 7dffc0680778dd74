// Publishing into Redis: a batch of events as one script, so that all are written or none, and an event whose id is
// known is not written again. Used by the Redis adapters on their home worker's thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/source/redis_link.h"
#include "gateway/topic/event.h"
#include "gateway/topic/provider.h"

namespace sluice::source {

// XADD into the stream at `key`; answers its ids. Ids of publishers are remembered for `history.age`, in keys beside
// the stream (`sluice:id:<key>:<id>`), so that every node knows them.
void redis_publish(RedisLink& link, const std::string& key, const std::vector<topic::Event>& events,
                   const config::Source& config, std::function<void(topic::PublishResult)> done);
// PUBLISH to a channel; there are no positions to answer.
void redis_announce(RedisLink& link, const std::string& channel, const std::vector<topic::Event>& events,
                    std::function<void(topic::PublishResult)> done);

}  // namespace sluice::source
