// Replays: the pages of one source's past that its subscribers read, each read from the engine once for all who ask.
// A page is found by the position that it covers, so that clients at neighbouring positions share it; kept in a cache
// bounded in bytes; few reads are in flight at a time, the rest wait. Owned by the source's home worker, on its thread.
// It never touches a subscriber: it is asked, and answers with a shared page.
// Invariant: every want() is answered once, as soon as the engine has answered; bytes() ≤ the cache's bound.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/topic/page.h"
#include "gateway/topic/position_format.h"

namespace sluice::topic {

class Replays {
 public:
  // Asks the engine; answers in this call or later, in any order.
  using Read = std::function<void(const ReadRequest&, ReadDone)>;
  struct Limits {
    std::size_t bytes = 64 * 1024 * 1024;
    std::size_t in_flight = 4;
    std::chrono::milliseconds unused{60'000};  // a page that nobody asked for goes after this
  };

  Replays(const PositionFormat& format, Read read, Limits limits);
  Replays(const PositionFormat& format, Read read) : Replays(format, std::move(read), Limits{}) {}

  void want(ReadRequest request, TimePoint now, ReadDone done);
  // Drops what nobody uses. Once a second.
  void expire(TimePoint now);

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  // Reads that went to the engine.
  [[nodiscard]] std::uint64_t read_count() const { return reads_; }

 private:
  struct Kept {
    std::string topics, key;
    PagePtr page;
    TimePoint used;
  };
  struct Waiting {
    ReadRequest request;
    ReadDone done;
  };
  [[nodiscard]] PagePtr find(const ReadRequest& request, TimePoint now);
  [[nodiscard]] bool covers(const Page& page, const std::string& after) const;
  void start(ReadRequest request, TimePoint now, ReadDone done);
  void finish(const ReadRequest& request, const std::string& key, TimePoint now, const PagePtr& page);
  void serve_queue(TimePoint now);
  void keep(const ReadRequest& request, const std::string& key, TimePoint now, const PagePtr& page);
  void drop(std::list<Kept>::iterator kept);

  const PositionFormat& format_;
  const Read read_;
  const Limits limits_;
  std::list<Kept> kept_;  // the one used last first
  std::unordered_map<std::string, std::list<Kept>::iterator> by_key_;
  std::unordered_map<std::string, std::vector<ReadDone>> in_flight_;
  std::deque<Waiting> queue_;
  std::size_t bytes_ = 0;
  std::uint64_t reads_ = 0;
  bool serving_ = false;
};

}  // namespace sluice::topic
