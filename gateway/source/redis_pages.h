// RedisPages: reads pages of the past of Redis streams, on a connection of its own so that a long page delays no live
// event. A page is one transaction of XINFO and XRANGE: what it says of losses holds for what it holds. What the server
// refuses (it is busy, or the user may not) is asked again, ever more slowly, and told as the source's trouble. Owned
// by the Redis streams adapter, on its thread. Invariant: every read is answered once, or after stop() never; only what
// the stream itself says makes a gap.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "gateway/source/poison.h"
#include "gateway/source/redis_batch.h"
#include "gateway/source/redis_link.h"
#include "gateway/source/redis_ordinals.h"
#include "gateway/source/redis_stream.h"
#include "gateway/source/source.h"
#include "gateway/source/troubles.h"
#include "gateway/topic/page.h"

namespace sluice::source {

class RedisPages {
 public:
  // All outlive it.
  RedisPages(std::unique_ptr<RedisLink> link, Context& context, Poison& poison, Troubles& troubles,
             RedisOrdinals& ordinals);

  void start();
  void stop();
  // Of one topic, behind which stands `key`.
  void read(const std::string& key, const topic::ReadRequest& request, const topic::ReadLimits& limits,
            topic::ReadDone done);

 private:
  struct Read {
    std::string key;
    topic::ReadRequest request;
    topic::ReadLimits limits;
    topic::ReadDone done;
    std::size_t count = 0;  // entries asked for last
  };
  void ask(Read&& read);
  // What it got is no page: `from_oldest` follows, which the first attempt found out.
  void ask(Read&& read, const std::string& start, std::optional<topic::GapReason> gap);
  void finish(Read&& read, const std::string& start, std::optional<topic::GapReason> gap,
              const proto::RedisReply& reply);
  // Asked again later.
  void put_off(Read&& read, const std::string& why);
  void ask_waiting();

  std::unique_ptr<RedisLink> link_;
  const config::Source& config_;
  Poison& poison_;
  observe::SourceMetrics& metrics_;
  Troubles& troubles_;
  RedisOrdinals& ordinals_;
  Backoff backoff_;
  boost::asio::steady_timer retry_;
  std::unordered_map<std::string, RedisBatch> batches_;  // by key
  std::deque<Read> waiting_;                             // for the connection, or for the next attempt
};

}  // namespace sluice::source
