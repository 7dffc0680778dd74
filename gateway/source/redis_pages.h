// RedisPages: reads pages of the past of Redis streams, on a connection of its own so that a long page delays no live
// event. A page is one transaction of XINFO and XRANGE: what it says of losses holds for what it holds. Owned by the
// Redis streams adapter, on its thread. Invariant: every read is answered once, or after stop() never.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "gateway/source/poison.h"
#include "gateway/source/redis_link.h"
#include "gateway/source/redis_stream.h"
#include "gateway/topic/page.h"

namespace sluice::source {

class RedisPages {
 public:
  RedisPages(std::unique_ptr<RedisLink> link, const config::Mapping& map, Poison& poison,
             observe::SourceMetrics& metrics);

  void start();
  void stop();
  // Of one topic, behind which stands `key`.
  void read(const std::string& key, const topic::ReadRequest& request, const topic::ReadLimits& limits,
            topic::ReadDone done);
  [[nodiscard]] RedisLink& link() { return *link_; }

 private:
  struct Read {
    std::string key;
    topic::ReadRequest request;
    topic::ReadLimits limits;
    topic::ReadDone done;
  };
  void ask(Read&& read);
  // What it got is no page: `from_oldest` follows, which the first attempt found out.
  void ask(Read&& read, const std::string& start, std::optional<topic::GapReason> gap);
  void finish(Read&& read, const std::string& start, std::optional<topic::GapReason> gap,
              const proto::RedisReply& reply);

  std::unique_ptr<RedisLink> link_;
  const config::Mapping& map_;
  Poison& poison_;
  observe::SourceMetrics& metrics_;
  std::deque<Read> waiting_;  // for the connection
};

}  // namespace sluice::source
