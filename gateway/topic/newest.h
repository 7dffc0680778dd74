// Newest: the newest entry of each key of one log, kept longer than its ring keeps them, and the rounds made of them.
// Only of logs that somebody reads by value: a source with `snapshot`, a route with `slow = "conflate"`. Owned by its
// TopicLog, on its worker's thread; told of every entry and of what the ring forgets. It asks nobody: where the engine
// has older entries, wanted_page() says which page is to be brought.
// Invariant: for each key that changed after covered_from() it has the newest entry, be it one that deletes.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/topic/page.h"
#include "gateway/topic/round.h"

namespace sluice::topic {

class Newest {
 public:
  // What all logs of one source keep on one worker, in bytes.
  struct Budget {
    std::size_t used = 0, most = 256 * 1024 * 1024;
    std::size_t logs = 0;  // each may keep its share, whatever the others keep
  };
  struct Limits {
    std::size_t keys = 10'000;
    std::size_t bytes = 16 * 1024 * 1024;  // memory of the entries, here ...
    Budget* all = nullptr;                 // ... and in all logs; outlives it
  };
  // `after`: only what comes after that entry is known. `whole`: before it there was nothing.
  Newest(const Limits& limits, Sequence after, bool whole);
  ~Newest();
  Newest(const Newest&) = delete;
  Newest& operator=(const Newest&) = delete;

  // --- From its log
  void take(const EntryPtr& entry);
  // The ring no longer has an entry that nobody finds by a key.
  void forget_keyless(Sequence sequence) { covered_from_ = std::max(covered_from_, sequence); }
  // The topic is another one from here on, whose entries come after `position`.
  void restart(Sequence through, const std::string& position);
  // Brings what another log of the source knows into this one, which is over several topics.
  void add(const Newest& of_topic);

  // --- What is older than the log, where its source can read it: once, before the first snapshot
  // `until`: the position after which the log had everything when this was made.
  void want_past(std::string until) {
    reads_past_ = true;
    past_ = Past{.until = std::move(until)};
  }
  // The position after which the next page is wanted (empty: from the oldest); nullptr: none is.
  [[nodiscard]] const std::string* wanted_page() const { return past_ ? &past_->after : nullptr; }
  // nullptr: it is not to be had. It may be a neighbour's that covers the place; any other is passed over: somebody
  // else has brought it.
  void on_page(const PositionFormat& format, const PagePtr& page);

  // --- Rounds
  // Whether what changed after this entry is known.
  [[nodiscard]] bool covers(Sequence after) const { return after >= covered_from_; }
  // `place`: where the reader goes on (its `next`, `through` and `position`).
  [[nodiscard]] RoundPtr snapshot(const TopicLog& log, Round&& place);
  // What changed after `after`, with the entries of the ring that have no key. Only where it covers() that.
  // nullptr, unless `lost`, where the round would still hold more than 75 % of what it replaces. After that, readers at
  // or after that place are refused without counting until `patience` more entries have come.
  [[nodiscard]] RoundPtr changed(const TopicLog& log, Sequence after, Round&& place, bool lost, std::uint64_t patience);

  // Keys, those of which only the deletion is known included; and the others.
  [[nodiscard]] std::size_t size() const { return by_key_.size(); }
  [[nodiscard]] std::size_t value_count() const { return loaded_.size() + taken_.size(); }
  [[nodiscard]] std::size_t footprint() const { return bytes_; }

 private:
  using List = std::list<EntryPtr>;
  struct Kept {
    List* list;
    List::iterator place;
  };
  struct Past {
    std::string until, after;
  };
  void put(const EntryPtr& entry, List& list);
  void count(std::size_t more, std::size_t less);
  void clear();
  void forget(List& list);
  void shrink();
  [[nodiscard]] bool is_full() const;
  // Stops loading: something newer than what is to come has been forgotten, or cannot be read.
  void give_up_past();
  [[nodiscard]] bool covers_wanted(const PositionFormat& format, const Page& page) const;
  // How many entries a round of changes would have.
  [[nodiscard]] std::size_t count_changed(const TopicLog& log, Sequence after) const;

  const Limits limits_;
  std::unordered_map<std::string_view, Kept> by_key_;  // views into the entries
  List loaded_, taken_, deleted_;                      // from pages; from the log; those that delete: the oldest first
  std::size_t bytes_ = 0;
  Sequence covered_from_;
  bool whole_, reads_past_ = false;
  std::optional<Past> past_;
  std::weak_ptr<const Round> snapshot_, changed_;  // while somebody is sent it
  Sequence changed_after_ = 0;
  Sequence refused_after_ = 0;  // a round from there saved little, ...
  Offset refused_until_ = 0;    // ... and is not looked at before the log's head is here
};

}  // namespace sluice::topic
