// Merge: the cursors of one stream over several topics, read as one: entries of one source in the order of its
// sequences, entries of different sources as they arrived. Owned by an EventStream, on its worker's thread.
// With one source an entry's own id is the stream's; with several the stream has an id line of its own, one part per
// source, and sends only the rest of the entry.
// Invariant: the id last rendered names, for each source, a position up to which every topic of the stream has been
// sent or its loss announced. A gap therefore comes before any event, and moves the id to its last lost position only
// as far as no other topic is behind: a client that comes back before that is told of it again (ARCHITECTURE.md).
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "gateway/topic/cursor.h"
#include "gateway/topic/start.h"
#include "proto/byte_buffer.h"

namespace sluice::topic {

class Merge {
 public:
  explicit Merge(Subscriber& subscriber) : subscriber_(subscriber) {}
  Merge(const Merge&) = delete;
  Merge& operator=(const Merge&) = delete;

  // Adds a topic; all topics of one source one after the other. The caller has joined the log.
  void add(Topics& topics, TopicLog& log, const Start& start, std::string_view position);
  // Leaves every log.
  void leave(TimePoint now);

  // Appends at most `room` bytes of what comes next. Returns the number of entries (and gaps) completed.
  std::uint32_t render(std::size_t room, ByteBuffer& out);
  // There is something to render.
  [[nodiscard]] bool pending() const;
  // Between two events: other text may be sent.
  [[nodiscard]] bool at_boundary() const { return current_ == nullptr && text_.empty(); }
  [[nodiscard]] std::size_t current_rest() const;
  // Ends what render() may give to the rest of the event that has begun.
  void stop() { stopped_ = true; }
  // The stream's id now.
  [[nodiscard]] std::string id() const;
  [[nodiscard]] std::vector<std::string_view> topic_names() const;
  [[nodiscard]] std::uint32_t gap_count() const { return gaps_; }

 private:
  struct Part {  // one source
    Topics* topics;
    std::string position;
  };
  struct Member {  // one topic
    std::size_t part;
    Cursor cursor;
    std::optional<GapReason> gap;  // at the start
    std::string gap_from;
    [[nodiscard]] bool has_gap() const { return gap.has_value() || cursor.has_gap(); }
    // Its place in the source's order; nullopt: nothing to send.
    [[nodiscard]] std::optional<Sequence> next() const;
  };
  // The member whose entry or gap comes next.
  [[nodiscard]] Member* select();
  void announce_gap(Member& member);
  // Moves the id of a source to the last position that any of its topics has lost, as far as no topic is behind it.
  void advance(Part& part, std::size_t index);

  Subscriber& subscriber_;
  std::vector<Part> parts_;
  std::deque<Member> members_;  // a cursor does not move
  Member* current_ = nullptr;   // whose entry is partly sent
  std::string text_;            // an id line or a gap, partly sent
  std::size_t text_sent_ = 0;
  std::uint32_t gaps_ = 0;
  bool stopped_ = false;
};

}  // namespace sluice::topic
