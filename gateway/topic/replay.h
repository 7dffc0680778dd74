// Replays: the pages of one source's past that its subscribers read, each read from the engine once for all who ask.
// A page is found by the position that it covers, so that clients at neighbouring positions share it; kept in a cache
// bounded in bytes and age; few reads are in flight at a time, the rest wait in the order in which they came. Owned by
// the source's home worker, on its thread. It never touches a subscriber: it is asked, and answers with a shared page.
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
  // The newest entry that the source has appended (Page::appended).
  using LastAppended = std::function<Sequence()>;
  struct Limits {
    std::size_t bytes = 64 * 1024 * 1024;
    std::size_t in_flight = 4;
    std::chrono::milliseconds unused{60'000};  // a page that nobody asked for goes after this
    // What an engine has deleted since is not sent for longer than this.
    std::chrono::milliseconds age{60'000};
  };

  Replays(const PositionFormat& format, Read read, LastAppended last_appended, Limits limits);
  Replays(const PositionFormat& format, Read read, LastAppended last_appended)
      : Replays(format, std::move(read), std::move(last_appended), Limits{}) {}

  void want(ReadRequest request, TimePoint now, ReadDone done);
  // Drops what nobody uses, and what is old. Once a second.
  void expire(TimePoint now);
  // Drops all pages, those that are being read when they come: the engine's stream is another one now.
  void forget();

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  // Reads that went to the engine.
  [[nodiscard]] std::uint64_t read_count() const { return reads_; }

 private:
  struct Kept {
    std::string topics, key;
    PagePtr page;
    TimePoint read, used;
  };
  using KeptList = std::list<Kept>;
  // Who asked for one page.
  struct Asked {
    ReadRequest request;
    std::vector<ReadDone> askers;
    Sequence appended = 0;     // when the engine was asked
    std::uint64_t forgot = 0;  // forgot_ then
  };
  [[nodiscard]] PagePtr find(const ReadRequest& request, const std::string& key, TimePoint now);
  [[nodiscard]] bool covers(const Page& page, const std::string& after) const;
  void start(const std::string& key, Asked&& asked, TimePoint now);
  void finish(const std::string& key, TimePoint now, PagePtr page);
  void serve_queue(TimePoint now);
  void keep(const Asked& asked, const std::string& key, TimePoint now, const PagePtr& page);
  void drop(KeptList::iterator kept);

  const PositionFormat& format_;
  const Read read_;
  const LastAppended last_appended_;
  const Limits limits_;
  KeptList kept_;  // the one used last first
  std::unordered_map<std::string, KeptList::iterator> by_key_;
  std::unordered_map<std::string, std::vector<KeptList::iterator>> by_topics_;
  std::unordered_map<std::string, Asked> in_flight_, waiting_;
  std::deque<std::string> queue_;  // the keys of waiting_
  std::size_t bytes_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t forgot_ = 0;
  bool serving_ = false;
};

}  // namespace sluice::topic
